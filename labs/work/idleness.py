"""Sessions without activity: when somebody last worked there, the warning, and the stop."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from labs.exceptions import StaleStateError
from labs.jupyterhub import KernelModel
from labs.models import LabSession
from labs.states import SessionStatus
from labs.transitions import begin_stop, note_session

WARN_BEFORE: Final = timedelta(minutes=10)


def find_activity(session: LabSession, kernels: list[KernelModel], now: datetime) -> datetime:
    """When somebody last worked, as the learner's server says: never in the future, never before it was ready."""
    if any(kernel.is_busy for kernel in kernels):
        return now
    ready_at = session.ready_at or session.requested_at
    said = [session.work_saved_at, *(kernel.last_activity_at for kernel in kernels)]
    return min(max([ready_at, *(moment for moment in said if moment)]), now)


def note_activity(session: LabSession, at: datetime) -> None:
    """Remember it where it is news; activity since the warning takes the warning back."""
    ready = LabSession.objects.filter(pk=session.pk, status=SessionStatus.READY)
    ready.filter(Q(active_at=None) | Q(active_at__lt=at)).update(active_at=at)
    ready.filter(warned_at__lt=at).update(warned_at=None)
    session.refresh_from_db(fields=["active_at", "warned_at", "status"])


def find_idle_warning(session: LabSession) -> timedelta:
    """How long before its end a session without activity is warned of it."""
    return min(WARN_BEFORE, timedelta(minutes=session.idle_minutes) / 2)


def find_idle_stop(session: LabSession) -> datetime | None:
    """When a session that was warned is stopped; nobody is stopped sooner after the warning than it says."""
    if session.warned_at is None or session.idle_ends_at is None:
        return None
    return max(session.idle_ends_at, session.warned_at + find_idle_warning(session))


def tend_idleness(session: LabSession, now: datetime) -> bool:
    """Warn a session without activity, or stop one that was warned long enough ago; True where it was stopped."""
    if session.status != SessionStatus.READY or session.idle_ends_at is None:
        return False
    if session.warned_at is None:
        if now >= session.idle_ends_at - find_idle_warning(session):
            LabSession.objects.filter(pk=session.pk, active_at=session.active_at).update(warned_at=now)
            session.refresh_from_db(fields=["active_at", "warned_at"])
            if session.warned_at:
                note_session(session, reason="idle_warning")
        return False
    stop_at = find_idle_stop(session)
    return stop_at is not None and now >= stop_at and stop_idle(session)


def stop_idle(session: LabSession) -> bool:
    """False where somebody said in this moment that they are still there, or stopped it themselves."""
    with transaction.atomic():
        row = LabSession.objects.select_for_update().get(pk=session.pk)
        if row.active_at != session.active_at or row.warned_at is None or row.status != SessionStatus.READY:
            return False
        try:
            begin_stop(row, reason="idle")
        except StaleStateError:
            return False
    session.refresh_from_db(fields=["status", "stop_reason"])
    return True
