"""What went wrong in gradings: our own faults, and labs whose notebooks do not run to their end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Cohort
from labs.models import GradingRun, Lab
from labs.reasons import SENTENCES
from labs.services.grading_faults import (
    DAY,
    FAULTS,
    OFTEN_AT_LEAST,
    UNGRADED_OF,
    UNGRADED_SHOWN,
    Fault,
    fault_words,
    find_faults,
    find_outcomes,
    find_ungraded,
)
from labs.states import GradingOutcome, GradingStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOW = timezone.now()
HOUR = timedelta(hours=1)


def fail(reason: str = "worker_lost", *, ago: timedelta = HOUR, **fields: Any) -> GradingRun:
    run: GradingRun = make.GradingRunFactory.create(
        status=GradingStatus.FAILED, outcome="", reason=reason, finished_at=NOW - ago, **fields
    )
    return run


def ungraded_ids() -> list[int]:
    return [run.pk for run in find_ungraded(Cohort.objects.all(), NOW).shown]


def test_faults_are_counted_by_reason_and_by_whether_another_try_came() -> None:
    tried = fail()
    make.GradingRunFactory.create(submission=tried.submission, try_number=2)
    fail()
    fail("grading_failed")
    fail(ago=DAY + HOUR)
    make.GradingRunFactory.create(reason="graded")
    assert find_faults(Lab.objects.all(), NOW) == [
        Fault("worker_lost", count=2, tried_again=1),
        Fault("grading_failed", count=1, tried_again=0),
    ]


def test_faults_of_other_labs_stay_there() -> None:
    run = fail()
    fail("grading_failed")
    assert [fault.reason for fault in find_faults(Lab.objects.filter(pk=run.submission.lab_id), NOW)] == [
        "worker_lost"
    ]


def test_every_fault_has_words_for_staff() -> None:
    assert set(FAULTS) <= set(SENTENCES)
    assert fault_words("worker_lost") == "The worker ended while it graded"
    assert fault_words("anything else") == SENTENCES["unexpected"]


def test_an_attempt_is_ungraded_until_something_is_done_about_it() -> None:
    older, newer = fail("grading_failed", ago=2 * HOUR), fail("grading_failed")
    assert ungraded_ids() == [newer.pk, older.pk]

    make.GradingRunFactory.create(submission=newer.submission, status=GradingStatus.QUEUED, outcome="")
    assert ungraded_ids() == [older.pk]


def test_checks_old_faults_and_other_cohorts_are_not_listed() -> None:
    fail("check_failed", submission=make.CheckFactory.create())
    fail("grading_failed", ago=UNGRADED_OF + HOUR)
    elsewhere = fail("grading_failed")
    own = fail("grading_failed").submission.enrolment.cohort
    found = find_ungraded(Cohort.objects.filter(pk=own.pk), NOW)
    assert found.count == 1
    assert elsewhere not in found.shown


def test_of_many_ungraded_attempts_the_newest_are_shown_and_all_are_counted() -> None:
    lab = make.LabReleaseFactory.create()
    for number in range(UNGRADED_SHOWN + 2):
        fail("grading_failed", ago=number * HOUR, submission__release=lab)
    found = find_ungraded(Cohort.objects.all(), NOW)
    assert found.count == UNGRADED_SHOWN + 2
    assert [run.finished_at for run in found.shown] == [NOW - n * HOUR for n in range(UNGRADED_SHOWN)]


def outcome(lab: Lab, outcome: GradingOutcome, count: int = 1, **fields: Any) -> None:
    fields = {"finished_at": NOW, **fields}
    make.GradingRunFactory.create_batch(count, submission__release__lab=lab, outcome=outcome, **fields)


def test_labs_whose_notebooks_did_not_run_to_their_end_are_told() -> None:
    lab, sound = make.LabFactory.create(), make.LabFactory.create()
    outcome(lab, GradingOutcome.SCORED, 3)
    outcome(lab, GradingOutcome.TIMEOUT, 2)
    outcome(lab, GradingOutcome.KERNEL_DIED, finished_at=NOW - DAY - HOUR)
    outcome(sound, GradingOutcome.SCORED)
    (found,) = find_outcomes(NOW)
    assert (found.lab_id, found.count, found.faults) == (lab.pk, 5, {GradingOutcome.TIMEOUT: 2})


def test_the_lab_with_the_largest_share_of_faults_comes_first() -> None:
    small, large = make.LabFactory.create(), make.LabFactory.create()
    outcome(large, GradingOutcome.SCORED, 4)
    outcome(large, GradingOutcome.TIMEOUT, 2)
    outcome(small, GradingOutcome.TIMEOUT, 1)
    assert [lab.lab_id for lab in find_outcomes(NOW)] == [small.pk, large.pk]


@pytest.mark.parametrize(("faults", "is_often"), [(OFTEN_AT_LEAST - 1, False), (OFTEN_AT_LEAST, True)])
def test_a_few_faults_are_learners_and_many_may_be_the_labs(faults: int, is_often: bool) -> None:
    lab = make.LabFactory.create()
    outcome(lab, GradingOutcome.OUT_OF_MEMORY, faults)
    (found,) = find_outcomes(NOW)
    assert bool(found.frequent) is is_often


def test_of_many_runs_a_tenth_has_to_have_the_fault() -> None:
    lab = make.LabFactory.create()
    outcome(lab, GradingOutcome.TIMEOUT, OFTEN_AT_LEAST)
    outcome(lab, GradingOutcome.SCORED, 9 * OFTEN_AT_LEAST)
    assert find_outcomes(NOW)[0].frequent == {GradingOutcome.TIMEOUT}

    outcome(lab, GradingOutcome.SCORED)
    assert not find_outcomes(NOW)[0].frequent


def test_the_number_of_queries_does_not_grow(count_queries: Callable[[Callable[[], object]], int]) -> None:
    def look() -> None:
        find_faults(Lab.objects.all(), NOW)
        find_outcomes(NOW)
        for run in find_ungraded(Cohort.objects.all(), NOW).shown:
            assert run.submission.enrolment.learner.email
            assert run.submission.enrolment.cohort.name
            assert run.submission.lab.slug

    fail()
    few = count_queries(look)
    for lab in make.LabFactory.create_batch(3):
        fail(submission__release__lab=lab)
        outcome(lab, GradingOutcome.TIMEOUT)
    assert count_queries(look) == few
