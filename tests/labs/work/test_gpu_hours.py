"""What an allocation's sessions have cost, by the ledger."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from labs.models import Partition
from labs.work.gpu_hours import sum_gpu_hours
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def test_hours_count_by_the_weight_of_their_time_and_a_job_that_runs_up_to_now() -> None:
    allocation = make.AllocationFactory.create()
    now = timezone.now()
    at = {
        "hub": allocation.partition.hub,
        "cohort": allocation.cohort,
        "partition_name": allocation.partition.name,
    }
    make.SlurmJobFactory.create(**at, started_at=now - 4 * HOUR, ended_at=now, weight=Decimal("0.5"))
    make.SlurmJobFactory.create(**at, started_at=now - HOUR, weight=Decimal(2))
    make.SlurmJobFactory.create(**at)

    assert round(sum_gpu_hours([allocation])[allocation.pk], 2) == 4


def test_each_partition_has_its_own_account_also_where_two_factories_call_it_the_same() -> None:
    here, there = (
        make.AllocationFactory.create(partition=make.PartitionFactory.create(name="gpu"), cohort=cohort)
        for cohort in [make.AllocationFactory.create().cohort] * 2
    )
    assert Partition.objects.filter(name="gpu").count() == 2
    now = timezone.now()
    make.SlurmJobFactory.create(
        hub=there.partition.hub,
        cohort=there.cohort,
        partition_name="gpu",
        started_at=now - HOUR,
        ended_at=now,
        weight=1,
    )

    assert sum_gpu_hours([here, there]) == {here.pk: 0, there.pk: 1}
