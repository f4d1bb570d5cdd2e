"""Whether somebody has to look at the grading: what the top bar says on every page of a factory's staff."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.utils import timezone

from courses.models import Factory
from labs.services.grading_faults import ungraded_runs
from labs.services.grading_health import find_stop

CACHE_KEY: Final = "grading_alarm"
CACHE_SECONDS: Final = 30


@dataclass(frozen=True)
class GradingAlarm:
    """`is_stopped`: runs wait and no worker is there; `ungraded` counts attempts that we failed to grade."""

    is_stopped: bool = False
    ungraded: int = 0

    def __bool__(self) -> bool:
        return self.is_stopped or bool(self.ungraded)


@dataclass(frozen=True)
class _Signs:
    is_stopped: bool = False
    ungraded: Mapping[int, int] = field(default_factory=dict)


def find_grading_alarm(factories: QuerySet[Factory]) -> GradingAlarm:
    """For the staff of these factories: a look into the cache, where CACHE_SECONDS old signs are looked for anew."""
    signs = cache.get(CACHE_KEY)
    if not isinstance(signs, _Signs):
        signs = _find_signs()
        cache.set(CACHE_KEY, signs, CACHE_SECONDS)
    own = factories.filter(pk__in=signs.ungraded) if signs.ungraded else ()
    return GradingAlarm(signs.is_stopped, sum(signs.ungraded[factory.pk] for factory in own))


def _find_signs() -> _Signs:
    now = timezone.now()
    of_factory = ungraded_runs(now).order_by().values_list("submission__enrolment__cohort__factory")
    return _Signs(find_stop(now) is not None, dict(of_factory.annotate(Count("pk"))))
