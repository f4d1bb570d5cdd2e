"""The staff's page of the grading, and who is led to it."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from courses.models import Cohort, User
from labs.models import GradingRun, LabUnit, Submission
from labs.services.grading_times import PHASES
from labs.states import GradingOutcome, GradingStatus, SessionStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSubmission

pytestmark = pytest.mark.django_db

PAGE = "/grading/"
MINUTE = timedelta(minutes=1)

MakeRun = Callable[..., GradingRun]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def as_staff(staff: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(staff)


@pytest.fixture
def make_run(make_submission: MakeSubmission) -> MakeRun:
    """Runs of ada's lab."""

    def make_run(
        status: GradingStatus = GradingStatus.FINISHED, *, ago: timedelta = MINUTE, **fields: Any
    ) -> GradingRun:
        at = timezone.now() - ago
        if status in (GradingStatus.QUEUED, GradingStatus.RUNNING):
            fields = {"outcome": "", "finished_at": None, "in_line_since": at, "queued_at": at, **fields}
        else:
            fields = {"finished_at": at, "queued_at": at - timedelta(seconds=4), **fields}
        fields.setdefault("submission", make_submission())
        run: GradingRun = make.GradingRunFactory.create(status=status, **fields)
        return run

    return make_run


def shown(client: Client, address: str = PAGE) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


@pytest.mark.parametrize("address", [PAGE, "/grading/now", "/grading/times"])
def test_only_a_factorys_staff_see_the_grading(
    address: str, as_staff: Client, as_ada: Client, as_ben: Client, sign_in: Any, administrator: User
) -> None:
    assert as_staff.get(address).status_code == 200
    assert sign_in(administrator).get(address).status_code == 200
    assert [client.get(address).status_code for client in (as_ada, as_ben)] == [404, 404]
    assert as_staff.post(address).status_code == 405


def test_before_anything_was_graded_the_page_says_what_will_stand_here(as_staff: Client) -> None:
    page = shown(as_staff)
    assert "Nothing has been graded yet" in page
    assert "How long it takes" not in page


def test_a_queue_that_is_kept_up_with(as_staff: Client, make_run: MakeRun) -> None:
    make_run()
    make_run(GradingStatus.QUEUED, ago=timedelta(seconds=2))
    page = shown(as_staff)
    assert "Grading keeps up: 1 run waits." in page
    assert "Half of the marks of the last hour were there within 4.0 s" in page
    assert "Practise" in page
    assert "Next in turn" in page


def test_a_queue_that_grows_and_one_that_gets_shorter(as_staff: Client, make_run: MakeRun) -> None:
    now = timezone.now()
    make_run()
    make_run(GradingStatus.RUNNING, claimed_at=now, heartbeat_at=now, worker="host:1")
    make_run(GradingStatus.QUEUED)
    page = shown(as_staff)
    assert "The queue grows: 1 run waits." in page
    assert "In the last 5 minutes 3 came and 1 were graded." in page

    GradingRun.objects.filter(status=GradingStatus.QUEUED).update(queued_at=now - 30 * MINUTE)
    for _ in range(4):
        make_run(queued_at=now - 30 * MINUTE)
    assert "1 run waits, and the queue gets shorter." in shown(as_staff)


def test_a_queue_without_a_worker_is_told_plainly(as_staff: Client, make_run: MakeRun) -> None:
    make_run(GradingStatus.QUEUED, ago=4 * MINUTE)
    page = shown(as_staff)
    assert "though 1 run waits" in page
    assert "Does a grading worker run" in page

    make_run(GradingStatus.QUEUED, reason="box_unavailable")
    assert "could not set up an isolated box" in shown(as_staff)


def test_workers_are_listed_with_their_signs_of_life(as_staff: Client, make_run: MakeRun) -> None:
    now = timezone.now()
    make_run(worker="host:1")
    make_run(GradingStatus.RUNNING, worker="host:2", claimed_at=now, heartbeat_at=now - 5 * MINUTE)
    page = shown(as_staff)
    assert "host:1" in page
    assert "no sign of life for 5 min" in page


