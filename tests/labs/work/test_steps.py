"""What a sweep does next with one session, by its row and the hub's answer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labs.states import SessionStatus
from labs.work.steps import Step, next_step
from tests.labs.work.conftest import LONG_AGO, server_of, session_in

pytestmark = pytest.mark.django_db


def test_a_young_request_waits_for_its_task() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.REQUESTED, now, sent_at=now)
    assert next_step(session, None, listed_at=now) is Step.NOTHING


def test_a_forgotten_request_is_sent_again() -> None:
    now = timezone.now()
    assert next_step(session_in(SessionStatus.REQUESTED, now), None, listed_at=now) is Step.SEND_START


def test_a_claim_whose_worker_died_is_sent_again() -> None:
    now = timezone.now()
    assert next_step(session_in(SessionStatus.SPAWNING, now), None, listed_at=now) is Step.SEND_START


def test_a_pending_server_is_waited_for_however_long() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.SPAWNING, now, asked_at=now - timedelta(hours=5))
    assert next_step(session, server_of(session, pending="spawn"), listed_at=now) is Step.NOTHING


def test_an_answer_older_than_the_start_proves_nothing() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.SPAWNING, now, asked_at=now + timedelta(seconds=1))
    assert next_step(session, None, listed_at=now) is Step.NOTHING
    ready = session_in(SessionStatus.READY, now, ready_at=now + timedelta(seconds=1))
    assert next_step(ready, None, listed_at=now) is Step.NOTHING


def test_a_start_that_the_hub_no_longer_knows_has_failed() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.SPAWNING, now, asked_at=now - LONG_AGO)
    assert next_step(session, None, listed_at=now) is Step.FAIL_NOT_STARTED


def test_a_delivery_that_was_given_up_for_now_is_not_sent_again_at_every_tick() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.SPAWNING, now, asked_at=now - LONG_AGO, sent_at=now)
    there = server_of(session, is_ready=True)
    assert next_step(session, there, listed_at=now + timedelta(seconds=1)) is Step.NOTHING
    assert next_step(session, there, listed_at=now + timedelta(seconds=3)) is Step.DELIVER


def test_the_first_delivery_waits_for_nothing() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.SPAWNING, now, asked_at=now, sent_at=now)
    assert next_step(session, server_of(session, is_ready=True), listed_at=now) is Step.DELIVER
