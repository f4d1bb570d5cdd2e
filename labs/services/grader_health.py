"""How the graders of factories are, which run the notebooks of labs that need a GPU."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from courses.models import Factory
from labs.models import Grader, GraderEvent
from labs.states import SessionStatus


@dataclass(frozen=True)
class GraderHealth:
    """A factory's newest grader, if it ever had one, and how many runs wait for it; `since` is its last move."""

    factory: Factory
    waiting: int
    grader: Grader | None
    since: datetime | None

    @property
    def has_failed(self) -> bool:
        return self.grader is not None and self.grader.status == SessionStatus.FAILED

    @property
    def reason(self) -> str:
        """Why it failed, as a slug; empty where it did not."""
        return self.grader.reason if self.grader and self.has_failed else ""


def find_grader_health(factories: Iterable[Factory], waiting: Mapping[int, int]) -> list[GraderHealth]:
    """Of those of these factories that have had a grader, or that runs wait for: `waiting` counts them."""
    known = {factory.pk: factory for factory in factories}
    moved_at = GraderEvent.objects.filter(grader=OuterRef("pk")).order_by("-pk").values("created_at")[:1]
    newest = Grader.objects.filter(hub=OuterRef("hub")).order_by("-requested_at", "-pk").values("pk")[:1]
    graders = {
        grader.hub.factory_id: grader
        for grader in Grader.objects.filter(hub__factory__in=known, pk=Subquery(newest))
        .select_related("hub")
        .annotate(moved_at=Coalesce(Subquery(moved_at), "requested_at"))
    }
    return [
        GraderHealth(
            factory=factory,
            waiting=waiting.get(pk, 0),
            grader=graders.get(pk),
            since=graders[pk].moved_at if pk in graders else None,
        )
        for pk, factory in known.items()
        if pk in graders or waiting.get(pk)
    ]
