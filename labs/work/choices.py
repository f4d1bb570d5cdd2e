"""Where a lab can run: what its cohort may use and is large enough, and the best of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils import timezone

from courses.models import Enrolment
from labs.exceptions import RefusedError
from labs.models import Allocation, Flavour, Hub, LabRelease, LabSession, Partition
from labs.work.refused_places import find_closed, find_refusals

OLD_AFTER: Final = timedelta(minutes=3)
"""What Slurm said so long ago says nothing about how long a start would wait now."""

UNKNOWN: Final = float("inf")


@dataclass(frozen=True)
class Choice:
    """A size of session in a partition that a cohort may use.

    `expected_wait_seconds` is None where nobody knows. `blocked_reason` says why it cannot be chosen now, empty where
    it can; `opens_at` when that is over, where it is known. One whose hub is down can be chosen, and waits for it.
    """

    allocation: Allocation
    flavour: Flavour
    hub: Hub
    minutes: int
    expected_wait_seconds: int | None
    is_recommended: bool = False
    blocked_reason: str = ""
    opens_at: datetime | None = None

    @property
    def partition(self) -> Partition:
        return self.allocation.partition

    @property
    def key(self) -> str:
        """Names it in a form."""
        return f"{self.hub.factory.slug}/{self.partition.name}/{self.flavour.slug}"

    @property
    def rank(self) -> tuple[bool, bool, float, int, Decimal]:
        """The best is the least: it can be had, its hub answers, the shortest wait, what staff prefer, the price."""
        wait = UNKNOWN if self.expected_wait_seconds is None else self.expected_wait_seconds
        is_down = self.hub.down_since is not None
        return bool(self.blocked_reason), is_down, wait, self.allocation.position, self.flavour.weight


def list_choices(
    enrolment: Enrolment, release: LabRelease, *, instead_of: LabSession | None = None
) -> list[Choice]:
    """All that a cohort may use and that is enough for a lab, the recommended one first, those that are blocked last.

    `instead_of` is a session that ends for it: it takes nobody's place. Empty where its factory has no Slurm. Six
    queries, however many there are.
    """
    now = timezone.now()
    allocations = list(
        Allocation.objects.filter(cohort=enrolment.cohort_id, partition__hub__has_slurm=True)
        .select_related("partition__hub__factory")
        .prefetch_related("flavours")
    )
    blocked = find_refusals(enrolment.learner_id, allocations, now, instead_of=instead_of)
    choices = [
        _describe(allocation, flavour, release, blocked[allocation.pk], now)
        for allocation in allocations
        for flavour in allocation.flavours.all()
        if flavour.is_offered and is_enough(flavour, release)
    ]
    choices.sort(key=lambda choice: choice.rank)
    if choices and not choices[0].blocked_reason:
        choices[0] = replace(choices[0], is_recommended=True)
    return choices


def get_recommended(enrolment: Enrolment, release: LabRelease) -> Choice:
    """The same; RefusedError with the reason of the best one where all are blocked, else `no_place_for_lab`."""
    choices = list_choices(enrolment, release)
    if not choices:
        raise RefusedError(reason="no_place_for_lab")
    if choices[0].blocked_reason:
        raise RefusedError(reason=choices[0].blocked_reason)
    return choices[0]


def find_choice(enrolment: Enrolment, release: LabRelease, key: str) -> Choice | None:
    """The choice of a form; None for one that the cohort does not have. It may be blocked."""
    return next((each for each in list_choices(enrolment, release) if each.key == key), None)


def find_wait(flavour: Flavour, hub: Hub, now: datetime) -> int | None:
    """How many seconds a start now would wait, None where nobody knows: Slurm's word must not be old."""
    is_new = hub.slurm_answered_at is not None and now - hub.slurm_answered_at < OLD_AFTER
    return flavour.expected_wait_seconds if is_new and hub.down_since is None else None


def is_enough(flavour: Flavour, release: LabRelease) -> bool:
    """Whether a lab finds the GPUs and the memory that it needs."""
    needs: Mapping[str, int] = release.needs
    return flavour.gpus >= needs.get("gpus", 0) and flavour.memory_gb >= needs.get("memory_gb", 0)


def _describe(
    allocation: Allocation, flavour: Flavour, release: LabRelease, blocked: str, now: datetime
) -> Choice:
    hub, partition = allocation.partition.hub, allocation.partition
    minutes = LabSession(release=release, hub=hub).minutes
    opens_at = None
    if not blocked:
        blocked, opens_at = find_closed(allocation, minutes, now)
    if not blocked and minutes > min(flavour.minutes_max, partition.time_limit_minutes or minutes):
        blocked = "place_too_short"
    wait = find_wait(flavour, hub, now)
    return Choice(allocation, flavour, hub, minutes, wait, blocked_reason=blocked, opens_at=opens_at)
