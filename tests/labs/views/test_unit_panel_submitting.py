"""Submitting from a lab's unit page: when it is offered, what a press does, and the mark that follows."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from courses.models import Enrolment
from labs.models import Submission
from labs.states import GradingStatus, SubmissionStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession, MakeSubmission

pytestmark = pytest.mark.django_db


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
