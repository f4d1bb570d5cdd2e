"""Why a learner cannot start where their cohort may: one rule for what a page offers and for what a press takes."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q
from django.utils.dateparse import parse_datetime

from labs.models import AccountKind, Allocation, FactoryAccount, Hub, LabSession
from labs.states import ACTIVE_SESSION_STATUSES
from labs.work.gpu_hours import sum_gpu_hours
from labs.work.leasing import find_lent_kinds, judge_own_account

REFUSALS: Final = frozenset(
    {
        "factory_full",
        "gpu_hours_used_up",
        "learner_limit",
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
"""Why a place cannot be had, as reasons."""


def find_refusals(
    learner_id: int, allocations: Collection[Allocation], now: datetime, *, instead_of: LabSession | None
) -> dict[int, str]:
    """By an allocation's row: why this learner cannot use it now; empty where they can."""
    hubs = {each.partition.hub_id: each.partition.hub for each in allocations}
    accounts = FactoryAccount.objects.filter(kind=AccountKind.OWN, user=learner_id, hub__in=hubs)
    own = {account.hub_id: account for account in accounts}
    lent = find_lent_kinds(learner_id, hubs, now)
    full = _find_full_hubs(learner_id, hubs.values(), instead_of)
    used = sum_gpu_hours([each for each in allocations if each.gpu_hours is not None])

    def find_reason(allocation: Allocation) -> str:
        hub_id, kind = allocation.partition.hub_id, allocation.account_kind
        if not (allocation.partition.is_up and allocation.partition.is_offered):
            return "partition_down"
        if allocation.gpu_hours is not None and used[allocation.pk] >= allocation.gpu_hours:
            return "gpu_hours_used_up"
        if kind == AccountKind.OWN and (reason := judge_own_account(own.get(hub_id), now)):
            return reason
        if full[hub_id]:
            return full[hub_id]
        return "" if kind == AccountKind.OWN or (hub_id, kind) in lent else "pool_empty"

    return {allocation.pk: find_reason(allocation) for allocation in allocations}


def judge_limits(hub: Hub, at_hub: int, of_learner: int) -> str:
    """Why a hub with so many active sessions, so many of them of one learner, takes no more of theirs."""
    if of_learner >= hub.sessions_per_learner:
        return "learner_limit"
    return "factory_full" if at_hub >= hub.sessions_max else ""


def _find_full_hubs(learner_id: int, hubs: Collection[Hub], instead_of: LabSession | None) -> dict[int, str]:
    active = LabSession.objects.filter(hub__in=hubs, status__in=ACTIVE_SESSION_STATUSES).order_by()
    if instead_of:
        active = active.exclude(pk=instead_of.pk)
    counted = active.values_list("hub").annotate(
        at_hub=Count("pk"), of_learner=Count("pk", filter=Q(learner=learner_id))
    )
    counts = {hub_id: (at_hub, of_learner) for hub_id, at_hub, of_learner in counted}
    return {hub.pk: judge_limits(hub, *counts.get(hub.pk, (0, 0))) for hub in hubs}


def find_closed(allocation: Allocation, minutes: int, now: datetime) -> tuple[str, datetime | None]:
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
