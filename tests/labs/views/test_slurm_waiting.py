"""What a learner reads whose lab waits for Slurm, runs on it, or was ended by it."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labs.models import Flavour, Hub, LabSession, LabUnit, SlurmJob
from labs.states import SessionStatus
from labs.work.job_endings import JOB_ENDINGS
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession, session_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def flavour(lab_unit: LabUnit, enrolment: Any) -> Flavour:
    Hub.objects.update(has_slurm=True, slurm_answered_at=timezone.now(), answered_at=timezone.now())
    flavour: Flavour = make.FlavourFactory.create(
        partition__hub=Hub.objects.get(), partition__name="small-g", expected_wait_seconds=360
    )
    make.AllocationFactory.create(cohort=enrolment.cohort, partition=flavour.partition, flavours=[flavour])
    make.FactoryAccountFactory.create(hub=Hub.objects.get())
    return flavour


@pytest.fixture
def waiting(make_session: MakeSession, flavour: Flavour) -> LabSession:
    return make_session(SessionStatus.SPAWNING, flavour=flavour, asked_at=timezone.now())


@pytest.fixture
def submit(waiting: LabSession) -> Callable[..., SlurmJob]:
    def submit(**fields: Any) -> SlurmJob:
        return make.SlurmJobFactory.create(hub=waiting.hub, server_name=waiting.server_name, **fields)

    return submit


def read(client: Client, session: LabSession, part: str = "") -> str:
    return client.get(session_page(session, part)).content.decode()


def test_a_place_is_there_before_the_hub_has_answered(
    as_ada: Client, make_session: MakeSession, flavour: Flavour
) -> None:
    session = make_session(SessionStatus.REQUESTED, flavour=flavour)

    page = read(as_ada, session)

    assert "1st in the queue of small-g" in page
    assert "Your lab waits for its turn" in page


def test_the_place_the_reason_and_the_expected_start_are_said(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob], ada: Any
) -> None:
    ada.time_zone = "Europe/Helsinki"
    ada.save()
    submit(place=4, reason="Priority", expected_start_at=timezone.now() + timedelta(minutes=10))

    page = read(as_ada, waiting)

    assert "4th in the queue of small-g" in page
    assert "Others go before you in this partition" in page
    assert re.search(r"expected <time [^>]*>(\d+ \w+, )?\d\d:\d\d\s(EET|EEST)</time>", page)


def test_what_slurm_does_not_know_is_said_so(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(expected_start_at=None)

    assert "expected start not known yet" in read(as_ada, waiting)


def test_a_start_at_any_moment_is_said_so(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(place=1, expected_start_at=timezone.now() + timedelta(seconds=10))

    assert "any moment now" in read(as_ada, waiting)


def test_who_waits_in_vain_is_warned(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(reason="AssocGrpGRESMinutes")

    page = read(as_ada, waiting)

    assert "notice-warn" in page
    assert "is used up. Waiting does not help" in page
    assert "does not start by itself</strong>" in page
    assert '<progress value="0"' in page


def test_a_reason_that_nobody_knows_is_shown_as_a_term_and_escaped(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(reason="<b>Odd</b>")

    page = read(as_ada, waiting)

    assert "<code>&lt;b&gt;Odd&lt;/b&gt;</code>" in page


def test_the_page_follows_the_place_and_is_otherwise_left_in_peace(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(place=3)
    version = as_ada.get(session_page(waiting)).context["version"]
    assert as_ada.get(session_page(waiting, "status"), {"seen": version}).status_code == 204

    SlurmJob.objects.update(place=2)

    response = as_ada.get(session_page(waiting, "status"), {"seen": version})
    assert response.status_code == 200
    page = response.content.decode()
    assert "2nd in the queue of small-g" in page.rpartition("session-announcement")[2]
    assert "<title>2nd in the queue: Practise" in page


def test_the_tab_of_a_lab_whose_turn_has_come_says_that_it_starts(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(place=None, started_at=timezone.now())

    assert "<title>Starting: Practise" in read(as_ada, waiting)


def test_an_expected_start_that_moves_is_drawn_and_not_read_out(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(expected_start_at=timezone.now() + timedelta(minutes=9, seconds=30))
    version = as_ada.get(session_page(waiting)).context["version"]

    SlurmJob.objects.update(expected_start_at=timezone.now() + timedelta(minutes=4, seconds=30))

    response = as_ada.get(session_page(waiting, "status"), {"seen": version})
    assert response.status_code == 200
    assert "session-announcement" not in response.content.decode()


def test_a_job_that_has_begun_is_no_wait(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(state="RUNNING", started_at=timezone.now())

    response = as_ada.get(session_page(waiting))

    assert "Your lab is starting" in response.content.decode()
    assert [step.state for step in response.context["steps"]] == ["done", "done", "now", "todo", "todo"]
    assert response.context["steps"][2].name == "Starting at LUMI AI Factory"


def test_a_slurm_that_does_not_answer_is_named_with_its_time_and_the_place_is_kept(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(place=4)
    Hub.objects.update(slurm_answered_at=timezone.now() - timedelta(seconds=50))
    assert "has not answered since" not in read(as_ada, waiting)

    Hub.objects.update(slurm_answered_at=timezone.now() - timedelta(seconds=70))

    page = read(as_ada, waiting)
    assert "Slurm of LUMI has not answered since" in page
    assert "Your place is kept" in page
    assert "4th in the queue of small-g" in page


def test_a_running_lab_is_not_troubled_by_a_silent_slurm(
    as_ada: Client, make_session: MakeSession, flavour: Flavour
) -> None:
    session = make_session(flavour=flavour)
    Hub.objects.update(slurm_answered_at=timezone.now() - timedelta(hours=1))

    assert "has not answered since" not in read(as_ada, session)


def test_a_wait_can_be_given_up_and_what_is_lost_is_said(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit()

    page = read(as_ada, waiting)

    assert "You give up your place in the queue" in page
    assert "Your work stays here as it was last saved" in page


def test_nothing_is_said_of_development_where_there_is_slurm(
    as_ada: Client, waiting: LabSession, address: str
) -> None:
    Hub.objects.update(is_development=True)

    assert "without a GPU" not in read(as_ada, waiting)
    assert "no GPU" not in read(as_ada, waiting)
    assert "without a GPU" not in as_ada.get(f"{address}lab").content.decode()


def test_a_running_lab_says_where_it_runs_and_what_it_costs(
    as_ada: Client, make_session: MakeSession, flavour: Flavour
) -> None:
    page = read(as_ada, make_session(flavour=flavour))

    assert "Kajaani small-g</strong>: 1 GPU (MI250X), 64 GB of GPU memory, 7 cores, 60 GB of memory." in page
    assert "0.5 GPU-hours" in page


@pytest.mark.parametrize(("minutes", "is_warned"), [(14, True), (4, True), (16, False)])
def test_before_the_end_the_wait_for_a_new_job_is_told(
    as_ada: Client, address: str, make_session: MakeSession, flavour: Flavour, minutes: int, is_warned: bool
) -> None:
    session = make_session(flavour=flavour, ends_at=timezone.now() + timedelta(minutes=minutes))

    for page in (read(as_ada, session), as_ada.get(f"{address}lab").content.decode()):
        words = "a new job waits in the queue of small-g (expected wait: about 6 min)."
        assert (words in page) == is_warned
    assert "small-g again (expected wait: about 6 min)" in read(as_ada, session)


@pytest.mark.parametrize("reason", sorted({*JOB_ENDINGS.values(), "job_refused_quota_exceeded"}))
def test_every_end_by_slurm_is_explained_with_one_thing_to_do(
    as_ada: Client, make_session: MakeSession, flavour: Flavour, reason: str
) -> None:
    session = make_session(
        SessionStatus.FAILED, reason=reason, flavour=flavour, asked_at=timezone.now(), ended_at=timezone.now()
    )

    page = read(as_ada, session)

    assert reason not in page
    assert page.count("btn-ember") == 1
    assert "Start lab again" in page


def test_a_job_that_was_refused_failed_in_the_queue(
    as_ada: Client, make_session: MakeSession, flavour: Flavour
) -> None:
    refused = make_session(SessionStatus.FAILED, reason="job_refused_qos_invalid", flavour=flavour)
    states = [step.state for step in as_ada.get(session_page(refused)).context["steps"]]
    assert states == ["done", "failed", "todo", "todo", "todo"]


def test_the_labs_page_says_the_place_too(
    as_ada: Client, address: str, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(place=4)

    assert "4th in the queue of small-g" in as_ada.get(f"{address}lab").content.decode()


def test_the_top_bar_says_the_place(
    as_ada: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(place=4)
    page = as_ada.get("/labs/running/").content.decode()
    assert "4th in the queue" in page
    version = re.search(r"seen=([^\"]+)", page)
    assert version is not None

    SlurmJob.objects.update(place=3)

    assert "3rd in the queue" in as_ada.get("/labs/running/", {"seen": version[1]}).content.decode()


def test_the_team_sees_who_waits_where(
    as_ben: Client, waiting: LabSession, submit: Callable[..., SlurmJob]
) -> None:
    submit(place=4)
    assert waiting.enrolment is not None

    page = as_ben.get(f"/teach/{waiting.enrolment.cohort.public_id}/").content.decode()

    assert "4th in the queue of small-g" in page


def test_what_a_waiting_learner_asks_for_costs_the_same_however_many_wait(
    as_ada: Client,
    address: str,
    waiting: LabSession,
    flavour: Flavour,
    submit: Callable[..., SlurmJob],
    count_queries: Callable[[Callable[[], object]], int],
) -> None:
    submit()
    pages = (session_page(waiting, "status"), "/labs/running/", f"{address}lab")
    before = [count_queries(partial(as_ada.get, page)) for page in pages]
    for _ in range(10):
        other = make.LabSessionFactory.create(
            flavour=flavour, hub=flavour.partition.hub, status=SessionStatus.SPAWNING
        )
        make.SlurmJobFactory.create(hub=other.hub, server_name=other.server_name)

    assert [count_queries(partial(as_ada.get, page)) for page in pages] == before
