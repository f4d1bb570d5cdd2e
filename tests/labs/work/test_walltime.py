"""The end of a session's time is announced twice, and comes early enough for a copy."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labs.models import LabSession
from labs.states import SessionStatus
from labs.work.walltime import STOP_BEFORE_END, STOP_BEFORE_JOB_END, is_over, warn_of_ends
from tests.factories import labs as make
from tests.labs.work.conftest import session_in

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_each_warning_is_given_once_in_its_time() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.READY, now, ends_at=now + 60 * MINUTE)
    for minutes in (44, 46, 50, 56, 58):
        warn_of_ends(session.hub, now + minutes * MINUTE)
    assert [event.reason for event in session.events.all()] == ["time_left_15", "time_left_5"]
    session.refresh_from_db()
    assert session.time_warned_minutes == 5


def test_a_short_session_is_warned_of_what_it_has() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.READY, now, ends_at=now + 4 * MINUTE)
    warn_of_ends(session.hub, now)
    assert [event.reason for event in session.events.all()] == ["time_left_5"]


def test_who_is_being_stopped_is_not_warned() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.STOPPING, now, ends_at=now + 4 * MINUTE)
    warn_of_ends(session.hub, now)
    assert not session.events.exists()


@pytest.mark.parametrize("is_job", [False, True])
def test_a_job_is_stopped_earlier_as_slurm_waits_for_nobody(is_job: bool) -> None:
    now = timezone.now()
    before = STOP_BEFORE_JOB_END if is_job else STOP_BEFORE_END
    flavour = make.FlavourFactory.create() if is_job else None
    session_in(SessionStatus.READY, now, flavour=flavour, ends_at=now)
    assert LabSession.objects.filter(is_over(now - before)).exists()
    assert not LabSession.objects.filter(is_over(now - before - timedelta(seconds=1))).exists()
