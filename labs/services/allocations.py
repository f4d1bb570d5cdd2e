"""What a cohort may use of factories' partitions: planned, changed and removed, with a row for who did it and why."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from courses.models import Cohort, User
from labs.exceptions import RefusedError
from labs.models import AccountKind, Allocation, AllocationChange, Flavour, Partition
from labs.services.accounts import list_standings
from labs.services.shortfalls import Shortfall, find_end, make_shortfall
from labs.work.gpu_hours import sum_gpu_hours

CHANGES_SHOWN: Final = 20


@dataclass(frozen=True)
class Plan:
    """What a cohort is to be allowed of one partition."""

    flavours: Sequence[Flavour]
    account_kind: str
    slurm_account: str = ""
    qos: str = ""
    reservation: str = ""
    gpu_hours: Decimal | None = None
    position: int = 0


@dataclass(frozen=True)
class Reservation:
    """Nodes that a site keeps for somebody in that time, as its hub reports them."""

    name: str
    starts_at: datetime
    ends_at: datetime
    accounts: tuple[str, ...]


@dataclass(frozen=True)
class AllocationUse:
    """An allocation and the GPU-hours that its sessions have cost."""

    allocation: Allocation
    used: Decimal

    @property
    def is_used_up(self) -> bool:
        granted = self.allocation.gpu_hours
        return granted is not None and self.used >= granted


def list_allocations(cohort: Cohort) -> list[AllocationUse]:
    """In the order of preference."""
    allocations = list(
        cohort.allocations.select_related("partition__hub__factory", "cohort").prefetch_related("flavours")
    )
    used = sum_gpu_hours(allocations)
    return [AllocationUse(each, used[each.pk]) for each in allocations]


def list_changes(cohort: Cohort) -> list[AllocationChange]:
    """The newest changes, with who made them."""
    changes = cohort.allocation_changes.select_related("partition__hub__factory", "actor")
    return list(changes[:CHANGES_SHOWN])


def list_reservations(partition: Partition, now: datetime) -> list[Reservation]:
    """Those of a partition that are not over, without maintenance, by their begin."""
    found = [
        Reservation(
            name=str(each["name"]),
            starts_at=datetime.fromisoformat(each["starts_at"]),
            ends_at=datetime.fromisoformat(each["ends_at"]),
            accounts=tuple(each.get("accounts", ())),
        )
        for each in partition.reservations
        if not each.get("is_maintenance")
    ]
    return sorted((each for each in found if each.ends_at > now), key=lambda each: each.starts_at)


def find_plan_shortfall(cohort: Cohort, partition: Partition, plan: Plan) -> Shortfall | None:
    """Learners who could not use what is planned, for want of an own account; None where all can, or need none."""
    now = timezone.now()
    if plan.account_kind != AccountKind.OWN or cohort.is_over(now):
        return None
    until = find_end(cohort, partition, plan.reservation)
    shortfall = make_shortfall(partition.hub, until, list_standings(cohort, partition.hub), now)
    return shortfall if shortfall.count else None


def save_allocation(
    cohort: Cohort, partition: Partition, plan: Plan, *, seen: str, actor: User, lacking_count: int = 0
) -> Allocation:
    """Let a cohort use a partition as planned. Sessions that run go on as they began.

    `seen` is the version that the form showed: RefusedError `allocation_changed` where somebody was faster.
    `lacking_count` learners cannot use it yet, and it was planned all the same, which the row of the change keeps.
    """
    with transaction.atomic():
        allocation = lock_allocation(cohort, partition)
        if make_version(allocation) != seen:
            raise RefusedError(reason="allocation_changed")
        before = describe(allocation)
        if allocation is None:
            allocation = Allocation(cohort=cohort, partition=partition)
        for field in ("account_kind", "slurm_account", "qos", "reservation", "gpu_hours", "position"):
            setattr(allocation, field, getattr(plan, field))
        allocation.save()
        allocation.flavours.set(plan.flavours)
        after = describe(allocation)
        if before != after or lacking_count:
            reason = "planned_without_accounts" if lacking_count else ""
            note_change(allocation, before, after, actor=actor, reason=reason and f"{reason}.{lacking_count}")
    return allocation


def remove_allocation(cohort: Cohort, partition: Partition, *, actor: User) -> bool:
    """No session starts by it any more; those that run go on. False where there was none."""
    with transaction.atomic():
        allocation = lock_allocation(cohort, partition)
        if allocation is None:
            return False
        note_change(allocation, describe(allocation), {}, actor=actor)
        allocation.delete()
    return True


def lock_allocation(cohort: Cohort, partition: Partition) -> Allocation | None:
    """The cohort's row is locked, as what is looked for may not be there yet."""
    Cohort.objects.select_for_update(no_key=True, of=["self"]).get(pk=cohort.pk)
    return find_allocation(cohort, partition)


def find_allocation(cohort: Cohort, partition: Partition) -> Allocation | None:
    return Allocation.objects.filter(cohort=cohort, partition=partition).first()


def find_next_position(cohort: Cohort) -> int:
    """Behind all that the cohort has."""
    positions: QuerySet[Allocation, int] = cohort.allocations.values_list("position", flat=True)
    return max(positions, default=0) + 1


def describe(allocation: Allocation | None) -> dict[str, str]:
    """An allocation as texts by field, for the row of a change; empty for none."""
    if allocation is None:
        return {}
    return {
        "flavours": ", ".join(
            allocation.flavours.order_by("position", "slug").values_list("slug", flat=True)
        ),
        "account_kind": allocation.account_kind,
        "slurm_account": allocation.slurm_account,
        "qos": allocation.qos,
        "reservation": allocation.reservation,
        "gpu_hours": "" if allocation.gpu_hours is None else f"{allocation.gpu_hours:.2f}",
        "position": str(allocation.position),
    }


def make_version(allocation: Allocation | None) -> str:
    """A name for what stands now."""
    return hashlib.sha256(json.dumps(describe(allocation)).encode()).hexdigest()[:16]


def note_change(
    allocation: Allocation, before: dict[str, str], after: dict[str, str], *, actor: User, reason: str = ""
) -> None:
    AllocationChange.objects.create(
        cohort_id=allocation.cohort_id,
        partition_id=allocation.partition_id,
        before=before,
        after=after,
        reason=reason,
        actor=actor,
    )
