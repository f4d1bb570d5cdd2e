"""Handing in, and having work checked before: one press is one submission however often it arrives."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from courses.models import Enrolment
from labs import tasks
from labs.exceptions import QueueDownError, RefusedError
from labs.models import LabUnit, Submission
from labs.services.submissions import CHECKS_WITHIN, MAX_CHECKS, check_lab, submit_lab
from labs.states import GradingStatus, SessionStatus, SubmissionStatus
from labs.work.collecting import claim_forgotten_submissions
from tests.factories import labs as make
from tests.labs.released import show_tests

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    return LabUnit.objects.select_related("release__lab").get(unit__release=enrolment.cohort.release)


@pytest.fixture
def _session(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    make.LabSessionFactory.create(
        enrolment=enrolment, release=lab_unit.release, lab=lab_unit.release.lab, status=SessionStatus.READY
    )


@pytest.mark.usefixtures("_session")
def test_the_same_press_twice_is_one_submission(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    key = uuid4()
    first = submit_lab(enrolment, lab_unit, press_key=key, actor=enrolment.learner)
    Submission.objects.update(status=SubmissionStatus.COLLECTED)
    assert submit_lab(enrolment, lab_unit, press_key=key, actor=enrolment.learner) == first


@pytest.mark.usefixtures("_session")
def test_presses_in_two_tabs_are_one_submission_while_it_is_collected(
    enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    first = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner) == first


@pytest.mark.usefixtures("_session")
def test_a_later_press_is_another_submission(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    first = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    Submission.objects.update(status=SubmissionStatus.COLLECTED)
    assert submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner) != first


@pytest.mark.usefixtures("_session")
def test_the_next_sweep_sends_a_press_for_which_the_queue_was_down(
    enrolment: Enrolment,
    lab_unit: LabUnit,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]],
) -> None:
    def refuse(*_: object) -> None:
        raise QueueDownError

    monkeypatch.setattr(tasks, "send_collect", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        submission = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert [pk for pk, _ in claim_forgotten_submissions()] == [submission.pk]


def test_without_a_session_and_saved_work_there_is_nothing_to_submit(
    enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    with pytest.raises(RefusedError) as refused:
        submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert refused.value.reason == "nothing_to_submit"


def test_saved_work_can_be_submitted_without_a_session(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    make.SnapshotFactory.create(workspace__owner=enrolment.learner, workspace__lab=lab_unit.release.lab)
    submission = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert submission.status == SubmissionStatus.COLLECTING


@pytest.mark.usefixtures("_session")
@pytest.mark.parametrize(
    ("grading", "reason"), [({"attempts": 1}, "no_attempts_left"), ({"pace_minutes": 60}, "too_soon")]
)
def test_a_lab_limits_attempts_and_their_pace(
    enrolment: Enrolment, lab_unit: LabUnit, grading: dict[str, int], reason: str
) -> None:
    lab_unit.release.grading = grading
    lab_unit.release.save()
    make.SubmissionFactory.create(enrolment=enrolment, release=lab_unit.release)
    with pytest.raises(RefusedError) as refused:
        submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert refused.value.reason == reason


# --- Checks ---------------------------------------------------------------------------------------


@pytest.fixture
def _tests(lab_unit: LabUnit) -> None:
    """The lab shows its learners a test."""
    show_tests(lab_unit.release)


def press_check(enrolment: Enrolment, lab_unit: LabUnit, key: UUID | None = None) -> Submission:
    return check_lab(enrolment, lab_unit, press_key=key or uuid4(), actor=enrolment.learner)


@pytest.mark.usefixtures("_session", "_tests")
def test_a_check_that_waits_does_not_keep_newer_work_from_being_checked(
    enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    first = press_check(enrolment, lab_unit)
    Submission.objects.update(status=SubmissionStatus.COLLECTED)
    make.GradingRunFactory.create(submission=first, status=GradingStatus.QUEUED)
    assert press_check(enrolment, lab_unit) != first


@pytest.mark.usefixtures("_session", "_tests")
def test_a_check_and_an_attempt_go_their_ways_beside_each_other(
    enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    check = press_check(enrolment, lab_unit)
    attempt = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert (check.purpose, attempt.purpose) == (Submission.Purpose.CHECK, Submission.Purpose.ATTEMPT)
    assert check.status == attempt.status == SubmissionStatus.COLLECTING
    assert [event.actor for event in check.events.all()] == [enrolment.learner]


@pytest.mark.usefixtures("_session", "_tests")
def test_one_check_of_a_lab_goes_its_way_at_a_time(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    first = press_check(enrolment, lab_unit)
    assert press_check(enrolment, lab_unit) == first

    Submission.objects.update(status=SubmissionStatus.COLLECTED)
    run = make.GradingRunFactory.create(submission=first, status=GradingStatus.RUNNING)
    assert press_check(enrolment, lab_unit) == first

    run.status = GradingStatus.FINISHED
    run.save()
    assert press_check(enrolment, lab_unit) != first


@pytest.mark.usefixtures("_session", "_tests")
def test_a_key_is_one_press_whatever_was_pressed(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    key = uuid4()
    check = press_check(enrolment, lab_unit, key)
    assert submit_lab(enrolment, lab_unit, press_key=key, actor=enrolment.learner) == check


@pytest.mark.usefixtures("_session", "_tests")
def test_checks_are_not_in_the_way_of_an_attempt(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    check = make.CheckFactory.create(enrolment=enrolment, release=lab_unit.release)
    make.GradingRunFactory.create(submission=check, status=GradingStatus.QUEUED)
    attempt = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert attempt.status == SubmissionStatus.COLLECTING


@pytest.mark.usefixtures("_session", "_tests")
def test_nobody_checks_without_end(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    for _ in range(MAX_CHECKS):
        make.CheckFactory.create(enrolment=enrolment)
    with pytest.raises(RefusedError) as refused:
        press_check(enrolment, lab_unit)
    assert refused.value.reason == "checks_too_many"

    oldest = Submission.objects.earliest("pressed_at")
    oldest.pressed_at = timezone.now() - CHECKS_WITHIN
    oldest.save()
    assert press_check(enrolment, lab_unit).status == SubmissionStatus.COLLECTING


@pytest.mark.usefixtures("_session", "_tests")
def test_a_check_is_possible_when_no_attempt_is(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    lab_unit.release.grading = {"attempts": 1}
    lab_unit.release.save()
    make.SubmissionFactory.create(enrolment=enrolment, release=lab_unit.release)
    assert press_check(enrolment, lab_unit).status == SubmissionStatus.COLLECTING


@pytest.mark.usefixtures("_session")
def test_a_lab_that_shows_no_tests_has_nothing_to_check(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    show_tests(lab_unit.release, "# Your answer is tested here.")
    with pytest.raises(RefusedError) as refused:
        press_check(enrolment, lab_unit)
    assert refused.value.reason == "nothing_to_check"


@pytest.mark.usefixtures("_tests")
def test_without_work_there_is_nothing_to_check_either(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    with pytest.raises(RefusedError) as refused:
        press_check(enrolment, lab_unit)
    assert refused.value.reason == "nothing_to_submit"
