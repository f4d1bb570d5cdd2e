"""How long a session has run and how long it still may: the lab's time, and the time without activity."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from labs.models import Hub, LabRelease, LabSession
from labs.states import SessionStatus
from labs.work.idleness import find_idle_stop

EndWarning = Literal["", "soon", "now", "idle"]

SOON_MINUTES: Final = 15
NOW_MINUTES: Final = 5

# A page that follows a start or a stop asks every second at first, and less often the longer it takes.
HURRY: Final = ((timedelta(minutes=1), 1), (timedelta(minutes=5), 2))
PATIENT_SECONDS: Final = 5
READY_SECONDS: Final = 15


@dataclass(frozen=True)
class SessionTimes:
    """The times of a session as a person reads them at `now`; minutes are whole ones that have passed or are left."""

    session: LabSession
    now: datetime

    @property
    def elapsed_minutes(self) -> int:
        """Since it is ready; before that, since it was asked for."""
        return _minutes_between(self.session.ready_at or self.session.requested_at, self.now)

    @property
    def minutes_left(self) -> int | None:
        """Of the time that the lab grants; None where that is not known, or no longer matters."""
        if self.session.ends_at is None or not self._is_ready:
            return None
        return _minutes_between(self.now, self.session.ends_at)

    @property
    def minutes_granted(self) -> int:
        """The whole length of the session, never less than what has passed of it."""
        if self.session.ends_at is None or self.session.ready_at is None:
            return self.elapsed_minutes
        return max(_minutes_between(self.session.ready_at, self.session.ends_at), self.elapsed_minutes, 1)

    @property
    def stops_at(self) -> datetime | None:
        """When it is stopped for want of activity, of which it was warned; else None."""
        return find_idle_stop(self.session) if self._is_ready else None

    @property
    def idle_minutes_left(self) -> int:
        return _minutes_between(self.now, self.stops_at) if self.stops_at else 0

    @property
    def warning(self) -> EndWarning:
        """What the session is about to end for: no activity, or its time, in 15 minutes or in 5."""
        left = self.minutes_left
        if self.stops_at and (left is None or self.idle_minutes_left <= left):
            return "idle"
        if left is not None and left < SOON_MINUTES:
            return "now" if left < NOW_MINUTES else "soon"
        return ""

    @property
    def ending_minutes(self) -> int:
        """Until what `warning` warns of."""
        return self.idle_minutes_left if self.warning == "idle" else self.minutes_left or 0

    @property
    def poll_seconds(self) -> int:
        """How often a page that shows the session asks what has become of it."""
        if self._is_ready:
            return READY_SECONDS
        waited = self.now - (self.session.stop_requested_at or self.session.requested_at)
        return next((seconds for limit, seconds in HURRY if waited < limit), PATIENT_SECONDS)

    @property
    def _is_ready(self) -> bool:
        return self.session.status == SessionStatus.READY


@dataclass(frozen=True)
class SessionLimits:
    """How long a session of a lab may last and may idle, in minutes; None where nobody has said."""

    minutes: int | None
    idle_minutes: int | None


def find_limits(release: LabRelease, hub: Hub | None) -> SessionLimits:
    """What the lab says, and never more than the factory allows; without a factory, what the lab says."""
    if hub is None:
        return SessionLimits(release.needs.get("minutes"), release.session.get("idle_minutes"))
    session = LabSession(release=release, hub=hub)
    return SessionLimits(session.minutes, session.idle_minutes)


def _minutes_between(earlier: datetime, later: datetime) -> int:
    return max(int((later - earlier).total_seconds() // 60), 0)
