"""What a factory was used for: GPUs over time, waits, GPU-hours, failures; reckoned from the rows of Slurm's jobs."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    Expression,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Sum,
    Value,
    Window,
)
from django.db.models.functions import (
    Ceil,
    Coalesce,
    ExtractMinute,
    Floor,
    Greatest,
    Least,
    RowNumber,
    TruncHour,
)

from courses.models import Cohort
from labs.models import Hub, LabSession, SlurmJob
from labs.reasons import sentence_for
from labs.services.factory_load import find_live_jobs
from labs.services.grading_times import HIGH, MEDIAN, place_of
from labs.services.queue_places import WAITING_STATUSES
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus
from labs.work.gpu_hours import count_gpu_hours

WEEK: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)
TICK: Final = timedelta(minutes=10)
NO_HOURS: Final = Decimal(0)


@dataclass(frozen=True)
class GpuHistory:
    """GPUs that Paja's jobs had, by partition, at each of `ticks`."""

    ticks: tuple[datetime, ...]
    of_partitions: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Waits:
    """Seconds that learners' jobs waited before they began: half of them, 95 of 100, and the longest."""

    count: int
    median: float
    high: float
    longest: float


@dataclass(frozen=True)
class CohortUsage:
    """Without a cohort: what none pays for, such as graders and jobs that try an account out."""

    cohort: Cohort | None
    running: int
    waiting: int
    gpus: int
    hours_today: Decimal
    hours_of_week: Decimal


@dataclass(frozen=True)
class FailureCount:
    """Sessions that failed for one reason in the last 7 days, and how many of them in the last 24 hours."""

    reason: str
    today: int
    of_week: int
    learners: int

    @property
    def sentence(self) -> str:
        return sentence_for(self.reason)


