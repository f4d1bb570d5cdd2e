"""What a session still has of its time and of its patience, and how often pages ask."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from labs.models import Hub, LabRelease, LabSession
from labs.services.session_times import SessionTimes, find_limits
from labs.states import SessionStatus

NOW = timezone.now()


def ago(**period: float) -> datetime:
    return NOW - timedelta(**period)


def ahead(**period: float) -> datetime:
    return NOW + timedelta(**period)


def times(status: SessionStatus = SessionStatus.READY, /, **fields: object) -> SessionTimes:
    """Of a session of a lab whose sessions may idle for 40 minutes."""
    session = LabSession(
        status=status,
        release=LabRelease(session={"idle_minutes": 40}),
        hub=Hub(),
        **{"requested_at": ago(minutes=30), "ready_at": ago(minutes=30), **fields},
    )
    return SessionTimes(session, NOW)


def test_minutes_are_whole_ones_that_have_passed_and_that_are_left() -> None:
    ready = times(ready_at=ago(minutes=18, seconds=50), ends_at=ahead(minutes=101, seconds=50))

    assert (ready.elapsed_minutes, ready.minutes_left, ready.minutes_granted) == (18, 101, 120)


def test_time_runs_from_the_request_until_it_is_ready() -> None:
    starting = times(SessionStatus.SPAWNING, ready_at=None, requested_at=ago(minutes=3))

    assert starting.elapsed_minutes == 3


def test_a_session_past_its_end_has_nothing_left() -> None:
    assert times(ends_at=ago(minutes=2)).minutes_left == 0


@pytest.mark.parametrize("status", [status for status in SessionStatus if status != SessionStatus.READY])
def test_only_a_ready_session_has_time_left_and_is_warned(status: SessionStatus) -> None:
    other = times(status, ends_at=ahead(minutes=3), active_at=ago(minutes=39), warned_at=ago(minutes=9))

    assert other.minutes_left is None
    assert other.warning == ""


@pytest.mark.parametrize(
    ("minutes", "warning"), [(16, ""), (15.1, ""), (14.9, "soon"), (5.1, "soon"), (4.9, "now"), (-1, "now")]
)
def test_the_end_of_the_time_is_warned_of_at_15_and_at_5_minutes(minutes: float, warning: str) -> None:
    assert times(ends_at=ahead(minutes=minutes)).warning == warning


def test_what_ends_first_is_warned_of() -> None:
    def idle(**fields: object) -> SessionTimes:
        """It stops in 6 minutes."""
        return times(active_at=ago(minutes=34), warned_at=ago(minutes=4), **fields)

    assert idle().warning == "idle"
    assert idle(ends_at=ahead(minutes=14)).warning == "idle"
    assert idle(ends_at=ahead(minutes=3)).warning == "now"


def test_a_session_that_was_not_warned_is_not_about_to_stop() -> None:
    assert times(active_at=ago(minutes=39)).warning == ""


def test_the_stop_comes_when_the_warning_said() -> None:
    assert times(active_at=ago(minutes=34), warned_at=ago(minutes=4)).idle_minutes_left == 6


@pytest.mark.parametrize(("waited", "seconds"), [(5, 1), (59, 1), (61, 2), (299, 2), (301, 5), (9000, 5)])
def test_a_page_asks_less_often_the_longer_a_start_takes(waited: int, seconds: int) -> None:
    assert times(SessionStatus.SPAWNING, requested_at=ago(seconds=waited)).poll_seconds == seconds


def test_a_stop_is_followed_from_its_own_beginning() -> None:
    stopping = times(SessionStatus.STOPPING, requested_at=ago(hours=2), stop_requested_at=ago(seconds=5))

    assert stopping.poll_seconds == 1


def test_a_page_of_a_ready_session_asks_gently() -> None:
    assert 10 <= times().poll_seconds <= 20


def test_a_lab_gets_no_longer_sessions_than_its_factory_allows() -> None:
    release = LabRelease(needs={"minutes": 600}, session={"idle_minutes": 30})

    limits = find_limits(release, Hub(minutes_max=480, idle_minutes=60))

    assert (limits.minutes, limits.idle_minutes) == (480, 30)


def test_without_a_factory_a_lab_says_what_it_asks_for() -> None:
    limits = find_limits(LabRelease(needs={"minutes": 600}), None)

    assert (limits.minutes, limits.idle_minutes) == (600, None)
