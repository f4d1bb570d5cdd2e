"""How the grading keeps up, for those who watch over it: the queue by lab, its pace, who is at work."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final

from django.db.models import Count, Max, Min, Q

from labs.models import GradingPause, GradingRun, Submission
from labs.services.grading_times import Spread, find_usual_seconds, finished_runs
from labs.services.grading_workers import WorkerAtWork, find_workers
from labs.states import ACTIVE_GRADING_STATUSES, GradingStatus
from labs.work.grading import LOST_AFTER
from labs.work.grading_queue import find_turns, find_waiting_runs

LATELY: Final = timedelta(minutes=5)
HOUR: Final = timedelta(hours=1)
SLOW_AFTER: Final = timedelta(seconds=30)
"""A learner who waits longer than this is told of on the page; shorter waits are what a queue is for."""

STOPPED_AFTER: Final = timedelta(minutes=1)
"""Where runs wait and none has begun or ended for this long, no worker is there: the slowest heartbeat takes 20 s."""

GROWS: Final = 1.1
"""So much more has to come than is graded, before a queue is said to grow: both numbers go up and down."""


class QueueState(StrEnum):
    NOTHING_YET = "nothing_yet"
    IDLE = "idle"
    KEEPS_UP = "keeps_up"
    BEHIND = "behind"
    GROWS = "grows"
    STOPPED = "stopped"


@dataclass
class LabQueue:
    """The runs of one lab that have not ended; `since` is when the first of those in line came."""

    lab_id: int
    course_id: int
    learners: int = 0
    checks: int = 0
    regrades: int = 0
    running: int = 0
    since: datetime | None = None
    is_paused: bool = False
    is_next: bool = False

    @property
    def waiting(self) -> int:
        return self.learners + self.checks + self.regrades


@dataclass(frozen=True)
class _Active:
    """Runs that have not ended, counted by what they have in common."""

    lab_id: int
    course_id: int
    status: str
    lane: int
    purpose: str
    factory_id: int | None
    count: int
    came: int
    without_box: int
    since: datetime


@dataclass(frozen=True)
class _Ended:
    """What one worker has ended within the hour; `lately` and `came` count the last minutes only."""

    worker: str
    count: int
    lately: int
    came: int
    ended_at: datetime


@dataclass(frozen=True)
class Line:
    """What waits for the workers: without paused labs, and without what a factory's grader runs."""

    count: int = 0
    since: datetime | None = None
    learners_since: datetime | None = None


