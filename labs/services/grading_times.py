"""How long the phases of a grading take: medians and 95th percentiles, worked out by the database."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db.models import (
    Count,
    DurationField,
    Expression,
    ExpressionWrapper,
    F,
    FloatField,
    Q,
    QuerySet,
    Window,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Ceil, RowNumber

from labs.models import GradingRun

PHASES: Final = ("queued", "prepared", "executed", "scored", "rendered")
TOTAL: Final = "total"
"""From the queue to the mark."""

SAMPLE: Final = 4_000
"""Runs that are looked at, so that a busy day costs no more than a quiet one."""

USUAL: Final = 500
"""Runs that say what is usual now."""

MEDIAN: Final = 0.5
HIGH: Final = 0.95

Seconds = float | timedelta


@dataclass(frozen=True)
class Spread:
    """Seconds within which half of the runs were through, and 95 of 100."""

    median: float
    high: float


@dataclass(frozen=True)
class Times:
    """The spread of each phase, and of TOTAL, over `count` runs. A phase that no run has told of is missing."""

    count: int = 0
    spreads: Mapping[str, Spread] = field(default_factory=dict)


@dataclass(frozen=True)
class GradingTimes:
    """Times of all labs together and by lab, of the runs that ended since `since`.

    `is_sample`: more than SAMPLE ended in the time that was asked for, and `since` is when the newest of them begin.
    """

    since: datetime
    is_sample: bool
    of_all: Times
    of_labs: Mapping[int, Times]


@dataclass(frozen=True)
class _Ranked:
    """One run's value with its place among those of its lab and among all."""

    lab: int
    place: int
    count: int
    place_of_all: int
    count_of_all: int
    value: Seconds


def find_grading_times(since: datetime) -> GradingTimes:
    """The times of all labs, in a number of queries that does not grow with runs or labs."""
    start = find_start(since, SAMPLE)
    looked_at = finished_runs(start)
    counts: dict[int | None, int] = {}
    spreads: dict[int | None, dict[str, Spread]] = defaultdict(dict)
    for phase in (*PHASES, TOTAL):
        for lab, spread, count in _spread(looked_at, _value_of(phase)):
            spreads[lab][phase] = spread
            counts[lab] = max(count, counts.get(lab, 0))
    found = {lab: Times(counts[lab], spreads[lab]) for lab in counts}
    return GradingTimes(
        since=start,
        is_sample=start > since,
        of_all=found.get(None, Times()),
        of_labs={lab: times for lab, times in found.items() if lab is not None},
    )


def find_usual_seconds(since: datetime) -> Spread | None:
    """From the queue to the mark, over the newest runs of all labs; None where there is none."""
    rows = _spread(finished_runs(find_start(since, USUAL)), _value_of(TOTAL))
    return next((spread for lab, spread, _count in rows if lab is None), None)


def finished_runs(since: datetime) -> QuerySet[GradingRun]:
    """Runs with a result since then. Asked for by what only they have, so that the index of the times is used."""
    return GradingRun.objects.filter(finished_at__gte=since).exclude(outcome="").order_by()


def find_start(since: datetime, most: int) -> datetime:
    """When the newest `most` of the runs since then begin to end; `since` where they are fewer."""
    newest = finished_runs(since).order_by("-finished_at").values_list("finished_at", flat=True)
    return next(iter(newest[most - 1 : most]), None) or since


def _value_of(phase: str) -> Expression:
    if phase == TOTAL:
        return ExpressionWrapper(F("finished_at") - F("queued_at"), output_field=DurationField())
    return Cast(KT(f"phase_seconds__{phase}"), FloatField())


def _spread(runs: QuerySet[GradingRun], value: Expression) -> Iterator[tuple[int | None, Spread, int]]:
    """Per lab, and with None for all: the spread of a value and the number of runs that have one.

    The database ranks the runs and gives back the few that stand at one of the places asked for.
    """
    of_lab = [F("release__lab")]
    ranked = (
        runs.annotate(value=value)
        .filter(value__isnull=False)
        .annotate(
            place=Window(RowNumber(), partition_by=of_lab, order_by="value"),
            count=Window(Count("pk"), partition_by=of_lab),
            place_of_all=Window(RowNumber(), order_by="value"),
            count_of_all=Window(Count("pk")),
        )
        .filter(
            Q(place=Ceil(F("count") * MEDIAN))
            | Q(place=Ceil(F("count") * HIGH))
            | Q(place_of_all=Ceil(F("count_of_all") * MEDIAN))
            | Q(place_of_all=Ceil(F("count_of_all") * HIGH))
        )
    )
    names = ("release__lab", "place", "count", "place_of_all", "count_of_all", "value")
    places: dict[int | None, dict[int, Seconds]] = defaultdict(dict)
    counts: dict[int | None, int] = {}
    for row in (_Ranked(*each) for each in ranked.values_list(*names)):
        places[row.lab][row.place], counts[row.lab] = row.value, row.count
        places[None][row.place_of_all], counts[None] = row.value, row.count_of_all
    for lab, count in counts.items():
        yield lab, Spread(*(_seconds(places[lab][place_of(count, part)]) for part in (MEDIAN, HIGH))), count


def place_of(count: int, part: float) -> int:
    """The nearest rank: the first place that at least this part of all stands at or before."""
    return math.ceil(count * part)


def _seconds(value: Seconds) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value
