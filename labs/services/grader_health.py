"""How the graders of factories are, which run the notebooks of labs that need a GPU."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from courses.models import Factory
from labs.models import Grader, GraderEvent, GradingPause, GradingRun
from labs.states import GradingStatus, SessionStatus

NOT_STARTED: Final = "grader_not_started"
STARTING: Final = (SessionStatus.REQUESTED, SessionStatus.SPAWNING)


@dataclass(frozen=True)
class GraderHealth:
    """A factory's newest grader, if it ever had one, and how many runs wait for it; `since` is its last move.

    `earlier_reason` is why the one before it moved last.
    """

    factory: Factory
    waiting: int
    grader: Grader | None
    since: datetime | None
    earlier_reason: str = ""

    @property
    def has_failed(self) -> bool:
        return self.grader is not None and self.grader.status == SessionStatus.FAILED

    @property
    def reason(self) -> str:
        """Why it failed, or why the start before this one did; empty where neither is so."""
        if self.grader is None or self.grader.status not in (*STARTING, SessionStatus.FAILED):
            return ""
        if self.has_failed:
            return self.grader.reason
        return NOT_STARTED if self.earlier_reason == NOT_STARTED else ""

    @property
    def is_in_trouble(self) -> bool:
        """Runs wait for it in vain: after a start that failed the next one has to succeed before that is over."""
        return bool(self.waiting and self.reason)


def find_grader_health(factories: Iterable[Factory], waiting: Mapping[int, int]) -> list[GraderHealth]:
    """Of those of these factories that have had a grader, or that runs wait for: `waiting` counts them."""
    known = {factory.pk: factory for factory in factories}
    moved_at = GraderEvent.objects.filter(grader=OuterRef("pk")).order_by("-pk").values("created_at")[:1]
    of_hub = Grader.objects.filter(hub=OuterRef("hub")).order_by("-requested_at", "-pk")
    graders = {
        grader.hub.factory_id: grader
        for grader in Grader.objects.filter(hub__factory__in=known, pk=Subquery(of_hub.values("pk")[:1]))
        .select_related("hub")
        .annotate(
            moved_at=Coalesce(Subquery(moved_at), "requested_at"),
            earlier_reason=Coalesce(Subquery(of_hub.values("reason")[1:2]), Value("")),
        )
    }
    return [
        GraderHealth(
            factory=factory,
            waiting=waiting.get(pk, 0),
            grader=graders.get(pk),
            since=graders[pk].moved_at if pk in graders else None,
            earlier_reason=graders[pk].earlier_reason if pk in graders else "",
        )
        for pk, factory in known.items()
        if pk in graders or waiting.get(pk)
    ]


def find_troubled_factories() -> frozenset[int]:
    """Factories whose graders are in trouble; one query where nothing waits for a grader."""
    paused = GradingPause.objects.filter(ended_at=None)
    waiting = GradingRun.objects.filter(status=GradingStatus.QUEUED, factory__isnull=False)
    counted = waiting.exclude(submission__lab__in=paused.values("lab")).order_by().values_list("factory")
    counts = dict(counted.annotate(Count("pk")))
    if not counts:
        return frozenset()
    found = find_grader_health(Factory.objects.filter(pk__in=counts), counts)
    return frozenset(health.factory.pk for health in found if health.is_in_trouble)
