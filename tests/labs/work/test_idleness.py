"""Activity as a learner's server tells it, and what follows from there being none."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.jupyterhub import KernelModel
from labs.models import Hub, LabSession
from labs.states import SessionStatus
from labs.work.idleness import (
    WARN_BEFORE,
    find_activity,
    find_idle_stop,
    find_idle_warning,
    note_activity,
    tend_idleness,
)
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def session(now: datetime) -> LabSession:
    """Ready for two hours, at a factory that grants an hour without activity."""
    return make.LabSessionFactory.create(
        status=SessionStatus.READY, ready_at=now - 2 * HOUR, active_at=now - 2 * HOUR
    )


def kernel(at: datetime | None, *, is_busy: bool = False) -> KernelModel:
    return KernelModel(last_activity_at=at, is_busy=is_busy)


def test_a_kernel_that_computes_is_activity_now(session: LabSession, now: datetime) -> None:
    assert find_activity(session, [kernel(None, is_busy=True)], now) == now


def test_the_newest_of_kernels_and_files_counts(session: LabSession, now: datetime) -> None:
    kernels = [kernel(now - 30 * MINUTE), kernel(now - 50 * MINUTE), kernel(None)]
    session.work_saved_at = now - 40 * MINUTE
    assert find_activity(session, kernels, now) == now - 30 * MINUTE
    session.work_saved_at = now - 20 * MINUTE
    assert find_activity(session, kernels, now) == now - 20 * MINUTE


def test_what_a_server_tells_of_the_future_or_of_times_before_it_is_not_believed(
    session: LabSession, now: datetime
) -> None:
    assert find_activity(session, [kernel(now + HOUR)], now) == now
    session.work_saved_at = now - 5 * HOUR
    assert find_activity(session, [kernel(now - 3 * HOUR)], now) == session.ready_at


def test_activity_takes_a_warning_back(session: LabSession, now: datetime) -> None:
    LabSession.objects.update(warned_at=now - 5 * MINUTE)
    note_activity(session, now - 6 * MINUTE)
    assert (session.active_at, session.warned_at) == (now - 6 * MINUTE, now - 5 * MINUTE)
    note_activity(session, now - 4 * MINUTE)
    assert (session.active_at, session.warned_at) == (now - 4 * MINUTE, None)


def test_older_activity_is_no_news(session: LabSession, now: datetime) -> None:
    LabSession.objects.update(active_at=now)
    note_activity(session, now - HOUR)
    assert session.active_at == now


@pytest.mark.parametrize(("idle_minutes", "before"), [(60, WARN_BEFORE), (10, timedelta(minutes=5))])
def test_the_warning_leaves_ten_minutes_or_half_of_the_time(
    session: LabSession, idle_minutes: int, before: timedelta
) -> None:
    session.hub.idle_minutes = idle_minutes
    assert find_idle_warning(session) == before


def test_somebody_who_works_is_not_warned(session: LabSession, now: datetime) -> None:
    session.active_at = now - HOUR + WARN_BEFORE + MINUTE
    session.save()
    assert not tend_idleness(session, now)
    assert session.warned_at is None


def test_a_session_without_activity_is_warned_once_and_then_stopped(
    session: LabSession, now: datetime
) -> None:
    assert not tend_idleness(session, now)  # hours late, as Paja itself was down: warned all the same
    assert session.warned_at == now
    assert not tend_idleness(session, now + WARN_BEFORE - MINUTE)
    assert tend_idleness(session, now + WARN_BEFORE)
    session.refresh_from_db()
    assert (session.status, session.stop_reason) == (SessionStatus.STOPPING, "idle")
    assert [event.reason for event in session.events.all()] == ["idle_warning", "idle"]


def test_the_stop_comes_when_the_time_is_over_and_not_before(session: LabSession, now: datetime) -> None:
    session.active_at, session.warned_at = now - HOUR + MINUTE, now - 9 * MINUTE
    session.save()
    assert not tend_idleness(session, now)
    assert find_idle_stop(session) == now + MINUTE


def test_a_press_in_the_last_moment_keeps_the_session(session: LabSession, now: datetime) -> None:
    LabSession.objects.update(warned_at=now - HOUR)
    session.refresh_from_db()
    LabSession.objects.update(warned_at=None, active_at=now)
    assert not tend_idleness(session, now)
    session.refresh_from_db()
    assert session.status == SessionStatus.READY


def test_a_press_on_stop_in_the_last_moment_is_the_learners(session: LabSession, now: datetime) -> None:
    LabSession.objects.update(warned_at=now - HOUR)
    session.refresh_from_db()
    LabSession.objects.update(status=SessionStatus.STOPPING, stop_reason="stop_requested")
    assert not tend_idleness(session, now)
    session.refresh_from_db()
    assert session.stop_reason == "stop_requested"


@pytest.mark.parametrize("status", [SessionStatus.STOPPING, SessionStatus.FAILED])
def test_a_session_that_is_not_ready_is_left_alone(session: LabSession, now: datetime, status: Any) -> None:
    LabSession.objects.update(status=status, warned_at=now - HOUR)
    session.refresh_from_db()
    assert not tend_idleness(session, now)


def test_a_lab_may_grant_less_than_its_factory_and_never_more(session: LabSession) -> None:
    Hub.objects.update(idle_minutes=60)
    session.release.session = {"idle_minutes": 30}
    assert session.idle_minutes == 30
    session.release.session = {"idle_minutes": 90}
    assert session.idle_minutes == 60
