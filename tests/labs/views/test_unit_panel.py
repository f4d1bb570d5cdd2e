"""The lab's part of a unit's page: one next step, start and submit, and when it stops asking."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from courses.models import Enrolment, User
from labs.models import Hub, LabSession, LabUnit, Submission, Workspace
from labs.states import GradingStatus, SessionStatus, SubmissionStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession, MakeSubmission

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(enrolment: Enrolment, lab_unit: LabUnit) -> str:
    return f"/learn/{enrolment.cohort.public_id}/{lab_unit.unit.slug}/"


def test_a_new_learner_is_offered_the_start_and_nothing_else(as_ada: Client, address: str) -> None:
    page = as_ada.get(f"{address}lab").content.decode()

    assert "Start lab" in page
    assert 'id="lab-submit"' not in page
    assert 'id="lab-stop"' not in page


@pytest.mark.parametrize(
    ("status", "shown", "hidden"),
    [
        (SessionStatus.REQUESTED, ["lab-follow", "session-stop"], ["lab-start", "lab-submit", "lab-open"]),
        (SessionStatus.SPAWNING, ["lab-follow", "session-stop"], ["lab-start", "lab-submit", "lab-open"]),
        (SessionStatus.READY, ["lab-open", "lab-submit", "session-stop"], ["lab-start", "lab-follow"]),
        (SessionStatus.STOPPING, [], ["lab-start", "lab-submit", "lab-open", "session-stop"]),
        (SessionStatus.FAILED, ["lab-start"], ["lab-submit", "lab-open", "session-stop"]),
    ],
)
def test_the_panel_offers_what_its_session_allows(
    as_ada: Client,
    address: str,
    make_session: MakeSession,
    status: SessionStatus,
    shown: list[str],
    hidden: list[str],
) -> None:
    make_session(status)

    page = as_ada.get(f"{address}lab").content.decode()

    assert all(f'id="{name}"' in page for name in shown)
    assert not any(f'id="{name}"' in page for name in hidden)


def test_the_panel_says_when_the_work_was_saved_in_the_readers_zone(
    as_ada: Client, address: str, make_session: MakeSession, enrolment: Enrolment
) -> None:
    enrolment.learner.time_zone = "Europe/Athens"
    enrolment.learner.save()
    make_session(work_saved_at=timezone.now().replace(hour=0, minute=5) - timedelta(days=400))

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Your work was last saved at" in page
    assert "02:05\N{NO-BREAK SPACE}EET" in page or "03:05\N{NO-BREAK SPACE}EEST" in page


def test_development_is_said_plainly(as_ada: Client, address: str, enrolment: Enrolment) -> None:
    enrolment.cohort.factory.hub.is_development = True
    enrolment.cohort.factory.hub.save()

    assert "without a GPU" in as_ada.get(f"{address}lab").content.decode()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (SessionStatus.REQUESTED, "The factory does not answer at the moment."),
        (SessionStatus.STOPPING, "longer than usual"),
    ],
)
def test_a_factory_that_keeps_somebody_waiting_is_explained(
    as_ada: Client, address: str, make_session: MakeSession, status: SessionStatus, words: str
) -> None:
    now = timezone.now()
    session = make_session(status, requested_at=now, stop_requested_at=now)
    assert words not in as_ada.get(f"{address}lab").content.decode()

    long_ago = now - timedelta(minutes=5)
    LabSession.objects.filter(pk=session.pk).update(requested_at=long_ago, stop_requested_at=long_ago)
    assert words in as_ada.get(f"{address}lab").content.decode()


def test_the_reason_of_a_failure_is_a_sentence(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session(SessionStatus.FAILED, reason="server_did_not_start")

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Your server did not start." in page
    assert "server_did_not_start" not in page


@pytest.mark.parametrize(
    ("fields", "words", "is_calm"),
    [
        ({"status": SessionStatus.STOPPED, "stop_reason": "idle"}, "Nothing ran and nothing was saved", True),
        ({"status": SessionStatus.FAILED, "reason": "server_lost"}, "Your server ended by itself", True),
        ({"status": SessionStatus.FAILED, "reason": "spawn_rejected"}, "refused to start", False),
    ],
)
def test_why_the_last_session_ended_is_said_where_the_learner_did_not_stop_it(
    as_ada: Client,
    address: str,
    make_session: MakeSession,
    fields: dict[str, Any],
    words: str,
    is_calm: bool,
) -> None:
    make_session(ready_at=timezone.now(), ended_at=timezone.now(), **fields)

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Your last session ended at" in page
    assert words in page
    assert ("notice-bad" not in page) == is_calm


def test_ones_own_stop_is_not_explained(as_ada: Client, address: str, make_session: MakeSession) -> None:
    make_session(SessionStatus.STOPPED, stop_reason="stop_requested", ended_at=timezone.now())

    assert "Your last session ended" not in as_ada.get(f"{address}lab").content.decode()


def test_a_factory_that_is_down_says_that_a_start_is_kept(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    Hub.objects.update(down_since=timezone.now())
    before = as_ada.get(f"{address}lab").content.decode()
    make_session(SessionStatus.REQUESTED)
    after = as_ada.get(f"{address}lab").content.decode()

    assert "Kajaani has not answered since" in before
    assert "You can press Start: it is kept" in before
    assert 'id="lab-start"' in before
    assert "Your start is kept" in after


def test_a_stop_that_waits_for_its_factory_promises_no_seconds(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session(SessionStatus.STOPPING)
    before = as_ada.get(f"{address}lab").content.decode()
    Hub.objects.update(down_since=timezone.now())
    after = as_ada.get(f"{address}lab").content.decode()

    assert "a few seconds" in before
    assert "a few seconds" not in after
    assert "Your work is safe." in after


def test_the_start_is_followed_by_one_link(as_ada: Client, address: str, make_session: MakeSession) -> None:
    make_session(SessionStatus.REQUESTED)
    page = as_ada.get(f"{address}lab").content.decode()

    assert 'id="lab-follow"' in page
    assert 'id="lab-session"' not in page


def test_a_factory_that_comes_back_is_a_new_version_of_the_panel(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session(SessionStatus.REQUESTED)
    Hub.objects.update(down_since=timezone.now())
    version = as_ada.get(f"{address}lab").context["lab"].version

    Hub.objects.update(down_since=None)
    assert "has not answered" not in as_ada.get(f"{address}lab", {"seen": version}).content.decode()


def test_work_that_waits_in_paja_itself_is_not_blamed_on_the_factory(
    as_ada: Client, address: str, lab_unit: LabUnit
) -> None:
    Hub.objects.update(answered_at=timezone.now() - timedelta(minutes=5))

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Paja itself is behind with its work since" in page
    assert "Kajaani" not in page


@pytest.fixture
def crowd(enrolment: Enrolment, lab_unit: LabUnit) -> LabSession:
    """Ada's session in another lab, where the factory lets a person have one."""
    Hub.objects.update(sessions_per_learner=1)
    other = make_courses.UnitFactory.create(
        module=lab_unit.unit.module, slug="serve", kind="lab", position=9, text__title="Serve a model"
    )
    release = make.LabUnitFactory.create(unit=other).release
    session: LabSession = make.LabSessionFactory.create(
        enrolment=enrolment, release=release, status=SessionStatus.READY
    )
    return session


