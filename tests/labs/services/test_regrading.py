"""Having attempts graded again: behind learners, by the release of now, with the mark standing until then."""

from collections.abc import Callable
from typing import Any

import pytest

from courses.models import Cohort, Enrolment, User
from courses.states import EnrolmentStatus
from labs import tasks
from labs.exceptions import RefusedError
from labs.models import GradingRun, LabRelease, LabUnit, Submission
from labs.services.attempts import find_attempt
from labs.services.regrading import find_regradable, regrade, regrade_lab
from labs.states import GradingStatus
from labs.work.attempt_limits import find_attempt_limits
from tests.factories import courses as make_courses
from tests.factories import labs as make

Lane = GradingRun.Lane


@pytest.fixture
def lab_unit(cohort: Cohort) -> LabUnit:
    return LabUnit.objects.select_related("unit", "release__lab").get(unit__release=cohort.release)


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(tasks, "send_grading", lambda factory="": sent.append(factory))
    return sent


@pytest.fixture
def graded(enrolment: Enrolment, lab_unit: LabUnit) -> Submission:
    """Handed in when the lab had an older release."""
    older = make.LabReleaseFactory.create(lab=lab_unit.release.lab)
    return hand_in(enrolment, older, GradingStatus.FINISHED)


def hand_in(enrolment: Enrolment, release: LabRelease, *statuses: str, **fields: Any) -> Submission:
    submission: Submission = make.SubmissionFactory.create(enrolment=enrolment, release=release, **fields)
    for status in statuses:
        make.GradingRunFactory.create(submission=submission, status=status)
    return submission


