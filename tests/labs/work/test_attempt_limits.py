"""How many attempts are left, and from when on the next one is possible."""

from datetime import UTC, datetime, timedelta

import pytest

from courses.models import Enrolment
from labs.models import GradingRun, LabRelease, LabUnit
from labs.states import GradingStatus
from labs.work.attempt_limits import AttemptLimits, apply_rules, find_attempt_limits, uses_attempt
from tests.factories import labs as make

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def lab_release(enrolment: Enrolment) -> LabRelease:
    """That of the cohort's lab; it allows three attempts, an hour apart."""
    release = (
        LabUnit.objects.select_related("release__lab").get(unit__release=enrolment.cohort.release).release
    )
    release.grading = {"attempts": 3, "pace_minutes": 60}
    release.save()
    return release


@pytest.mark.parametrize(
    ("limits", "left", "refusal"),
    [
        (AttemptLimits(), None, ""),
        (AttemptLimits(most=2, used=1), 1, ""),
        (AttemptLimits(most=2, used=2), 0, "no_attempts_left"),
        (AttemptLimits(most=1, used=4), 0, "no_attempts_left"),
        (AttemptLimits(next_at=NOON + HOUR), None, "too_soon"),
        (AttemptLimits(next_at=NOON), None, ""),
        (AttemptLimits(most=1, used=1, next_at=NOON + HOUR), 0, "no_attempts_left"),
    ],
)
def test_what_is_left_and_why_there_is_no_attempt(
    limits: AttemptLimits, left: int | None, refusal: str
) -> None:
    assert (limits.left, limits.find_refusal(NOON)) == (left, refusal)


def test_without_rules_everything_is_allowed() -> None:
    assert apply_rules({"feedback": "full"}, [NOON]) == AttemptLimits(used=1)


def test_the_pace_counts_from_the_newest_press() -> None:
    assert apply_rules({"pace_minutes": 60}, [NOON - HOUR, NOON]).next_at == NOON + HOUR
    assert apply_rules({"pace_minutes": 60}, []).next_at is None


def test_attempts_count_and_nothing_else(enrolment: Enrolment, lab_release: LabRelease) -> None:
    graded = make.GradingRunFactory.create(submission__enrolment=enrolment, submission__release=lab_release)
    handed_in = make.SubmissionFactory.create(enrolment=enrolment, release=lab_release)
    make.GradingRunFactory.create(
        submission__enrolment=enrolment, submission__release=lab_release, status=GradingStatus.FAILED
    )
    make.CheckFactory.create(enrolment=enrolment, release=lab_release)
    make.SubmissionFactory.create(enrolment=enrolment, release=lab_release, attempt=None)
    make.SubmissionFactory.create(enrolment=enrolment)
    make.SubmissionFactory.create(release=lab_release)
    limits = find_attempt_limits(enrolment, lab_release.lab)
    assert (limits.most, limits.used) == (3, 2)
    assert limits.next_at == max(graded.submission.pressed_at, handed_in.pressed_at) + HOUR


@pytest.mark.parametrize(
    ("statuses", "counts"),
    [
        ([], True),
        (["finished"], True),
        (["running"], True),
        (["queued"], False),
        (["replaced"], False),
        (["failed"], False),
        (["failed", "queued"], False),
        (["failed", "running"], True),
        (["finished", "failed"], True),
        (["finished", "queued"], True),
    ],
)
def test_an_attempt_counts_once_its_grading_has_begun(
    enrolment: Enrolment, lab_release: LabRelease, statuses: list[str], counts: bool
) -> None:
    """A practice lab has no runs; what waits can be replaced; our faults and what was replaced cost nothing."""
    attempt = make.SubmissionFactory.create(enrolment=enrolment, release=lab_release)
    for status in statuses:
        make.GradingRunFactory.create(submission=attempt, status=status)
    assert uses_attempt((GradingRun.Lane.LEARNERS, status) for status in statuses) == counts
    assert find_attempt_limits(enrolment, lab_release.lab).used == counts


def test_an_attempt_that_was_graded_in_the_end_counts(enrolment: Enrolment, lab_release: LabRelease) -> None:
    failed = make.GradingRunFactory.create(
        submission__enrolment=enrolment, submission__release=lab_release, status=GradingStatus.FAILED
    )
    assert find_attempt_limits(enrolment, lab_release.lab).used == 0
    make.GradingRunFactory.create(submission=failed.submission, try_number=2)
    assert find_attempt_limits(enrolment, lab_release.lab).used == 1


@pytest.mark.parametrize("status", [GradingStatus.FAILED, GradingStatus.REPLACED])
def test_what_was_to_cost_nothing_costs_nothing_when_the_team_has_it_graded_after_all(
    enrolment: Enrolment, lab_release: LabRelease, status: GradingStatus
) -> None:
    attempt = make.SubmissionFactory.create(enrolment=enrolment, release=lab_release)
    make.GradingRunFactory.create(submission=attempt, status=status)
    make.GradingRunFactory.create(submission=attempt, lane=GradingRun.Lane.REGRADES)
    assert find_attempt_limits(enrolment, lab_release.lab).used == 0


def test_the_rules_are_those_of_the_release_that_the_cohort_has(
    enrolment: Enrolment, lab_release: LabRelease
) -> None:
    newer = make.LabReleaseFactory.create(lab=lab_release.lab, grading={"attempts": 5})
    LabUnit.objects.filter(release=lab_release).update(release=newer)
    assert find_attempt_limits(enrolment, lab_release.lab) == AttemptLimits(most=5)


def test_a_lab_that_the_cohort_has_no_more_has_no_limits(enrolment: Enrolment) -> None:
    assert find_attempt_limits(enrolment, make.LabFactory.create()) == AttemptLimits()
