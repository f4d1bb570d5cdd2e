"""Where a session goes on that is started anew: at its place, or where that is gone at the best that is left."""

from collections.abc import Iterator
from typing import Any

from django.db.models import F

from labs.exceptions import RefusedError
from labs.models import Allocation, Flavour, Hub, LabRelease, LabSession
from labs.work.leasing import find_account


def find_place_again(session: LabSession, release: LabRelease) -> tuple[Hub, dict[str, Any]]:
    """The hub, and the fields of a new session there; to be called in the transaction that makes it.

    RefusedError with the reason of the best place, or `no_place_for_lab`.
    """
    reason = "no_place_for_lab"
    for allocation, flavour in list_places(session, release):
        try:
            account = find_account(session.learner, allocation)
        except RefusedError as refusal:
            reason = refusal.reason if reason == "no_place_for_lab" else reason
            continue
        return allocation.partition.hub, {"allocation": allocation, "flavour": flavour, "account": account}
    raise RefusedError(reason=reason)


def list_places(session: LabSession, release: LabRelease) -> Iterator[tuple[Allocation, Flavour]]:
    """Its own place first, then what else its cohort may use and is enough: the shortest wait, then the cheapest."""
    cohort = session.enrolment.cohort_id if session.enrolment else None
    if session.allocation is not None:
        cohort = session.allocation.cohort_id
    allocations = Allocation.objects.filter(
        cohort=cohort,
        partition__is_offered=True,
        partition__is_up=True,
        partition__hub__has_slurm=True,
        flavours__is_offered=True,
        flavours__gpus__gte=release.needs.get("gpus", 0),
        flavours__memory_gb__gte=release.needs.get("memory_gb", 0),
    )
    pairs = allocations.order_by(
        F("flavours__expected_wait_seconds").asc(nulls_last=True), "position", "flavours__weight"
    ).values_list("pk", "flavours")
    own = session.allocation_id, session.flavour_id
    for allocation_id, flavour_id in sorted(pairs, key=lambda pair: pair != own):
        allocation = Allocation.objects.select_related("partition__hub__factory").get(pk=allocation_id)
        yield allocation, Flavour.objects.get(pk=flavour_id)