def test_an_attempt_is_graded_again_by_the_release_that_its_cohort_has(
    graded: Submission,
    lab_unit: LabUnit,
    ben: User,
    woken: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = regrade(graded, actor=ben)
    assert (run.status, run.lane, run.release) == (GradingStatus.QUEUED, Lane.REGRADES, lab_unit.release)
    event = run.events.get()
    assert (event.reason, event.actor) == ("regrade", ben)
    assert woken == [""]


def test_until_then_the_mark_stands(graded: Submission, ben: User) -> None:
    before = find_attempt(graded)
    regrade(graded, actor=ben)
    attempt = find_attempt(graded)
    assert (attempt.run, attempt.mark) == (before.run, before.mark)
    assert attempt.is_regrading
    assert not attempt.is_moving
    GradingRun.objects.filter(status=GradingStatus.QUEUED).update(status=GradingStatus.FAILED)
    attempt = find_attempt(graded)
    assert (attempt.mark, attempt.is_regrading, attempt.has_failed) == (before.mark, False, False)


def test_afterwards_the_new_mark_stands(graded: Submission, ben: User) -> None:
    run = regrade(graded, actor=ben)
    GradingRun.objects.filter(pk=run.pk).update(status=GradingStatus.FINISHED, score=1.0, max_score=5.0)
    attempt = find_attempt(graded)
    assert attempt.mark is not None
    assert (attempt.mark.score, attempt.is_regraded, attempt.release_id) == (1.0, True, run.release_id)


@pytest.mark.parametrize("status", [GradingStatus.FAILED, GradingStatus.REPLACED])
def test_what_has_no_mark_can_be_graded_after_all(
    enrolment: Enrolment, lab_unit: LabUnit, ben: User, status: GradingStatus
) -> None:
    submission = hand_in(enrolment, lab_unit.release, status)
    assert regrade(submission, actor=ben).status == GradingStatus.QUEUED
    assert find_attempt(submission).is_waiting
    assert find_attempt_limits(enrolment, submission.lab).used == 0


@pytest.mark.parametrize("status", [GradingStatus.QUEUED, GradingStatus.RUNNING])
def test_one_grading_at_a_time(graded: Submission, ben: User, status: GradingStatus) -> None:
    make.GradingRunFactory.create(submission=graded, status=status)
    with pytest.raises(RefusedError) as refused:
        regrade(graded, actor=ben)
    assert refused.value.reason == "being_graded"
    assert graded.runs.count() == 2


def test_without_the_lab_or_without_grade_cells_marks_stay_as_they_are(
    graded: Submission, lab_unit: LabUnit, ben: User
) -> None:
    LabRelease.objects.filter(pk=lab_unit.release_id).update(grade_cells=[])
    lab_unit.refresh_from_db()
    assert regrade_lab(graded.enrolment.cohort, lab_unit, actor=ben) == 0
    with pytest.raises(RefusedError):
        regrade(graded, actor=ben)
    lab_unit.delete()
    with pytest.raises(RefusedError) as refused:
        regrade(graded, actor=ben)
    assert refused.value.reason == "not_regradable"


def test_a_lab_is_graded_again_with_all_attempts_that_can_count(
    graded: Submission, cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    release, enrolment = lab_unit.release, graded.enrolment
    failed = hand_in(enrolment, release, GradingStatus.FAILED)
    again = hand_in(enrolment, release, GradingStatus.REPLACED, GradingStatus.FINISHED)
    others = make_courses.EnrolmentFactory.create(cohort=cohort)
    theirs = hand_in(others, release, GradingStatus.FINISHED)
    gone = make_courses.EnrolmentFactory.create(cohort=cohort, status=EnrolmentStatus.WITHDRAWN)
    hand_in(gone, release, GradingStatus.FINISHED)
    hand_in(enrolment, release, GradingStatus.REPLACED)
    hand_in(enrolment, release, GradingStatus.FAILED, GradingStatus.REPLACED)
    hand_in(enrolment, release, GradingStatus.QUEUED)
    hand_in(enrolment, release, GradingStatus.FINISHED, GradingStatus.RUNNING)
    hand_in(enrolment, make.LabReleaseFactory.create(), GradingStatus.FINISHED)
    elsewhere = make_courses.EnrolmentFactory.create()
    hand_in(elsewhere, release, GradingStatus.FINISHED)
    check = make.CheckFactory.create(enrolment=enrolment, release=release)
    make.GradingRunFactory.create(submission=check)

    assert regrade_lab(cohort, lab_unit, actor=ben) == 4
    queued = GradingRun.objects.filter(lane=Lane.REGRADES, status=GradingStatus.QUEUED)
    assert {run.submission for run in queued} == {graded, failed, again, theirs}
    assert {run.release for run in queued} == {release}
    assert {run.events.get().actor for run in queued} == {ben}


def test_a_lab_is_graded_by_the_release_to_which_its_cohort_goes_over_while_the_button_is_pressed(
    graded: Submission, cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    mended = make.LabReleaseFactory.create(lab=lab_unit.release.lab)
    LabUnit.objects.filter(pk=lab_unit.pk).update(release=mended)
    assert regrade_lab(cohort, lab_unit, actor=ben) == 1
    assert GradingRun.objects.get(lane=Lane.REGRADES).release == mended


def test_a_second_press_finds_nothing_more(
    graded: Submission, cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    assert regrade_lab(cohort, lab_unit, actor=ben) == 1
    assert regrade_lab(cohort, lab_unit, actor=ben) == 0
    assert not find_regradable(cohort, lab_unit).exists()


def test_many_attempts_cost_no_more_queries_than_few(
    graded: Submission,
    cohort: Cohort,
    lab_unit: LabUnit,
    ben: User,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:
    few = count_queries(lambda: regrade_lab(cohort, lab_unit, actor=ben))
    GradingRun.objects.filter(lane=Lane.REGRADES).delete()
    for enrolment in make_courses.EnrolmentFactory.create_batch(6, cohort=cohort):
        hand_in(enrolment, lab_unit.release, GradingStatus.FINISHED)
    assert count_queries(lambda: regrade_lab(cohort, lab_unit, actor=ben)) == few
