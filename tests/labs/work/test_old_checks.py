"""Checks are kept for a while; attempts for good."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labs.models import Submission
from labs.states import SubmissionStatus
from labs.work.old_checks import KEPT, KEPT_FOR, forget_old_checks
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def newest() -> Submission:
    """The newest check of somebody."""
    newest: Submission = make.CheckFactory.create()
    return newest


def make_older(newest: Submission, count: int, *, is_finished: bool = True) -> list[Submission]:
    """Checks that are too old to be kept for their age, the newest first."""
    older = [
        make.CheckFactory.create(
            enrolment=newest.enrolment,
            release=newest.release,
            status=SubmissionStatus.COLLECTED if is_finished else SubmissionStatus.UNCHANGED,
            pressed_at=timezone.now() - KEPT_FOR - timedelta(minutes=number + 1),
        )
        for number in range(count)
    ]
    if is_finished:
        for check in older:
            make.GradingRunFactory.create(submission=check)
    return older


def test_the_newest_checks_are_kept_and_older_ones_go(newest: Submission) -> None:
    older = make_older(newest, KEPT + 2)
    forget_old_checks(newest)
    assert set(Submission.objects.all()) == {newest, *older[:KEPT]}


def test_a_result_outlives_presses_that_only_repeat_it(newest: Submission) -> None:
    make_older(newest, KEPT + 3, is_finished=False)
    (result,) = make_older(newest, 1)
    forget_old_checks(newest)
    assert Submission.objects.filter(pk=result.pk).exists()


def test_a_young_check_is_kept_however_many_there_are(newest: Submission) -> None:
    for _ in range(KEPT + 3):
        make.CheckFactory.create(enrolment=newest.enrolment, release=newest.release)
    forget_old_checks(newest)
    assert Submission.objects.count() == KEPT + 4


def test_attempts_and_what_others_checked_stay(newest: Submission) -> None:
    old = timezone.now() - 2 * KEPT_FOR
    for _ in range(KEPT + 1):
        make.SubmissionFactory.create(enrolment=newest.enrolment, release=newest.release, pressed_at=old)
        make.CheckFactory.create(release=newest.release, pressed_at=old)
        make.CheckFactory.create(enrolment=newest.enrolment, pressed_at=old)
    forget_old_checks(newest)
    assert Submission.objects.count() == 3 * (KEPT + 1) + 1
