"""Where a learner's lab can run: what their cohort may use and is large enough, and the best of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from courses.models import Enrolment
from labs.exceptions import RefusedError
from labs.models import (
    AccountKind,
    AccountLease,
    Allocation,
    FactoryAccount,
    Flavour,
    Hub,
    LabRelease,
    LabSession,
    Partition,
)
from labs.states import ACTIVE_SESSION_STATUSES, AccountStatus
from labs.work.gpu_hours import sum_gpu_hours
from labs.work.leasing import judge_own_account

OLD_AFTER: Final = timedelta(minutes=3)
"""What Slurm said so long ago says nothing about how long a start would wait now."""

UNKNOWN: Final = float("inf")

REFUSALS: Final = frozenset(
    {
        "gpu_hours_used_up",
        "maintenance",
        "own_account_expired",
        "own_account_missing",
        "own_account_not_verified",
        "partition_down",
        "place_too_short",
        "pool_empty",
        "reservation_not_open",
        "reservation_over",
    }
)
"""What `blocked_reason` may be."""


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


def list_choices(enrolment: Enrolment, release: LabRelease) -> list[Choice]:
    """All that a cohort may use and that is enough for a lab, the recommended one first, those that are blocked last.

    Empty where its factory has no Slurm. Five queries, however many there are.
    """
    now = timezone.now()
    allocations = list(
        Allocation.objects.filter(cohort=enrolment.cohort_id, partition__hub__has_slurm=True)
        .select_related("partition__hub__factory")
        .prefetch_related("flavours")
    )
    blocked = _find_blocked(enrolment, allocations, now)
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


def find_recommended(enrolment: Enrolment, release: LabRelease) -> Choice | None:
    """Where a lab starts if its learner chooses nothing; None where nothing can be had."""
    return next((each for each in list_choices(enrolment, release) if each.is_recommended), None)


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
        blocked, opens_at = _find_closed(allocation, minutes, now)
    if not blocked and minutes > min(flavour.minutes_max, partition.time_limit_minutes or minutes):
        blocked = "place_too_short"
    wait = find_wait(flavour, hub, now)
    return Choice(allocation, flavour, hub, minutes, wait, blocked_reason=blocked, opens_at=opens_at)


def _find_blocked(enrolment: Enrolment, allocations: list[Allocation], now: datetime) -> dict[int, str]:
    """Why each allocation cannot be used at all; empty where it can."""
    hubs = {each.partition.hub_id for each in allocations}
    own = {
        account.hub_id: account
        for account in FactoryAccount.objects.filter(
            kind=AccountKind.OWN, user=enrolment.learner_id, hub__in=hubs
        )
    }
    lent = _find_lent(enrolment, hubs)
    used = sum_gpu_hours(allocations)

    def find_reason(allocation: Allocation) -> str:
        hub_id, kind = allocation.partition.hub_id, allocation.account_kind
        if not (allocation.partition.is_up and allocation.partition.is_offered):
            return "partition_down"
        if allocation.gpu_hours is not None and used[allocation.pk] >= allocation.gpu_hours:
            return "gpu_hours_used_up"
        if kind == AccountKind.OWN:
            return judge_own_account(own.get(hub_id), now)
        return "" if (hub_id, kind) in lent else "pool_empty"

    return {allocation.pk: find_reason(allocation) for allocation in allocations}


def _find_lent(enrolment: Enrolment, hubs: set[int]) -> set[tuple[int, str]]:
    """Hubs and kinds of account of which this learner has one or could be lent one now."""
    open_leases = AccountLease.objects.filter(account=OuterRef("pk"), ended_at__isnull=True)
    at_work = LabSession.objects.filter(
        account=OuterRef("account"), learner=OuterRef("user"), status__in=ACTIVE_SESSION_STATUSES
    )
    of_others = open_leases.filter(is_exclusive=True).exclude(user=enrolment.learner_id)
    accounts = (
        FactoryAccount.objects.filter(hub__in=hubs, is_offered=True, status=AccountStatus.VERIFIED)
        .exclude(kind=AccountKind.OWN)
        .exclude(Exists(of_others.filter(Exists(at_work))))
    )
    return set(accounts.values_list("hub", "kind").order_by().distinct())


def _find_closed(allocation: Allocation, minutes: int, now: datetime) -> tuple[str, datetime | None]:
    """Why a partition takes no session of so many minutes now though it is up, and until when; ("", None) else."""
    reservations = allocation.partition.reservations
    for each in reservations:
        starts_at, ends_at = parse_datetime(each["starts_at"]), parse_datetime(each["ends_at"])
        if starts_at is None or ends_at is None:
            continue
        if each["name"] == allocation.reservation and now < starts_at:
            return "reservation_not_open", starts_at
        if each["name"] == allocation.reservation and now >= ends_at:
            return "reservation_over", None
        takes_all = each["is_maintenance"] and each["nodes"] >= allocation.partition.nodes_total
        if takes_all and now < ends_at and starts_at < now + timedelta(minutes=minutes):
            return "maintenance", ends_at
    names = {each["name"] for each in reservations}
    is_gone = allocation.reservation and allocation.partition.read_at and allocation.reservation not in names
    return ("reservation_over", None) if is_gone else ("", None)
