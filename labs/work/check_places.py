"""Where an own account is tried out: what the person's cohort may use, else the cheapest that the factory offers."""

from typing import Final

from labs.access import own_account_allocations_for
from labs.models import AccountKind, Allocation, FactoryAccount, Flavour
from labs.work.account_codes import make_code

CHECK_MINUTES: Final = 1


def find_check_options(account: FactoryAccount) -> dict[str, object] | None:
    """What the hub is told of the check's server; None while the factory offers nothing to try it on."""
    allocation = _find_allocation(account)
    flavours = Flavour.objects.filter(
        is_offered=True, partition__is_offered=True, partition__hub=account.hub_id
    )
    if allocation is not None:
        flavours = flavours.filter(allocations=allocation)
    flavour = flavours.select_related("partition").order_by("weight", "gpus", "position").first()
    if flavour is None:
        return None
    return {
        "kind": "check",
        "tools": [],
        "partition": flavour.partition.name,
        "flavour": flavour.slug,
        "minutes": CHECK_MINUTES,
        "account": (allocation.slurm_account if allocation else "") or account.slurm_account,
        "qos": allocation.qos if allocation else "",
        "reservation": "",  # which may not have begun
        "unix_account": account.name,
        "lease": "",
        "code": "" if account.is_vouched else make_code(account),
    }


def _find_allocation(account: FactoryAccount) -> Allocation | None:
    """That of the project which the person was invited to, where there are several."""
    if account.user is None or account.kind != AccountKind.OWN:
        return None
    found = list(own_account_allocations_for(account.user).filter(partition__hub=account.hub_id))
    found.sort(key=lambda each: (each.slurm_account != account.slurm_account, each.position))
    return found[0] if found else None
