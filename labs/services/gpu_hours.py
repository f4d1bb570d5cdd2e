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
    """GPU-hours used of each allocation, by its row; of jobs that run, those up to now. One query."""
    used = {allocation.pk: Decimal(0) for allocation in allocations}
    ran = ExpressionWrapper(Coalesce("ended_at", Now()) - F("started_at"), output_field=DurationField())
    sums = (
        SlurmJob.objects.filter(session__allocation__in=used, started_at__isnull=False)
        .values_list("session__allocation", "weight")
        .annotate(ran=Sum(ran))
        .order_by()
    )
    for allocation, weight, duration in sums:
        used[allocation] += count_gpu_hours(duration, weight)
    return used


def count_gpu_hours(duration: timedelta, weight: Decimal) -> Decimal:
    """What a job that ran for so long cost."""
    return Decimal(duration.total_seconds()) / HOUR * weight
