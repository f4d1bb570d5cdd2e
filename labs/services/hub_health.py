"""How the hubs of factories are, for their staff."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.cache import cache
from django.db.models import Count, Min, QuerySet

from courses.models import Factory
from labs.models import Hub, HubOutage, LabSession
from labs.reasons import sentence_for
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus
from labs.work.outages import answer_key
from labs.work.visiting import SILENT

OUTAGES_OF: Final = timedelta(days=14)
FAILURES_OF: Final = timedelta(hours=24)
OUTAGES_SHOWN: Final = 5


@dataclass(frozen=True)
class Waiting:
    """How many wait, and the one that has waited longest."""

    count: int = 0
    since: datetime | None = None


@dataclass(frozen=True)
class Failure:
    """Sessions that failed in the last 24 hours for one reason."""

    reason: str
    count: int

    @property
    def sentence(self) -> str:
        return sentence_for(self.reason)


@dataclass(frozen=True)
class HubHealth:
    """`outages` are the newest of the last 14 days; `answer_seconds` is how long a recent answer took."""

    hub: Hub
    is_answering: bool
    outages: tuple[HubOutage, ...]
    answer_seconds: float | None
    sessions: Mapping[SessionStatus, int]
    waiting_starts: Waiting
    failures: tuple[Failure, ...]
    silent_servers: Waiting

    @property
    def answering_since(self) -> datetime | None:
        """The end of its last outage; None where it has had none lately, or is down."""
        return self.outages[0].ended_at if self.outages and not self.hub.down_since else None


def find_hub_health(factories: Iterable[Factory], now: datetime) -> list[HubHealth]:
    """The health of every hub of these factories, in a number of queries that does not grow with them."""
    hubs = list(Hub.objects.filter(factory__in=factories).select_related("factory").order_by("factory__name"))
    sessions = LabSession.objects.filter(hub__in=hubs)
    outages = _list_outages(hubs, now)
    counts: dict[int, dict[SessionStatus, int]] = defaultdict(dict)
    active = sessions.filter(status__in=ACTIVE_SESSION_STATUSES)
    for hub_id, status, count in _grouped(active, "hub", "status"):
        counts[hub_id][SessionStatus(status)] = count
    failures: dict[int, list[Failure]] = defaultdict(list)
    failed = sessions.filter(status=SessionStatus.FAILED, ended_at__gte=now - FAILURES_OF)
    for hub_id, reason, count in sorted(_grouped(failed, "hub", "reason"), key=lambda row: -row[2]):
        failures[hub_id].append(Failure(reason, count))
    starts = active.filter(status__in=[SessionStatus.REQUESTED, SessionStatus.SPAWNING], asked_at=None)
    waiting = _count_waiting(starts, "requested_at")
    silent = _count_waiting(
        active.filter(status=SessionStatus.READY, workspace__unsaved_reason=SILENT),
        "workspace__unsaved_since",
    )
    seconds = cache.get_many([answer_key(hub) for hub in hubs])
    return [
        HubHealth(
            hub=hub,
            is_answering=hub.down_since is None and hub.is_answering(now),
            outages=tuple(outages[hub.pk][:OUTAGES_SHOWN]),
            answer_seconds=seconds.get(answer_key(hub)),
            sessions=counts[hub.pk],
            waiting_starts=waiting[hub.pk],
            failures=tuple(failures[hub.pk]),
            silent_servers=silent[hub.pk],
        )
        for hub in hubs
    ]


def _list_outages(hubs: list[Hub], now: datetime) -> dict[int, list[HubOutage]]:
    found: dict[int, list[HubOutage]] = defaultdict(list)
    for outage in HubOutage.objects.filter(hub__in=hubs, ended_at__gte=now - OUTAGES_OF):
        found[outage.hub_id].append(outage)
    return found


def _grouped(sessions: QuerySet[LabSession], *names: str) -> list[tuple[int, str, int]]:
    return list(sessions.order_by().values_list(*names).annotate(count=Count("pk")))


def _count_waiting(sessions: QuerySet[LabSession], since: str) -> dict[int, Waiting]:
    rows = sessions.order_by().values_list("hub").annotate(count=Count("pk"), since=Min(since))
    return defaultdict(Waiting, {hub_id: Waiting(count, oldest) for hub_id, count, oldest in rows})
