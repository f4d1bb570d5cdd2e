"""Staff hear of work that we gave up: their own factory's, once an hour and lab."""

from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.mail.backends.locmem import EmailBackend

from courses.models import Enrolment, User
from labs.models import GradingRun
from labs.states import GradingStatus
from labs.work.grading_retries import MAX_TRIES, try_again_or_fail
from labs.work.telling_staff import QUIET_SECONDS, tell_staff
from tests.factories import labs as make


@pytest.fixture(autouse=True)
def _nobody_was_told() -> None:
    cache.clear()


@pytest.fixture
def run(enrolment: Enrolment) -> GradingRun:
    run: GradingRun = make.GradingRunFactory.create(
        submission__enrolment=enrolment, status=GradingStatus.RUNNING, try_number=MAX_TRIES, outcome=""
    )
    return run


def test_who_gives_a_run_up_tells_its_factorys_staff(
    run: GradingRun, staff: User, eve: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        try_again_or_fail(run, reason="worker_lost")
    (told,) = mail.outbox
    assert told.to == [staff.email]
    assert run.submission.lab.slug in told.subject
    assert f"/labs/submissions/{run.submission.public_id}/" in told.body
    assert run.submission.enrolment.learner.email not in told.body


def test_nobody_is_told_of_a_try_that_is_not_the_last(
    run: GradingRun, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    GradingRun.objects.update(try_number=MAX_TRIES - 1)
    run.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        assert try_again_or_fail(run, reason="worker_lost")
    assert not mail.outbox


def test_of_many_runs_of_a_lab_staff_hear_once(run: GradingRun, staff: User) -> None:
    assert QUIET_SECONDS == 3600
    for _ in range(3):
        tell_staff(run)
    assert len(mail.outbox) == 1
    tell_staff(make.GradingRunFactory.create(submission__enrolment=run.submission.enrolment))
    assert len(mail.outbox) == 2


def test_who_is_no_member_any_more_is_not_told(run: GradingRun, staff: User) -> None:
    User.objects.filter(pk=staff.pk).update(is_active=False)
    tell_staff(run)
    assert not mail.outbox


def test_a_mail_server_that_fails_harms_nothing(
    run: GradingRun,
    staff: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def refuse(_self: EmailBackend, _messages: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        try_again_or_fail(run, reason="worker_lost")
    run.refresh_from_db()
    assert (run.status, run.reason) == (GradingStatus.FAILED, "grading_failed")
