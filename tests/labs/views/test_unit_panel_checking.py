"""Check my work on a lab's unit page: when it is offered, what a press does, and the line that follows."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import Cohort, Enrolment
from courses.states import EnrolmentStatus
from labs.models import LabUnit, Submission
from labs.states import GradingOutcome, GradingStatus, SessionStatus, SubmissionStatus
from tests.factories import labs as make
from tests.labs.released import show_tests
from tests.labs.views.conftest import MakeSession, MakeSubmission

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _tests(lab_unit: LabUnit) -> None:
    show_tests(lab_unit.release)


def read_panel(client: Client, address: str) -> str:
    return client.get(f"{address}lab").content.decode()


def make_check(make_submission: MakeSubmission, **fields: object) -> Submission:
    return make_submission(purpose=Submission.Purpose.CHECK, attempt=None, **fields)


@pytest.mark.parametrize(
    ("status", "is_offered"),
    [
        (SessionStatus.READY, True),
        (SessionStatus.SPAWNING, False),
        (SessionStatus.STOPPING, False),
        (SessionStatus.STOPPED, False),
    ],
)
def test_a_check_is_offered_while_the_lab_is_open(
    as_ada: Client, address: str, make_session: MakeSession, status: SessionStatus, is_offered: bool
) -> None:
    make_session(status)
    assert ('id="lab-check"' in read_panel(as_ada, address)) == is_offered


def test_saved_work_can_be_checked_without_a_session(
    as_ada: Client, address: str, enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    make.SnapshotFactory.create(workspace__owner=enrolment.learner, workspace__lab=lab_unit.release.lab)
    assert 'id="lab-check"' in read_panel(as_ada, address)


@pytest.mark.parametrize("source", ["# Tested when you submit.", ""])
def test_a_lab_that_shows_no_tests_offers_no_check(
    as_ada: Client, address: str, make_session: MakeSession, lab_unit: LabUnit, source: str
) -> None:
    make_session()
    show_tests(lab_unit.release, source)
    page = read_panel(as_ada, address)
    assert 'id="lab-submit"' in page
    assert "Check my work" not in page


def test_a_press_is_one_check_and_leads_to_it(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session()
    key = str(uuid4())
    for _ in range(2):
        answer = as_ada.post(f"{address}check", {"press_key": key})
        check = Submission.objects.get()
        assert answer["Location"] == f"/labs/submissions/{check.public_id}/"
    assert check.purpose == Submission.Purpose.CHECK


def test_the_keys_of_check_and_submit_are_two(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session()
    panel = as_ada.get(f"{address}lab").context["lab"]
    as_ada.post(f"{address}check", {"press_key": str(panel.check_key)})
    as_ada.post(f"{address}submit", {"press_key": str(panel.press_key)})
    assert set(Submission.objects.values_list("purpose", flat=True)) == {"attempt", "check"}


def test_a_refused_check_leads_back_with_a_sentence(as_ada: Client, address: str) -> None:
    page = as_ada.post(f"{address}check", {"press_key": str(uuid4())}, follow=True).content.decode()
    assert "There is nothing to submit yet" in page
    assert not Submission.objects.exists()


@pytest.mark.parametrize("key", ["", "no-key"])
def test_a_check_without_a_key_is_a_bad_request(as_ada: Client, address: str, key: str) -> None:
    assert as_ada.post(f"{address}check", {"press_key": key}).status_code == 400


@pytest.mark.parametrize("path", ["check", "upload"])
def test_only_presses_of_the_cohorts_own_learners_are_taken(
    as_ada: Client, as_eve: Client, as_ben: Client, address: str, enrolment: Enrolment, path: str
) -> None:
    key = {"press_key": str(uuid4())}
    assert as_ada.get(f"{address}{path}").status_code == 405
    assert as_eve.post(f"{address}{path}", key).status_code == 404
    assert as_ben.post(f"{address}{path}", key).status_code == 404

    enrolment.status = EnrolmentStatus.WITHDRAWN
    enrolment.save()
    assert as_ada.post(f"{address}{path}", key).status_code == 404


def test_a_check_on_its_way_is_followed_and_the_attempt_stays_possible(
    as_ada: Client, address: str, make_session: MakeSession, make_submission: MakeSubmission
) -> None:
    make_session()
    before = as_ada.get(f"{address}lab").context["lab"].version
    check = make_check(make_submission, status=SubmissionStatus.COLLECTING)
    response = as_ada.get(f"{address}lab?seen={before}")
    page = response.content.decode()
    assert "</a>: Collecting your work" in page
    assert "Your work is being checked." in page
    assert f"/labs/submissions/{check.public_id}/" in page
    assert "every 1s" in page
    assert 'id="lab-submit"' in page
    assert 'id="lab-check"' not in page
    assert "Your attempts" not in page


@pytest.mark.parametrize(
    ("status", "is_offered"), [(GradingStatus.QUEUED, True), (GradingStatus.RUNNING, False)]
)
def test_newer_work_can_be_checked_while_a_check_waits(
    as_ada: Client,
    address: str,
    make_session: MakeSession,
    make_submission: MakeSubmission,
    status: GradingStatus,
    is_offered: bool,
) -> None:
    make_session()
    make.GradingRunFactory.create(
        submission=make_check(make_submission), status=status, outcome="", score=None
    )
    page = read_panel(as_ada, address)
    assert 'id="lab-checking"' in page
    assert ('id="lab-check"' in page) == is_offered


def test_the_panel_goes_on_asking_while_a_check_runs(
    as_ada: Client, address: str, make_submission: MakeSubmission
) -> None:
    run = make.GradingRunFactory.create(
        submission=make_check(make_submission), status=GradingStatus.RUNNING, outcome="", score=None
    )
    assert as_ada.get(f"{address}lab").status_code == 200
    run.status, run.outcome = GradingStatus.FINISHED, GradingOutcome.SCORED
    run.save()
    assert as_ada.get(f"{address}lab").status_code == 286


def test_what_came_out_is_one_line_with_its_page(
    as_ada: Client, address: str, make_submission: MakeSubmission
) -> None:
    check = make_check(make_submission)
    run = make.GradingRunFactory.create(submission=check, outcome=GradingOutcome.TIMEOUT, score=3)
    for points in (3, 3, 0):
        make.CellGradeFactory.create(run=run, auto_score=points)
    page = read_panel(as_ada, address)
    assert "2 of 3 visible tests pass" in page
    assert "Out of time" in page
    assert f"/labs/submissions/{check.public_id}/" in page
    assert "of 5 points" not in page
    assert 'id="lab-result"' not in page


def test_a_check_says_nothing_new_once_the_work_was_handed_in(
    as_ada: Client, address: str, make_submission: MakeSubmission
) -> None:
    earlier = timezone.now() - timedelta(minutes=5)
    check = make_check(make_submission, pressed_at=earlier)
    make.CellGradeFactory.create(run=make.GradingRunFactory.create(submission=check))
    assert "visible test passes" in read_panel(as_ada, address)

    make.GradingRunFactory.create(submission=make_submission())
    assert "visible test" not in read_panel(as_ada, address)


@pytest.mark.parametrize("is_run", [True, False])
def test_a_check_that_came_to_nothing_says_why(
    as_ada: Client, address: str, make_submission: MakeSubmission, is_run: bool
) -> None:
    if is_run:
        run = {"status": GradingStatus.FAILED, "reason": "check_failed", "outcome": "", "score": None}
        make.GradingRunFactory.create(submission=make_check(make_submission), **run)
    else:
        make_check(make_submission, status=SubmissionStatus.FAILED, reason="notebook_missing")
    words = "could not be checked" if is_run else "is not where it was put"
    assert words in read_panel(as_ada, address)


def test_checks_cost_the_page_the_same_however_many_there_are(
    as_ada: Client,
    address: str,
    make_submission: MakeSubmission,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:
    def add() -> None:
        make.CellGradeFactory.create(
            run=make.GradingRunFactory.create(submission=make_check(make_submission))
        )

    add()
    few = count_queries(lambda: read_panel(as_ada, address))
    for _ in range(5):
        add()
    assert count_queries(lambda: read_panel(as_ada, address)) == few


def test_others_see_no_check_of_a_learner(
    as_ben: Client, cohort: Cohort, lab_unit: LabUnit, make_submission: MakeSubmission
) -> None:
    check = make_check(make_submission)
    make.GradingRunFactory.create(submission=check)
    assert as_ben.get(f"/labs/submissions/{check.public_id}/").status_code == 404
    page = as_ben.get(f"/teach/{cohort.public_id}/labs/{lab_unit.unit.slug}/").content.decode()
    assert "Nothing submitted yet" in page