def test_labs_of_other_factories_are_counted_and_not_named(as_staff: Client, make_run: MakeRun) -> None:
    make_run(GradingStatus.QUEUED)
    release = make.LabReleaseFactory.create(lab__slug="hidden-lab")
    make_run(GradingStatus.QUEUED, submission=make.SubmissionFactory.create(release=release))
    for status, fields in (
        (GradingStatus.FINISHED, {"outcome": GradingOutcome.TIMEOUT}),
        (GradingStatus.FAILED, {"outcome": "", "reason": "grading_failed"}),
    ):
        make_run(status, submission=make.SubmissionFactory.create(release=release), **fields)
    make.GradingPauseFactory.create(note="hidden-note")
    for address in (PAGE, "/grading/now", "/grading/times"):
        page = shown(as_staff, address)
        assert ("Labs of other factories" in page) is (address != "/grading/times")
        assert not re.search(r"hidden-(lab|note)|/labs/submissions/|Given up", page)


def test_times_stand_by_phase_and_lab(as_staff: Client, make_run: MakeRun) -> None:
    make_run(phase_seconds=dict.fromkeys(PHASES, 1.5))
    page = shown(as_staff)
    row = page.partition("<tbody>")[2].rpartition("All labs</th>")[2].partition("</tr>")[0]
    assert [row.count("1.5 s"), row.count("4.0 s")] == [2 * len(PHASES), 2]
    for phase in PHASES:
        assert f'<rect class="phase-{phase}" x=' in page


def test_the_times_are_of_an_hour_or_a_day(as_staff: Client, make_run: MakeRun) -> None:
    make_run(ago=3 * 60 * MINUTE)
    assert "Nothing was graded in the last hour." in shown(as_staff)
    assert "All labs" in shown(as_staff, "/grading/times?over=day")
    assert "over=day" in shown(as_staff, "/grading/times?over=day")
    assert "Nothing was graded in the last hour." in shown(as_staff, "/grading/times?over=year")


def test_a_lab_in_which_much_runs_out_of_time_is_marked(as_staff: Client, make_run: MakeRun) -> None:
    for _ in range(5):
        make_run(outcome=GradingOutcome.TIMEOUT)
    page = shown(as_staff, "/grading/times")
    assert "badge-warn" in page
    assert "(often)" in page


def test_what_we_failed_to_grade_leads_to_the_submission(as_staff: Client, make_run: MakeRun) -> None:
    run = make_run(GradingStatus.FAILED, outcome="", reason="grading_failed", try_number=3)
    page = shown(as_staff)
    assert reverse("labs:submission", args=[run.submission.public_id]) in page
    assert "after 3 tries" in page
    assert "Given up after the last try" in page


def test_nobodys_check_is_named(as_staff: Client, make_run: MakeRun) -> None:
    make_run(
        GradingStatus.FAILED,
        submission=make.CheckFactory.create(),
        outcome="",
        reason="check_failed",
    )
    assert "/labs/submissions/" not in shown(as_staff)


def test_graders_are_told_in_words_for_staff(as_staff: Client, make_run: MakeRun, cohort: Cohort) -> None:
    make_run()
    make.GraderFactory.create(hub=cohort.factory.hub, status=SessionStatus.FAILED, reason="grader_lost")
    page = shown(as_staff)
    assert "Graders with a GPU" in page
    assert "The factory’s grader ended while it graded" in page
    assert "Nothing waits to be graded." in page
    assert "The grader of" not in page


def test_work_that_waits_for_a_grader_that_has_failed_is_told_first(
    as_staff: Client, make_run: MakeRun, cohort: Cohort
) -> None:
    make_run(GradingStatus.QUEUED, factory=cohort.factory)
    make.GraderFactory.create(
        hub=cohort.factory.hub, status=SessionStatus.FAILED, reason="grader_not_started"
    )
    page = shown(as_staff)
    assert f"The grader of {cohort.factory.name} has failed, and 1 run waits for it." in page
    assert "Nothing waits for a worker.</strong> 1 run waits for the grader of a factory." in page
    assert "which has failed" in shown(as_staff, f"/factories/{cohort.factory.slug}/")

    make.GraderFactory.create(hub=cohort.factory.hub, status=SessionStatus.SPAWNING)
    assert "The start before it failed: The factory could not start its grader" in shown(as_staff)


