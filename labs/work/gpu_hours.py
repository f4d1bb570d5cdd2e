"""What sessions have cost: hours of their jobs times the weight that the flavour had when they began."""

from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.db.models import DurationField, ExpressionWrapper, F, Sum
from django.db.models.functions import Coalesce, Now

from labs.models import Allocation, SlurmJob

HOUR: Final = Decimal(3600)


def sum_gpu_hours(allocations: Collection[Allocation]) -> dict[int, Decimal]:
    """GPU-hours used of each allocation, by its row; of jobs that run, those up to now. One query.

    What its cohort used of its partition, by the ledger: taking an allocation away and giving it again makes nothing
    new. The allocations come with `partition`.
    """
    ran = ExpressionWrapper(Coalesce("ended_at", Now()) - F("started_at"), output_field=DurationField())
    sums = (
        SlurmJob.objects.filter(
            cohort__in={each.cohort_id for each in allocations},
            hub__in={each.partition.hub_id for each in allocations},
            started_at__isnull=False,
        )
        .values_list("cohort", "hub", "partition_name", "weight")
        .annotate(ran=Sum(ran))
        .order_by()
    )
    used: dict[tuple[int | None, int, str], Decimal] = {}
    for *payer, weight, duration in sums:
        cohort, hub, partition = payer
        key = cohort, hub, partition
        used[key] = used.get(key, Decimal(0)) + count_gpu_hours(duration, weight)
    return {
        each.pk: used.get((each.cohort_id, each.partition.hub_id, each.partition.name), Decimal(0))
        for each in allocations
    }


def count_gpu_hours(duration: timedelta, weight: Decimal) -> Decimal:
    """What a job that ran for so long cost."""
    return Decimal(duration.total_seconds()) / HOUR * weight