def find_gpu_history(hub: Hub, now: datetime, span: timedelta = DAY) -> GpuHistory:
    """GPUs in use at every ten minutes and now, as jobs began and ended: nothing is sampled, so nothing is missed."""
    next_tick = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0) + TICK
    ticks = tuple(next_tick - TICK * back for back in range(span // TICK, -1, -1))
    jobs = _jobs_since(hub, ticks[0])
    changes: dict[str, dict[datetime, int]] = defaultdict(lambda: defaultdict(int))
    for name, tick, gpus in _sum_by_tick(jobs.filter(started_at__lt=next_tick), "started_at"):
        changes[name][max(tick, ticks[0])] += gpus
    for name, tick, gpus in _sum_by_tick(jobs.filter(ended_at__lt=next_tick), "ended_at"):
        changes[name][tick] -= gpus
    in_use = {name: _add_up(changes[name], ticks) for name in sorted(changes)}
    return GpuHistory((*ticks[:-1], now), in_use)


def find_waits(hub: Hub, since: datetime) -> Waits | None:
    """Of jobs of learners' sessions that began since then; None where none did.

    The database ranks them and gives back those that stand at the places asked for.
    """
    wait = ExpressionWrapper(F("started_at") - F("submitted_at"), output_field=DurationField())
    began = _jobs_since(hub, since).filter(started_at__gte=since, server_name__startswith="s-")
    ranked = began.annotate(
        wait=wait, rank=Window(RowNumber(), order_by=wait), count=Window(Count("pk"))
    ).filter(Q(rank=Ceil(F("count") * MEDIAN)) | Q(rank=Ceil(F("count") * HIGH)) | Q(rank=F("count")))
    rows = sorted(ranked.values_list("rank", "count", "wait"))
    if not rows:
        return None
    count = rows[0][1]
    seconds = {rank: waited.total_seconds() for rank, _count, waited in rows}
    return Waits(count, seconds[place_of(count, MEDIAN)], seconds[place_of(count, HIGH)], seconds[count])


def find_cohort_usage(hub: Hub, now: datetime, midnight: datetime) -> list[CohortUsage]:
    """Cohorts with a session now or GPU-hours in the last 7 days; who has used most comes first."""
    sessions = _count_sessions(hub)
    in_use = dict(
        find_live_jobs(hub).filter(started_at__isnull=False).values_list("cohort").annotate(Sum("gpus"))
    )
    today = _sum_hours(SlurmJob.objects.filter(hub=hub), midnight, now)
    of_week = _sum_hours(SlurmJob.objects.filter(hub=hub), now - WEEK, now)
    found = {*sessions, *in_use, *of_week}
    cohorts = Cohort.objects.select_related("factory", "release__course").in_bulk(
        [pk for pk in found if pk is not None]
    )
    rows = [
        CohortUsage(
            cohort=cohorts[pk] if pk is not None else None,
            running=sessions.get(pk, (0, 0))[0],
            waiting=sessions.get(pk, (0, 0))[1],
            gpus=in_use.get(pk, 0),
            hours_today=today.get(pk, NO_HOURS),
            hours_of_week=of_week.get(pk, NO_HOURS),
        )
        for pk in found
    ]
    return sorted(
        rows, key=lambda row: (row.cohort is None, -row.hours_of_week, -row.running, str(row.cohort))
    )


def find_failure_counts(hub: Hub, now: datetime) -> list[FailureCount]:
    """Why sessions failed at a factory in the last 7 days; what came most often first."""
    failed = LabSession.objects.filter(hub=hub, status=SessionStatus.FAILED, ended_at__gte=now - WEEK)
    rows = (
        failed.order_by()
        .values_list("reason")
        .annotate(
            today=Count("pk", filter=Q(ended_at__gte=now - DAY)),
            of_week=Count("pk"),
            learners=Count("learner", distinct=True),
        )
    )
    return sorted((FailureCount(*row) for row in rows), key=lambda each: (-each.of_week, each.reason))


def _sum_hours(jobs: QuerySet[SlurmJob], since: datetime, until: datetime) -> dict[int | None, Decimal]:
    """GPU-hours by cohort that these jobs cost between two times; of one that runs, what it has cost so far.

    An hour costs the flavour's weight as it was at the start of the job.
    """
    begun = Greatest(F("started_at"), Value(since, DateTimeField()))
    ended = Least(Coalesce(F("ended_at"), Value(until, DateTimeField())), Value(until, DateTimeField()))
    ran = ExpressionWrapper(ended - begun, output_field=DurationField())
    rows = (
        jobs.filter(Q(ended_at=None) | Q(ended_at__gt=since), started_at__lt=until)
        .order_by()
        .values_list("cohort", "weight")
        .annotate(ran=Sum(ran))
    )
    hours: dict[int | None, Decimal] = defaultdict(Decimal)
    for cohort, weight, spent in rows:
        hours[cohort] += count_gpu_hours(spent, weight)
    return dict(hours)


def _jobs_since(hub: Hub, since: datetime) -> QuerySet[SlurmJob]:
    """Jobs that ran at some time after it; asked for by their end, which has an index."""
    jobs = SlurmJob.objects.filter(hub=hub, started_at__isnull=False)
    return jobs.filter(Q(ended_at=None) | Q(ended_at__gte=since)).order_by()


def _sum_by_tick(jobs: QuerySet[SlurmJob], name: str) -> Iterator[tuple[str, datetime, int]]:
    """By partition and tick: the GPUs of the jobs whose `name` lies in the ten minutes before it."""
    rows = jobs.values_list("partition_name", TruncHour(name, tzinfo=UTC), _tens_of_minutes(name)).annotate(
        gpus=Sum("gpus")
    )
    for partition, hour, tens, gpus in rows:
        yield partition, hour + TICK * (int(tens) + 1), gpus


def _tens_of_minutes(name: str) -> Expression:
    return Floor(ExtractMinute(name, tzinfo=UTC) / Value(10.0))


def _add_up(changes: Mapping[datetime, int], ticks: tuple[datetime, ...]) -> tuple[int, ...]:
    in_use, values = 0, []
    for tick in ticks:
        in_use += changes.get(tick, 0)
        values.append(in_use)
    return tuple(values)


def _count_sessions(hub: Hub) -> dict[int | None, tuple[int, int]]:
    """By cohort: sessions that run, and those that wait or begin."""
    is_waiting = Q(status__in=WAITING_STATUSES)
    active = LabSession.objects.filter(hub=hub, status__in=ACTIVE_SESSION_STATUSES).order_by()
    cohort = Coalesce("allocation__cohort", "enrolment__cohort")
    rows: Any = active.values_list(cohort).annotate(
        running=Count("pk", filter=~is_waiting), waiting=Count("pk", filter=is_waiting)
    )
    return {cohort: (running, waiting) for cohort, running, waiting in rows}