def test_a_learner_with_as_many_labs_as_may_be_is_offered_their_stops(
    as_ada: Client, address: str, crowd: LabSession
) -> None:
    response = as_ada.get(f"{address}lab")
    page = response.content.decode()

    assert response.status_code == 200  # it looks again until one has stopped
    assert "Stop it to start this one" in page
    assert "Serve a model" in page
    assert f'action="/labs/sessions/{crowd.public_id}/stop"' in page
    assert 'id="lab-start"' not in page

    stopped = as_ada.post(f"/labs/sessions/{crowd.public_id}/stop", {"next": address})
    assert stopped.headers["Location"] == address
    assert "stopping" in as_ada.get(f"{address}lab").content.decode()

    LabSession.objects.update(status=SessionStatus.STOPPED)
    assert 'id="lab-start"' in as_ada.get(f"{address}lab").content.decode()


def test_a_lab_that_runs_itself_is_no_reason_to_stop_others(
    as_ada: Client, address: str, crowd: LabSession, make_session: MakeSession
) -> None:
    make_session()

    assert as_ada.get(f"{address}lab").context["lab"].crowd == ()


def test_a_start_beyond_the_limit_is_refused_with_what_to_do(
    as_ada: Client, address: str, crowd: LabSession
) -> None:
    response = as_ada.post(f"{address}start")

    assert response.headers["Location"] == address
    assert not LabSession.objects.exclude(pk=crowd.pk).exists()
    (message,) = get_messages(response.wsgi_request)
    assert message.level_tag == "warning"


