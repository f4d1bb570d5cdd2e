"""What the staff's page of the grading shows, row by row: numbers joined with the names of labs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from labs.models import GradingPause
from labs.services.grader_health import GraderHealth
from labs.services.grading_faults import LabOutcomes, fault_words
from labs.services.grading_health import GradingHealth, LabQueue
from labs.services.grading_times import PHASES, TOTAL, GradingTimes, Spread, Times
from labs.services.grading_workers import WorkerAtWork
from labs.services.lab_units import LabName
from labs.states import GradingOutcome

SHOWN_OUTCOMES: Final = tuple(outcome for outcome in GradingOutcome if outcome != GradingOutcome.SCORED)
FULL_WIDTH: Final = 900
"""Units of a bar's drawing. Below a thousand, which some languages write with a separator."""


@dataclass(frozen=True)
class QueueRow:
    """A lab in the queue; without a name the labs of other factories together."""

    name: LabName | None
    queue: LabQueue
    pause: GradingPause | None = None
    wait_seconds: float | None = None


@dataclass(frozen=True)
class WorkerRow:
    worker: WorkerAtWork
    lab: LabName | None
    seconds: float | None
    heartbeat_seconds: float | None


@dataclass(frozen=True)
class PhaseBar:
    """A part of a lab's bar."""

    phase: str
    start: int
    width: int


@dataclass(frozen=True)
class TimesRow:
    """A lab, or all of them where there is no name: a spread for each of PHASES and TOTAL, and its bar.

    `high_end` is where the 95th percentile of TOTAL stands on the bar.
    """

    name: LabName | None
    times: Times
    spreads: tuple[Spread | None, ...]
    bars: tuple[PhaseBar, ...]
    high_end: int

    @property
    def total(self) -> Spread:
        return self.times.spreads[TOTAL]


@dataclass(frozen=True)
class OutcomesRow:
    """How often each of SHOWN_OUTCOMES came out, and whether that is often."""

    name: LabName
    count: int
    cells: tuple[tuple[int, bool], ...]
    is_conspicuous: bool


def describe_queues(
    health: GradingHealth, names: Mapping[int, LabName], paused: Mapping[int, GradingPause]
) -> list[QueueRow]:
    """Labs that a person watches over, paused ones without runs too; those of others summed up at the end."""
    known = {queue.lab_id: queue for queue in health.queues if queue.lab_id in names}
    for lab_id, pause in paused.items():
        known.setdefault(lab_id, LabQueue(lab_id, pause.lab.course_id, is_paused=True))
    rows = [
        QueueRow(names[lab_id], queue, paused.get(lab_id), _wait(health, queue))
        for lab_id, queue in known.items()
    ]
    rows.sort(key=lambda row: (row.name.course_title, row.name.title) if row.name else ("", ""))
    others = [queue for queue in health.queues if queue.lab_id not in names]
    if others:
        total = _sum(others)
        rows.append(QueueRow(None, total, wait_seconds=_wait(health, total)))
    return rows


def describe_workers(health: GradingHealth, names: Mapping[int, LabName]) -> list[WorkerRow]:
    return [
        WorkerRow(
            worker=worker,
            lab=names.get(worker.lab_id) if worker.lab_id else None,
            seconds=(health.now - worker.since).total_seconds() if worker.since else None,
            heartbeat_seconds=(health.now - worker.heartbeat_at).total_seconds()
            if worker.heartbeat_at
            else None,
        )
        for worker in health.workers
    ]


def describe_graders(graders: Iterable[GraderHealth]) -> list[tuple[GraderHealth, str]]:
    """Each with why it or the start before failed, in words; empty where none did."""
    return [(each, each.reason and fault_words(each.reason)) for each in graders]


def describe_times(times: GradingTimes, names: Mapping[int, LabName]) -> list[TimesRow]:
    """All labs first, then those with a name, the slowest first; all bars on one scale."""
    of_labs = [(names[lab_id], found) for lab_id, found in times.of_labs.items() if lab_id in names]
    of_labs.sort(key=lambda row: -row[1].spreads[TOTAL].median)
    rows: list[tuple[LabName | None, Times]] = [(None, times.of_all), *of_labs] if times.of_all.count else []
    longest = max((_length(found) for _name, found in rows), default=0.0) or 1.0
    return [_draw(name, found, longest) for name, found in rows]


def describe_outcomes(outcomes: Iterable[LabOutcomes], names: Mapping[int, LabName]) -> list[OutcomesRow]:
    return [
        OutcomesRow(
            name=names[lab.lab_id],
            count=lab.count,
            cells=tuple((lab.faults.get(each, 0), each in lab.frequent) for each in SHOWN_OUTCOMES),
            is_conspicuous=bool(lab.frequent),
        )
        for lab in outcomes
        if lab.lab_id in names
    ]


def _draw(name: LabName | None, times: Times, longest: float) -> TimesRow:
    """The medians of the phases one after another: their sum is near that of the whole, and need not be it."""
    bars, reached = [], 0.0
    for phase in PHASES:
        if spread := times.spreads.get(phase):
            start = round(reached / longest * FULL_WIDTH)
            reached += spread.median
            bars.append(PhaseBar(phase, start, round(reached / longest * FULL_WIDTH) - start))
    return TimesRow(
        name=name,
        times=times,
        spreads=tuple(times.spreads.get(phase) for phase in (*PHASES, TOTAL)),
        bars=tuple(bars),
        high_end=round(times.spreads[TOTAL].high / longest * FULL_WIDTH),
    )


def _length(times: Times) -> float:
    medians = sum(times.spreads[phase].median for phase in PHASES if phase in times.spreads)
    return max(medians, times.spreads[TOTAL].high)


def _sum(queues: list[LabQueue]) -> LabQueue:
    return LabQueue(
        lab_id=0,
        course_id=0,
        learners=sum(queue.learners for queue in queues),
        checks=sum(queue.checks for queue in queues),
        regrades=sum(queue.regrades for queue in queues),
        running=sum(queue.running for queue in queues),
        since=min((queue.since for queue in queues if queue.since), default=None),
        is_next=any(queue.is_next for queue in queues),
    )


def _wait(health: GradingHealth, queue: LabQueue) -> float | None:
    return (health.now - queue.since).total_seconds() if queue.since else None
