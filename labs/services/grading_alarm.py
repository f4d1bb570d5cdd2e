"""Whether somebody has to look at the grading: what the top bar says on every page of a factory's staff."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.utils import timezone

from courses.models import Factory
from labs.services.grader_health import find_troubled_factories
from labs.services.grading_faults import ungraded_runs
from labs.services.grading_health import find_stop

CACHE_KEY: Final = "grading_alarm"
CACHE_SECONDS: Final = 30


@dataclass(frozen=True)
class GradingAlarm:
    """`is_stopped`: runs wait and no worker is there; `ungraded` counts attempts that we failed to grade.

    `has_failed_grader`: runs wait for a factory's grader, which has failed.
    """

    is_stopped: bool = False
    ungraded: int = 0
    has_failed_grader: bool = False

    def __bool__(self) -> bool:
        return self.is_stopped or bool(self.ungraded) or self.has_failed_grader


@dataclass(frozen=True)
class _Signs:
    is_stopped: bool = False
    ungraded: Mapping[int, int] = field(default_factory=dict)
    troubled: frozenset[int] = frozenset()


def find_grading_alarm(factories: QuerySet[Factory]) -> GradingAlarm:
    """For the staff of these factories: a look into the cache, where CACHE_SECONDS old signs are looked for anew."""
    signs = cache.get(CACHE_KEY)
    if not isinstance(signs, _Signs):
        signs = _find_signs()
        cache.set(CACHE_KEY, signs, CACHE_SECONDS)
    named = {*signs.ungraded, *signs.troubled}
    own = set(factories.filter(pk__in=named).values_list("pk", flat=True)) if named else set()
    return GradingAlarm(
        is_stopped=signs.is_stopped,
        ungraded=sum(signs.ungraded.get(factory, 0) for factory in own),
        has_failed_grader=not own.isdisjoint(signs.troubled),
    )


def _find_signs() -> _Signs:
    now = timezone.now()
    of_factory = ungraded_runs(now).order_by().values_list("submission__enrolment__cohort__factory")
    return _Signs(
        is_stopped=find_stop(now) is not None,
        ungraded=dict(of_factory.annotate(Count("pk"))),
        troubled=find_troubled_factories(),
    )
