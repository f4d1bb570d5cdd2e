"""The end of a session's time: warnings before it, and the stop that leaves time for a copy of the work."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from labs.models import Hub, LabSession
from labs.states import SessionStatus
from labs.transitions import note_session

WARN_MINUTES: Final = (15, 5)
STOP_BEFORE_END: Final = timedelta(seconds=60)
STOP_BEFORE_JOB_END: Final = timedelta(seconds=120)
"""Slurm kills a job at its end, whoever is in the middle of copying it."""


def is_over(now: datetime) -> Q:
    """Sessions that have just the time left that their stop needs."""
    of_job = Q(flavour__isnull=False, ends_at__lte=now + STOP_BEFORE_JOB_END)
    return Q(ends_at__lte=now + STOP_BEFORE_END) | of_job


def warn_of_ends(hub: Hub, now: datetime) -> None:
    """Say once 15 minutes, and once 5 minutes, before a session's end that it comes; JupyterLab is told by a visit."""
    earliest, latest = WARN_MINUTES
    unwarned = Q(time_warned_minutes=None) | Q(time_warned_minutes__gt=latest)
    ready = LabSession.objects.filter(unwarned, hub=hub, status=SessionStatus.READY)
    for session in ready.filter(ends_at__lte=now + timedelta(minutes=earliest)):
        left = session.ends_at - now if session.ends_at else timedelta(0)
        minutes = latest if left <= timedelta(minutes=latest) else earliest
        before = session.time_warned_minutes
        row = LabSession.objects.filter(pk=session.pk, time_warned_minutes=before)
        if minutes != before and row.update(time_warned_minutes=minutes):
            note_session(session, reason="time_left_5" if minutes == latest else "time_left_15")
