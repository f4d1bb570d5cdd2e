"""Attempts and checks with what became of them, in words."""

import pytest

from labs.models import Submission
from labs.services.attempts import find_attempt, find_attempts, find_same_before
from labs.states import GradingOutcome, GradingStatus, SubmissionStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("status", "of_attempt", "of_check"),
    [
        (SubmissionStatus.COLLECTING, "Collecting your work", "Collecting your work"),
        (SubmissionStatus.UNCHANGED, "Same as the attempt before", "Same as the check before"),
        (SubmissionStatus.FAILED, "Not collected", "Not collected"),
    ],
)
def test_a_press_says_where_it_stands(status: SubmissionStatus, of_attempt: str, of_check: str) -> None:
    attempt = make.SubmissionFactory.create(status=status, attempt=None)
    check = make.CheckFactory.create(status=status)
    assert (find_attempt(attempt).words, find_attempt(check).words) == (of_attempt, of_check)


@pytest.mark.parametrize(
    ("status", "of_attempt", "of_check"),
    [
        (GradingStatus.QUEUED, "Waiting to be graded", "Waiting to be checked"),
        (GradingStatus.RUNNING, "Being graded", "Being checked"),
        (GradingStatus.FINISHED, "Graded", "Checked"),
        (GradingStatus.FAILED, "Not graded: our fault", "Not checked: our fault"),
    ],
)
def test_a_check_is_not_said_to_be_graded(status: GradingStatus, of_attempt: str, of_check: str) -> None:
    attempt = make.GradingRunFactory.create(status=status).submission
    check = make.GradingRunFactory.create(submission=make.CheckFactory.create(), status=status).submission
    assert (find_attempt(attempt).words, find_attempt(check).words) == (of_attempt, of_check)


def test_what_hindered_a_run_is_said_of_both() -> None:
    run = make.GradingRunFactory.create(submission=make.CheckFactory.create(), outcome=GradingOutcome.TIMEOUT)
    assert find_attempt(run.submission).words == "Out of time"


def test_a_person_looks_at_what_was_tampered_with_until_they_have_decided() -> None:
    run = make.GradingRunFactory.create(
        outcome=GradingOutcome.TAMPERED, score=0, max_score=3, needs_manual_grade=True
    )
    cell = make.CellGradeFactory.create(run=run, auto_score=None, needs_manual_grade=True, is_tampered=True)
    waiting = find_attempt(run.submission)
    assert (waiting.words, waiting.has_fault) == ("A person looks at it", True)

    cell.manual_score, cell.needs_manual_grade = 0, False
    cell.save()
    run.needs_manual_grade = False
    run.save()
    decided = find_attempt(run.submission)
    assert (decided.words, decided.has_fault) == ("Graded", False)


def test_a_list_of_attempts_leaves_out_what_only_a_page_of_one_needs() -> None:
    make.GradingRunFactory.create()
    (attempt,) = find_attempts(Submission.objects.all())
    assert attempt.run is not None
    assert attempt.run.get_deferred_fields() == {"notebooks", "evidence", "phase_seconds"}


def test_an_attempt_at_a_practice_lab_is_handed_in_and_at_rest() -> None:
    attempt = find_attempt(make.SubmissionFactory.create())
    assert (attempt.words, attempt.is_moving, attempt.has_failed) == ("Handed in", False, False)
    assert attempt.is_handed_in


def make_press(like: Submission, status: SubmissionStatus = SubmissionStatus.UNCHANGED) -> Submission:
    """A later press for the same content."""
    press: Submission = make.SubmissionFactory.create(
        enrolment=like.enrolment, release=like.release, purpose=like.purpose, attempt=None, status=status
    )
    return press


def test_what_an_unchanged_press_repeats_is_of_its_kind() -> None:
    attempt = make.SubmissionFactory.create()
    check = make.CheckFactory.create(enrolment=attempt.enrolment, release=attempt.release)
    make.SubmissionFactory.create(enrolment=attempt.enrolment, release=attempt.release, content_hash="9" * 64)
    assert find_same_before(make_press(attempt)) == attempt
    assert find_same_before(make_press(check)) == check


def test_only_what_is_unchanged_repeats_something() -> None:
    check = make.CheckFactory.create()
    assert find_same_before(make_press(check, SubmissionStatus.COLLECTED)) is None
    assert find_same_before(make.CheckFactory.create(status=SubmissionStatus.UNCHANGED)) is None