@dataclass(frozen=True)
class GradingHealth:
    """`came`, `ended_lately` and `ended_in_hour` count runs of the last 5 and 60 minutes; `ended_at` is the newest end.

    What waits in a paused lab or for a grader has not come to the workers, and does not make their line grow.
    `of_graders` counts what waits per factory whose grader runs it; `without_box` what no machine could box;
    `resumed_at` is when a lab went on last after a pause.
    """

    now: datetime
    line: Line
    held_count: int
    running_count: int
    without_box: int
    came: int
    ended_lately: int
    ended_in_hour: int
    ended_at: datetime | None
    usual: Spread | None
    queues: tuple[LabQueue, ...]
    workers: tuple[WorkerAtWork, ...]
    of_graders: Mapping[int, int] = field(default_factory=dict)
    resumed_at: datetime | None = None

    @property
    def grader_count(self) -> int:
        """Runs that wait for the graders of factories."""
        return sum(self.of_graders.values())

    @cached_property
    def state(self) -> QueueState:
        if self.ended_at is None and not self.queues:
            return QueueState.NOTHING_YET
        if self.stopped_since:
            return QueueState.STOPPED
        if not self.line.count and not self.running_count:
            return QueueState.IDLE
        if self.line.learners_since is None or self.now - self.line.learners_since < SLOW_AFTER:
            return QueueState.KEEPS_UP
        return QueueState.GROWS if self.came > self.ended_lately * GROWS else QueueState.BEHIND

    @cached_property
    def stopped_since(self) -> datetime | None:
        """Since when nothing has been graded although runs wait; None where a worker is at it."""
        is_at_work = any(
            worker.since and not worker.is_lost and worker.factory_id is None for worker in self.workers
        )
        signs = (self.line.since, self.ended_at, self.resumed_at)
        return None if is_at_work else _stopped_since(self.now, *signs)

    @property
    def minutes_left(self) -> int | None:
        """Until the line is empty, as fast as it went lately; None where nothing waits or nothing ended."""
        per_minute = self.ended_lately / 5 or self.ended_in_hour / 60
        return -int(-self.line.count // per_minute) if self.line.count and per_minute else None


def find_grading_health(now: datetime) -> GradingHealth:
    """Of all labs and factories, in a number of queries that does not grow with them or their runs."""
    paused = set(GradingPause.objects.filter(ended_at=None).values_list("lab", flat=True))
    active = _count_active(now)
    ended = _count_ended(now)
    workers = find_workers(now, {row.worker: row.count for row in ended if row.worker})
    waiting = [row for row in active if row.status == GradingStatus.QUEUED]
    free = [row for row in waiting if row.lab_id not in paused and row.factory_id is None]
    running = [row for row in active if row.status == GradingStatus.RUNNING]
    of_graders: dict[int, int] = defaultdict(int)
    for row in waiting:
        if row.factory_id is not None and row.lab_id not in paused:
            of_graders[row.factory_id] += row.count
    return GradingHealth(
        now=now,
        line=Line(
            count=sum(row.count for row in free),
            since=_first(free),
            learners_since=_first(row for row in free if row.lane == GradingRun.Lane.LEARNERS),
        ),
        held_count=sum(row.count for row in waiting if row.lab_id in paused),
        running_count=sum(row.count for row in running),
        without_box=sum(row.without_box for row in waiting),
        came=sum(row.came for row in (*free, *running)) + sum(row.came for row in ended),
        ended_lately=sum(row.lately for row in ended),
        ended_in_hour=sum(row.count for row in ended),
        ended_at=max((row.ended_at for row in ended), default=None) or _find_last_end(),
        usual=find_usual_seconds(now - HOUR),
        queues=_make_queues(active, paused, _find_next_lab()),
        workers=workers,
        of_graders=of_graders,
        resumed_at=_find_last_resumption(),
    )


def find_stop(now: datetime) -> datetime | None:
    """`stopped_since` alone, for pages that say no more."""
    since = find_waiting_runs().aggregate(since=Min("in_line_since"))["since"]
    if since is None or now - since <= STOPPED_AFTER:
        return None
    alive = GradingRun.objects.filter(status=GradingStatus.RUNNING, heartbeat_at__gte=now - LOST_AFTER)
    if alive.filter(factory=None).exists():
        return None
    return _stopped_since(now, since, _find_last_end(), _find_last_resumption())


def _stopped_since(
    now: datetime, waiting_since: datetime | None, *signs_of_life: datetime | None
) -> datetime | None:
    if waiting_since is None:
        return None
    last = max(at for at in (waiting_since, *signs_of_life) if at)
    return last if now - last > STOPPED_AFTER else None


def _count_active(now: datetime) -> list[_Active]:
    rows = (
        GradingRun.objects.filter(status__in=ACTIVE_GRADING_STATUSES)
        .order_by()
        .values_list(
            "release__lab", "release__lab__course", "status", "lane", "submission__purpose", "factory"
        )
        .annotate(
            count=Count("pk"),
            came=Count("pk", filter=Q(queued_at__gte=now - LATELY)),
            without_box=Count("pk", filter=Q(reason="box_unavailable")),
            since=Min("in_line_since"),
        )
    )
    return [_Active(*row) for row in rows]


def _count_ended(now: datetime) -> list[_Ended]:
    rows = (
        finished_runs(now - HOUR)
        .values_list("worker")
        .annotate(
            count=Count("pk"),
            lately=Count("pk", filter=Q(finished_at__gte=now - LATELY)),
            came=Count("pk", filter=Q(queued_at__gte=now - LATELY)),
            ended_at=Max("finished_at"),
        )
    )
    return [_Ended(*row) for row in rows]


def _find_last_end() -> datetime | None:
    ended = GradingRun.objects.filter(finished_at__isnull=False).order_by("-finished_at")
    return ended.values_list("finished_at", flat=True).first()


def _find_last_resumption() -> datetime | None:
    """What waited through a pause has been in line for long, and no worker could take it."""
    newest: datetime | None = GradingPause.objects.aggregate(at=Max("ended_at"))["at"]
    return newest


def _find_next_lab() -> int | None:
    """The lab of the run that the next free worker takes."""
    turns = GradingRun.objects.filter(pk__in=find_turns(None)[:1])
    return turns.values_list("release__lab", flat=True).first()


def _make_queues(
    active: Iterable[_Active], paused: Collection[int], next_lab: int | None
) -> tuple[LabQueue, ...]:
    """Those of one course stand together."""
    queues: dict[int, LabQueue] = {}
    for row in active:
        queue = queues.setdefault(row.lab_id, LabQueue(row.lab_id, row.course_id))
        if row.status == GradingStatus.RUNNING:
            queue.running += row.count
            continue
        if row.lane == GradingRun.Lane.REGRADES:
            queue.regrades += row.count
        elif row.purpose == Submission.Purpose.CHECK:
            queue.checks += row.count
        else:
            queue.learners += row.count
        queue.since = min(queue.since or row.since, row.since)
        queue.is_paused = row.lab_id in paused
        queue.is_next = row.lab_id == next_lab
    return tuple(sorted(queues.values(), key=lambda queue: (queue.course_id, queue.lab_id)))


def _first(rows: Iterable[_Active]) -> datetime | None:
    return min((row.since for row in rows), default=None)
