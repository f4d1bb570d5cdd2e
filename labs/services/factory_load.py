"""How full a factory is now: its partitions, its GPUs, and who waits for one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet, Sum
from django.utils.dateparse import parse_datetime

from labs.models import Flavour, Hub, LabSession, Partition, SlurmJob
from labs.services.queue_places import WAITING_STATUSES
from labs.services.troubles import is_slurm_silent


@dataclass(frozen=True)
class Reservation:
    """What Slurm keeps free in some partitions; without `accounts` it is for nobody of ours."""

    name: str
    partitions: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    nodes: int
    accounts: tuple[str, ...]
    is_maintenance: bool
    is_on: bool


@dataclass(frozen=True)
class PartitionLoad:
    """A partition, and how much of it Paja's own jobs have and wait for.

    `gpus_away` are those of nodes that are down or kept back: neither in use nor free.
    """

    partition: Partition
    own_gpus: int
    own_running: int
    own_waiting: int
    flavours: tuple[Flavour, ...]

    @property
    def other_gpus(self) -> int:
        return max(self.partition.gpus_used - self.own_gpus, 0)

    @property
    def gpus_away(self) -> int:
        known = max(self.partition.gpus_used, self.own_gpus) + self.partition.gpus_free
        return max(self.partition.gpus_total - known, 0)


@dataclass(frozen=True)
class WaitingLearners:
    """Those whose job waits, by place, `shown` of `count`; of `unsent` Slurm has no job yet."""

    shown: tuple[SlurmJob, ...]
    count: int
    since: datetime | None
    unsent: int


@dataclass(frozen=True)
class FactoryLoad:
    """`is_slurm_answering`: the hub answers, and Slurm answered it lately."""

    hub: Hub
    seen_at: datetime
    is_slurm_answering: bool
    partitions: tuple[PartitionLoad, ...]
    reservations: tuple[Reservation, ...]
    waiting: WaitingLearners

    @property
    def own_gpus(self) -> int:
        return sum(each.own_gpus for each in self.partitions)

    @property
    def own_running(self) -> int:
        return sum(each.own_running for each in self.partitions)

    @property
    def longest_wait_minutes(self) -> int:
        """Of those who wait now."""
        since = self.waiting.since or self.seen_at
        return max(int((self.seen_at - since).total_seconds() // 60), 0)

    @property
    def is_in_maintenance(self) -> bool:
        return any(kept.is_on and kept.is_maintenance for kept in self.reservations)


def find_factory_load(hub: Hub, now: datetime, *, most: int) -> FactoryLoad:
    """What a factory's staff see of it now, `most` of those who wait, in a number of queries that never grows."""
    partitions = _find_partitions(hub)
    has_answered = hub.slurm_answered_at is not None and not is_slurm_silent(hub, now)
    return FactoryLoad(
        hub=hub,
        seen_at=now,
        is_slurm_answering=hub.down_since is None and has_answered,
        partitions=tuple(partitions),
        reservations=tuple(_list_reservations(partitions, now)),
        waiting=_find_waiting(hub, most),
    )


def find_live_jobs(hub: Hub) -> QuerySet[SlurmJob]:
    """Paja's jobs that wait or run, sessions, graders and all."""
    return SlurmJob.objects.filter(hub=hub, ended_at=None).order_by()


def _find_partitions(hub: Hub) -> list[PartitionLoad]:
    has_begun = Q(started_at__isnull=False)
    counted = find_live_jobs(hub).values("partition_name")
    own = {
        row["partition_name"]: row
        for row in counted.annotate(
            gpus_in_use=Sum("gpus", filter=has_begun, default=0),
            running=Count("pk", filter=has_begun),
            waiting=Count("pk", filter=~has_begun),
        )
    }
    return [_load(partition, own.get(partition.name, {})) for partition in _list_offered(hub)]


def _list_offered(hub: Hub) -> QuerySet[Partition]:
    return Partition.objects.filter(hub=hub, is_offered=True).order_by("name").prefetch_related("flavours")


def _load(partition: Partition, own: Mapping[str, Any]) -> PartitionLoad:
    return PartitionLoad(
        partition=partition,
        own_gpus=own.get("gpus_in_use", 0),
        own_running=own.get("running", 0),
        own_waiting=own.get("waiting", 0),
        flavours=tuple(flavour for flavour in partition.flavours.all() if flavour.is_offered),
    )


def _list_reservations(loads: list[PartitionLoad], now: datetime) -> list[Reservation]:
    """Those that are on or to come, each once, the next first."""
    found: dict[tuple[str, datetime], Reservation] = {}
    for load in loads:
        for told in load.partition.reservations:
            kept = _read_reservation(told, load.partition.name, now)
            if kept is None:
                continue
            same = found.get((kept.name, kept.starts_at))
            partitions = (*same.partitions, *kept.partitions) if same else kept.partitions
            found[kept.name, kept.starts_at] = replace(kept, partitions=partitions)
    return sorted(found.values(), key=lambda kept: (kept.starts_at, kept.name))


def _read_reservation(told: Mapping[str, Any], partition: str, now: datetime) -> Reservation | None:
    """One that the hub told of; nothing for one that is over, or has no times."""
    starts_at, ends_at = (parse_datetime(str(told.get(name))) for name in ("starts_at", "ends_at"))
    if starts_at is None or ends_at is None or ends_at <= now:
        return None
    return Reservation(
        name=str(told.get("name", "")),
        partitions=(partition,),
        starts_at=starts_at,
        ends_at=ends_at,
        nodes=int(told.get("nodes") or 0),
        accounts=tuple(map(str, told.get("accounts") or ())),
        is_maintenance=bool(told.get("is_maintenance")),
        is_on=starts_at <= now,
    )


def _find_waiting(hub: Hub, most: int) -> WaitingLearners:
    waiting = find_live_jobs(hub).filter(started_at=None, session__isnull=False)
    told = waiting.aggregate(count=Count("pk"), since=Min("submitted_at"))
    in_order = waiting.order_by("partition_name", F("place").asc(nulls_last=True), "submitted_at", "pk")
    has_job = Exists(SlurmJob.objects.filter(session=OuterRef("pk")))
    unsent = LabSession.objects.filter(Q(hub=hub, status__in=WAITING_STATUSES), ~has_job)
    return WaitingLearners(
        shown=tuple(
            in_order.select_related("session__learner", "session__lab", "session__enrolment__cohort")[:most]
        ),
        count=told["count"],
        since=told["since"],
        unsent=unsent.count(),
    )