def test_the_fragment_is_not_sent_again_while_nothing_changes(as_staff: Client, make_run: MakeRun) -> None:
    make_run()
    seen = re.search(r'/grading/now\?seen=([^"]+)"', shown(as_staff))
    assert seen
    assert as_staff.get("/grading/now", {"seen": seen[1]}).status_code == 204

    make_run(GradingStatus.QUEUED, ago=timedelta(seconds=2))
    changed = as_staff.get("/grading/now", {"seen": seen[1]})
    assert changed.status_code == 200
    assert 'id="grading-announcement" hx-swap-oob' in changed.content.decode()


def test_the_page_costs_the_same_however_much_there_is(
    as_staff: Client, make_run: MakeRun, cohort: Cohort, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    def add(lab_unit: LabUnit, number: int) -> None:
        now = timezone.now()
        for n in range(number):
            own: dict[str, Any] = {"enrolment__cohort": cohort, "release": lab_unit.release}
            for status in (GradingStatus.QUEUED, GradingStatus.FINISHED, GradingStatus.FAILED):
                make_run(status, submission=make.SubmissionFactory.create(**own), worker=f"host:{n}")
            make_run(
                GradingStatus.RUNNING,
                submission=make.SubmissionFactory.create(**own),
                claimed_at=now,
                heartbeat_at=now,
                worker=f"host:{n}",
            )
            make_run(outcome=GradingOutcome.TIMEOUT, submission=make.SubmissionFactory.create(**own))
        make.GradingPauseFactory.create(lab=lab_unit.release.lab)

    module = cohort.release.modules.get()
    units = [make_courses.UnitFactory.create(module=module, kind="lab") for _ in range(3)]
    for unit in units[:2]:
        add(make.LabUnitFactory.create(unit=unit), 2)
    shown(as_staff)
    few = count_queries(lambda: shown(as_staff))
    add(make.LabUnitFactory.create(unit=units[2]), 4)
    assert count_queries(lambda: shown(as_staff)) == few


def test_a_team_sees_how_each_run_went_and_its_learner_does_not(
    as_ben: Client, as_ada: Client, make_run: MakeRun
) -> None:
    submission: Submission = make_run(
        worker="host:7", try_number=2, phase_seconds={"queued": 1.2, "executed": 2.3}
    ).submission
    address = f"/labs/submissions/{submission.public_id}/"
    page = shown(as_ben, address)
    assert "waited 1.2 s, ran 2.3 s" in page
    assert "Try 2" in page
    assert "worker host:7" in page
    assert "host:7" not in shown(as_ada, address)


def test_the_top_bar_leads_staff_to_the_grading_and_says_when_to_look(
    as_staff: Client, as_ben: Client, make_run: MakeRun
) -> None:
    assert f'href="{PAGE}"' not in shown(as_ben, "/courses/")
    page = shown(as_staff, "/courses/")
    assert f'href="{PAGE}"' in page
    assert "(look at it)" not in page

    make_run(GradingStatus.FAILED, outcome="", reason="grading_failed")
    cache.clear()
    assert "(look at it)" in shown(as_staff, "/courses/")


def test_who_has_several_factories_finds_the_grading_among_them(
    sign_in: Callable[[User], Client], administrator: User
) -> None:
    make_courses.FactoryFactory.create_batch(2)
    menu = shown(sign_in(administrator), "/courses/").partition('<div class="menu-panel">')[2]
    assert f'href="{PAGE}"' in menu.partition("</div>")[0]


def test_a_factorys_page_leads_to_the_grading_and_says_when_to_look(
    as_staff: Client, cohort: Cohort, make_run: MakeRun
) -> None:
    make_run(GradingStatus.FAILED, outcome="", reason="grading_failed")
    make_run(GradingStatus.QUEUED, ago=5 * MINUTE)
    page = shown(as_staff, f"/factories/{cohort.factory.slug}/")
    assert "1 attempt of the last 7 days was not graded" in page
    assert "no worker grades" in page
