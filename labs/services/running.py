"""A person's own sessions that have not ended: what the top bar of every page shows of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone

from courses.models import Unit, UnitText, User
from courses.texts import pick_text
from labs.access import active_sessions_for
from labs.models import LabSession
from labs.services.queue_places import SlurmPlace, find_slurm_places
from labs.services.session_times import SessionTimes
from labs.states import SessionStatus

MOVING_SECONDS: Final = 5
STEADY_SECONDS: Final = 30


@dataclass(frozen=True)
class RunningSession:
    session: LabSession
    title: str
    times: SessionTimes
    place: SlurmPlace | None = None

    @property
    def key(self) -> str:
        """Changes when there is something to say of the session."""
        return f"{self.session.public_id.hex[:8]}-{self.session.status}-{self.times.warning}"

    @property
    def details(self) -> str:
        """Changes when what is shown of the session does."""
        place = "" if self.place is None else f"-{self.place.place}-{self.place.has_begun:d}"
        return f"{self.times.elapsed_minutes}-{self.times.minutes_left}{place}"

    @property
    def is_moving(self) -> bool:
        return self.session.status != SessionStatus.READY

    @property
    def is_stopping(self) -> bool:
        return self.session.status == SessionStatus.STOPPING


@dataclass(frozen=True)
class RunningSessions:
    """Newest first."""

    items: tuple[RunningSession, ...]

    @cached_property
    def first(self) -> RunningSession | None:
        """The one to name where there is room for one: what is about to end, what moves, the newest."""
        order = sorted(self.items, key=lambda item: (not item.times.warning, not item.is_moving))
        return order[0] if order else None

    @property
    def ready_count(self) -> int:
        return sum(not item.is_moving for item in self.items)

    @property
    def poll_seconds(self) -> int:
        return MOVING_SECONDS if any(item.is_moving for item in self.items) else STEADY_SECONDS

    @property
    def version(self) -> str:
        """Changes when what is shown does; before the point when there is something to say."""
        keys = "~".join(item.key for item in self.items)
        details = "~".join(item.details for item in self.items)
        return f"{keys}.{details}"

    def find_news(self, seen: str) -> list[RunningSession]:
        """Those that have become ready or are about to end since a page had the version `seen`."""
        known = set(seen.partition(".")[0].split("~"))
        return [item for item in self.items if not item.is_moving and item.key not in known]


def find_running(user: User | AnonymousUser, language: str) -> RunningSessions:
    """In a constant number of queries however many there are, and one where there is none."""
    return RunningSessions(tuple(describe_sessions(active_sessions_for(user), language)))


def describe_sessions(sessions: list[LabSession], language: str) -> list[RunningSession]:
    """Sessions that come with `hub`, `release` and `enrolment__cohort`: with their titles and places in queues."""
    now = timezone.now()
    titles = find_session_titles(sessions, language)
    places = find_slurm_places(sessions, now)
    return [
        RunningSession(session, titles[session.pk], SessionTimes(session, now), places.get(session.pk))
        for session in sessions
    ]


def find_session_titles(sessions: list[LabSession], language: str) -> dict[int, str]:
    """The lab's title for each session: of its cohort's course, else of the newest that shows the session's release.

    Sessions come with `lab` and `enrolment__cohort`. A lab that no course has any more goes by its slug.
    """
    titles = {session.pk: session.lab.slug for session in sessions}
    if not sessions:
        return titles
    of_cohort = Q(
        unit__release__in={each.enrolment.cohort.release_id for each in sessions if each.enrolment},
        unit__slug__in=set(titles.values()),
    )
    of_release = Q(unit__lab_unit__release__in={each.release_id for each in sessions})
    texts = (
        UnitText.objects.filter(of_cohort | of_release, unit__lab_unit__isnull=False)
        .select_related("unit__lab_unit", "unit__release")
        .only("language", "title", "unit__slug", "unit__lab_unit__release", "unit__release__languages")
        .order_by("-unit__release_id", "pk")
    )
    by_unit: dict[int, list[UnitText]] = {}
    for text in texts:
        by_unit.setdefault(text.unit_id, []).append(text)
    for session in sessions:
        shown = [texts for texts in by_unit.values() if _shows(texts[0].unit, session)]
        if shown:
            best = max(shown, key=lambda texts: _is_of_cohort(texts[0].unit, session))
            titles[session.pk] = pick_text(best, language, best[0].unit.release.source_language).title
    return titles


def _shows(unit: Unit, session: LabSession) -> bool:
    return _is_of_cohort(unit, session) or unit.lab_unit.release_id == session.release_id


def _is_of_cohort(unit: Unit, session: LabSession) -> bool:
    enrolment = session.enrolment
    return (
        enrolment is not None
        and unit.slug == session.lab.slug
        and unit.release_id == enrolment.cohort.release_id
    )