def test_a_session_that_is_about_to_end_is_warned_of_and_can_be_kept_from_here(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    session = make_session(active_at=timezone.now() - timedelta(minutes=55), warned_at=timezone.now())

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Nothing has happened in your lab for a while" in page
    kept = as_ada.post(f"/labs/sessions/{session.public_id}/keep", {"next": address})
    assert kept.headers["Location"] == address
    assert "Nothing has happened" not in as_ada.get(f"{address}lab").content.decode()


def test_a_ready_lab_says_how_long_it_still_runs(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session(ends_at=timezone.now() + timedelta(minutes=102, seconds=30))

    assert "1 h 42 min left, until" in as_ada.get(f"{address}lab").content.decode()


def test_work_that_cannot_be_copied_is_said(as_ada: Client, address: str, make_session: MakeSession) -> None:
    make_session()
    Workspace.objects.update(unsaved_reason="unsaved_too_large", unsaved_since=timezone.now())

    assert "not all of your work is copied" in as_ada.get(f"{address}lab").content.decode()


def test_a_newer_release_is_offered(
    as_ada: Client, address: str, make_session: MakeSession, lab_unit: LabUnit
) -> None:
    make_session(SessionStatus.STOPPED, ready_at=timezone.now())
    assert "new-files" not in as_ada.get(f"{address}lab").content.decode()

    lab_unit.release = make.LabReleaseFactory.create(
        lab=lab_unit.release.lab, learner_files={"lab.ipynb": "1" * 64, "more.csv": "2" * 64}
    )
    lab_unit.save()
    assert 'id="new-files-take"' in as_ada.get(f"{address}lab").content.decode()


def test_the_history_is_a_step_away_once_there_is_some(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    assert "lab-history" not in as_ada.get(f"{address}lab").content.decode()

    make_session()
    assert f'href="{address}history/"' in as_ada.get(f"{address}lab").content.decode()


def test_a_lab_says_how_long_its_sessions_are_and_what_ends_them(
    as_ada: Client, address: str, lab_unit: LabUnit
) -> None:
    lab_unit.release.session = {"idle_minutes": 45}
    lab_unit.release.save()

    page = as_ada.get(address).content.decode()

    assert "Sessions of up to 2 h" in page
    assert "nothing runs and nothing is saved for 45 min" in page
    assert "your work is saved, and the next one goes on from there" in page


@pytest.mark.parametrize(("seconds", "every"), [(5, "1s"), (90, "2s"), (900, "5s")])
def test_the_panel_asks_less_often_the_longer_a_start_takes(
    as_ada: Client, address: str, make_session: MakeSession, seconds: int, every: str
) -> None:
    make_session(SessionStatus.SPAWNING, requested_at=timezone.now() - timedelta(seconds=seconds))

    assert f"every {every}" in as_ada.get(f"{address}lab").content.decode()


def test_polling_ends_when_everything_is_at_rest(as_ada: Client, address: str) -> None:
    assert as_ada.get(f"{address}lab").status_code == 286


def test_polling_goes_on_while_a_submission_is_graded(
    as_ada: Client, address: str, make_submission: MakeSubmission
) -> None:
    make.GradingRunFactory.create(
        submission=make_submission(), status=GradingStatus.RUNNING, outcome="", score=None
    )

    response = as_ada.get(f"{address}lab")

    assert response.status_code == 200
    assert "every 2s" in response.content.decode()


def test_a_page_that_has_the_newest_version_is_left_alone(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    session = make_session()
    version = as_ada.get(f"{address}lab").context["lab"].version

    assert as_ada.get(f"{address}lab", {"seen": version}).status_code == 204

    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.STOPPING)
    assert as_ada.get(f"{address}lab", {"seen": version}).status_code == 200


def test_the_mark_of_an_attempt_stands_in_the_panel(
    as_ada: Client, address: str, make_submission: MakeSubmission
) -> None:
    run = make.GradingRunFactory.create(submission=make_submission(), needs_manual_grade=True)
    make.CellGradeFactory.create(run=run, max_score=2, auto_score=None, needs_manual_grade=True)

    page = as_ada.get(f"{address}lab").content.decode()

    assert "3 of 5 points so far; 2 points wait for a person" in page
    assert 'id="lab-result"' in page


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (GradingStatus.FAILED, "grading_failed", "this is our fault"),
        (GradingStatus.QUEUED, "box_unavailable", "Grading is not possible"),
    ],
)
def test_a_grading_that_is_hindered_is_explained(
    as_ada: Client,
    address: str,
    make_submission: MakeSubmission,
    status: GradingStatus,
    reason: str,
    words: str,
) -> None:
    make.GradingRunFactory.create(
        submission=make_submission(), status=status, reason=reason, outcome="", score=None
    )

    assert words in as_ada.get(f"{address}lab").content.decode()


def test_submit_is_offered_for_saved_work_that_is_newer_than_the_last_attempt(
    as_ada: Client, address: str, make_submission: MakeSubmission, enrolment: Enrolment
) -> None:
    submission = make_submission()
    make.GradingRunFactory.create(submission=submission)
    snapshot = make.SnapshotFactory.create(
        workspace__owner=enrolment.learner, workspace__lab=submission.lab, saved_at=submission.saved_at
    )
    assert 'id="lab-submit"' not in as_ada.get(f"{address}lab").content.decode()

    snapshot.saved_at += timedelta(minutes=1)
    snapshot.save()
    assert 'id="lab-submit"' in as_ada.get(f"{address}lab").content.decode()


def test_submit_is_offered_again_where_we_failed_to_grade(
    as_ada: Client, address: str, make_submission: MakeSubmission, enrolment: Enrolment
) -> None:
    submission = make_submission()
    make.GradingRunFactory.create(submission=submission, status=GradingStatus.FAILED, outcome="", score=None)
    make.SnapshotFactory.create(
        workspace__owner=enrolment.learner, workspace__lab=submission.lab, saved_at=submission.saved_at
    )
    assert 'id="lab-submit"' in as_ada.get(f"{address}lab").content.decode()


def test_what_hinders_a_grading_is_a_new_version_of_the_panel(
    as_ada: Client, address: str, make_submission: MakeSubmission
) -> None:
    run = make.GradingRunFactory.create(
        submission=make_submission(), status=GradingStatus.QUEUED, outcome="", score=None
    )
    version = as_ada.get(f"{address}lab").context["lab"].version
    run.reason = "box_unavailable"
    run.save()
    assert as_ada.get(f"{address}lab", {"seen": version}).status_code == 200


def test_the_panel_costs_the_same_however_many_attempts_and_labs_there_are(
    as_ada: Client,
    address: str,
    crowd: LabSession,
    make_submission: MakeSubmission,
    ada: User,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:
    def add_attempt() -> None:
        run = make.GradingRunFactory.create(submission=make_submission(), needs_manual_grade=True)
        make.CellGradeFactory.create(run=run, auto_score=None, needs_manual_grade=True)

    add_attempt()
    few = count_queries(lambda: as_ada.get(f"{address}lab"))
    for _ in range(5):
        add_attempt()
        make.LabSessionFactory.create(enrolment__learner=ada, enrolment__cohort__factory=crowd.hub.factory)

    assert len(as_ada.get(f"{address}lab").context["lab"].crowd) == 6
    assert count_queries(lambda: as_ada.get(f"{address}lab")) == few


def test_start_makes_one_session_and_leads_to_it(as_ada: Client, address: str) -> None:
    first = as_ada.post(f"{address}start")
    second = as_ada.post(f"{address}start")

    session = LabSession.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == f"/labs/sessions/{session.public_id}/"


def test_a_refused_start_leads_back_with_a_sentence(
    as_ada: Client, address: str, enrolment: Enrolment
) -> None:
    enrolment.cohort.ends_at = timezone.now() - timedelta(hours=1)
    enrolment.cohort.save()

    response = as_ada.post(f"{address}start")

    assert response.headers["Location"] == address
    (message,) = get_messages(response.wsgi_request)
    assert "This cohort has ended" in message.message
    assert not LabSession.objects.exists()


def test_one_press_of_submit_is_one_submission(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session()
    key = str(uuid4())

    first = as_ada.post(f"{address}submit", {"press_key": key})
    second = as_ada.post(f"{address}submit", {"press_key": key})

    submission = Submission.objects.get()
    assert submission.status == SubmissionStatus.COLLECTING
    assert (
        first.headers["Location"]
        == second.headers["Location"]
        == f"/labs/submissions/{submission.public_id}/"
    )


def test_the_press_key_of_the_page_is_the_one_that_is_submitted(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session()
    panel = as_ada.get(f"{address}lab")
    key = panel.context["lab"].press_key
    assert f'name="press_key" value="{key}"' in panel.content.decode()

    as_ada.post(f"{address}submit", {"press_key": key})

    assert Submission.objects.get().press_key == key


def test_submit_with_nothing_to_submit_leads_back_with_a_sentence(as_ada: Client, address: str) -> None:
    response = as_ada.post(f"{address}submit", {"press_key": str(uuid4())})

    assert response.headers["Location"] == address
    assert not Submission.objects.exists()


@pytest.mark.parametrize("key", ["", "no-key"])
def test_submit_without_a_key_is_a_bad_request(
    as_ada: Client, address: str, make_session: MakeSession, key: str
) -> None:
    make_session()

    assert as_ada.post(f"{address}submit", {"press_key": key}).status_code == 400


def test_a_stranger_sees_no_lab(as_eve: Client, address: str) -> None:
    assert as_eve.get(f"{address}lab").status_code == 404
    assert as_eve.post(f"{address}start").status_code == 404
    assert as_eve.post(f"{address}submit", {"press_key": str(uuid4())}).status_code == 404
    assert not LabSession.objects.exists()


def test_only_the_right_methods_are_answered(as_ada: Client, address: str) -> None:
    assert as_ada.post(f"{address}lab").status_code == 405
    assert as_ada.get(f"{address}start").status_code == 405
    assert as_ada.get(f"{address}submit").status_code == 405


def test_a_unit_without_a_lab_cannot_be_started(as_ada: Client, enrolment: Enrolment) -> None:
    assert as_ada.post(f"/learn/{enrolment.cohort.public_id}/read/start").status_code == 404


def test_nobody_in_particular_is_asked_to_log_in(client: Client, address: str) -> None:
    assert client.get(f"{address}lab").headers["Location"].startswith("/accounts/login/")
