"""A factory's GPUs for its staff: partitions, who waits, what was used, what failed."""

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from courses.access import factory_for
from courses.views.requests import SignedInRequest
from labs.models import Hub, SlurmJob
from labs.services.factory_load import FactoryLoad, find_factory_load
from labs.services.factory_usage import (
    WEEK,
    CohortUsage,
    FailureCount,
    GpuHistory,
    find_cohort_usage,
    find_failure_counts,
    find_gpu_history,
    find_waits,
)
from labs.services.lab_units import LabName, find_lab_names
from labs.services.page_versions import make_version
from labs.services.slurm_words import explain_job
from labs.views.charts import LOOKS, Chart, Series
from labs.views.failure_words import FAILURES
from labs.views.responses import render_polled

WAITING_SHOWN: Final = 50
COHORTS_DRAWN: Final = 12


@dataclass(frozen=True)
class WaitingRow:
    job: SlurmJob
    name: LabName | None

    @property
    def is_stuck(self) -> bool:
        """Whether waiting alone changes nothing."""
        return explain_job(self.job).is_stuck


@login_required
@require_GET
def gpus(request: SignedInRequest, factory: str) -> HttpResponse:
    hub = _hub_for(request, factory)
    now = timezone.now()
    context = {**_now_context(hub, now), **_usage_context(hub, now), "section": "factory"}
    return render(request, "labs/gpus.html", context)


@login_required
@require_GET
def gpus_now(request: SignedInRequest, factory: str) -> HttpResponse:
    """The part of the page that moves."""
    context = _now_context(_hub_for(request, factory), timezone.now())
    return render_polled(
        request, "labs/_gpus_now.html", context, version=str(context["version"]), is_at_rest=False
    )


@login_required
@require_GET
def gpus_usage(request: SignedInRequest, factory: str) -> HttpResponse:
    """The part of the page that costs the database most, and changes slowly."""
    return render(
        request, "labs/_gpus_usage.html", _usage_context(_hub_for(request, factory), timezone.now())
    )


def _hub_for(request: SignedInRequest, factory: str) -> Hub:
    hubs = Hub.objects.select_related("factory")
    return get_object_or_404(hubs, factory=factory_for(request.user, factory))


def _now_context(hub: Hub, now: datetime) -> dict[str, object]:
    load = find_factory_load(hub, now, most=WAITING_SHOWN)
    labs = [job.session.lab_id for job in load.waiting.shown if job.session]
    names = find_lab_names(labs, get_language() or "")
    state = [(each.partition.name, each.partition.is_up) for each in load.partitions]
    return {
        "factory": hub.factory,
        "hub": hub,
        "load": load,
        "chart": draw_partitions(load) if load.partitions else None,
        "waiting": [
            WaitingRow(job, names.get(job.session.lab_id)) for job in load.waiting.shown if job.session
        ],
        "more_count": max(load.waiting.count - len(load.waiting.shown), 0),
        "version": make_version(
            load.is_slurm_answering,
            state,
            load.is_in_maintenance,
            quiet=(hub.slurm_answered_at, load.waiting.count, load.waiting.unsent, load.own_gpus),
        ),
    }


def _usage_context(hub: Hub, now: datetime) -> dict[str, object]:
    zone = zoneinfo.ZoneInfo(hub.factory.time_zone)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    history = find_gpu_history(hub, now)
    cohorts = find_cohort_usage(hub, now, midnight)
    return {
        "factory": hub.factory,
        "hub": hub,
        "midnight": midnight,
        "history_chart": draw_history(history) if history.of_partitions else None,
        "history": list_hours(history),
        "history_partitions": list(history.of_partitions),
        "waits_today": find_waits(hub, midnight),
        "waits_of_week": find_waits(hub, now - WEEK),
        "cohorts": cohorts,
        "cohort_chart": draw_cohorts(cohorts),
        "failures": [(name_failure(each), each) for each in find_failure_counts(hub, now)],
    }


def name_failure(failure: FailureCount) -> str | Promise:
    """In words for staff: those of the reason itself may speak to the learner."""
    return FAILURES.get(failure.reason, failure.sentence)


def draw_partitions(load: FactoryLoad) -> Chart:
    """Where the GPUs of each partition are."""
    each = load.partitions
    return Chart(
        "bars",
        [row.partition.name for row in each],
        [
            Series(_("Paja’s sessions"), [row.own_gpus for row in each], "own"),
            Series(_("Others"), [row.other_gpus for row in each], "others"),
            Series(_("Free"), [row.partition.gpus_free for row in each], "free"),
            Series(_("Not available"), [row.gpus_away for row in each], "away"),
        ],
        axis=_("GPUs"),
    )


def draw_history(history: GpuHistory) -> Chart:
    labels = [f"{timezone.localtime(tick):%H:%M}" for tick in history.ticks]
    series = [
        Series(name, values, look)
        for (name, values), look in zip(history.of_partitions.items(), cycle(LOOKS), strict=False)
    ]
    return Chart("lines", labels, series, axis=_("GPUs"))


def draw_cohorts(cohorts: Sequence[CohortUsage]) -> Chart | None:
    """The GPU-hours of the cohorts that used most; nothing where none was used."""
    drawn = [row for row in cohorts if row.cohort and row.hours_of_week][:COHORTS_DRAWN]
    if not drawn:
        return None
    earlier = [round(float(row.hours_of_week - row.hours_today), 2) for row in drawn]
    return Chart(
        "bars",
        [row.cohort.name for row in drawn if row.cohort],
        [
            Series(_("Today"), [round(float(row.hours_today), 2) for row in drawn], "own"),
            Series(_("The days before"), earlier, "second"),
        ],
        axis=_("GPU-hours"),
    )


def list_hours(history: GpuHistory) -> list[tuple[datetime, list[int]]]:
    """The figures of the chart now and at every full hour before, the newest first."""
    values = zip(*history.of_partitions.values(), strict=True)
    rows = [(tick, list(row)) for tick, row in zip(history.ticks, values, strict=False)]
    return [row for row in rows[::-1] if row[0] == history.ticks[-1] or not row[0].minute]
