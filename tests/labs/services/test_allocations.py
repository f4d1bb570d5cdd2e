"""What a cohort may use: saved with a row for who did it and why, and never over somebody else's change."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from labs.exceptions import RefusedError
from labs.models import AccountKind, Allocation, AllocationChange, Partition
from labs.services.allocations import (
    Plan,
    find_allocation,
    find_next_position,
    find_plan_shortfall,
    list_allocations,
    list_reservations,
    make_version,
    remove_allocation,
    save_allocation,
)
from labs.states import AccountStatus, SessionStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def partition(cohort: Cohort) -> Partition:
    hub = make.HubFactory.create(factory=cohort.factory, has_slurm=True)
    found: Partition = make.PartitionFactory.create(hub=hub, name="small-g")
    make.FlavourFactory.create(partition=found, slug="one-gcd")
    return found


def make_plan(partition: Partition, **fields: Any) -> Plan:
    fields = {"account_kind": AccountKind.POOL, "slurm_account": "course", "position": 1, **fields}
    return Plan(flavours=list(partition.flavours.all()), **fields)


def save(cohort: Cohort, partition: Partition, actor: User, *, lacking: int = 0, **fields: Any) -> Allocation:
    seen = make_version(find_allocation(cohort, partition))
    plan = make_plan(partition, **fields)
    return save_allocation(cohort, partition, plan, seen=seen, actor=actor, lacking_count=lacking)


def test_what_is_planned_stands_with_who_did_it(cohort: Cohort, partition: Partition, staff: User) -> None:
    allocation = save(cohort, partition, staff, gpu_hours=Decimal(100), qos="course")

    assert [flavour.slug for flavour in allocation.flavours.all()] == ["one-gcd"]
    change = AllocationChange.objects.get()
    assert (change.actor, change.before, change.reason) == (staff, {}, "")
    assert change.after == {
        "flavours": "one-gcd",
        "account_kind": "pool",
        "slurm_account": "course",
        "qos": "course",
        "reservation": "",
        "gpu_hours": "100.00",
        "position": "1",
    }


def test_a_change_says_what_was_before(cohort: Cohort, partition: Partition, staff: User) -> None:
    save(cohort, partition, staff)
    save(cohort, partition, staff, gpu_hours=Decimal(5))

    change = AllocationChange.objects.first()
    assert change is not None
    assert (change.before["gpu_hours"], change.after["gpu_hours"]) == ("", "5.00")
    assert Allocation.objects.count() == 1


def test_saving_what_stands_leaves_no_row(cohort: Cohort, partition: Partition, staff: User) -> None:
    save(cohort, partition, staff)
    save(cohort, partition, staff)

    assert AllocationChange.objects.count() == 1


def test_planning_without_accounts_leaves_the_number_of_learners(
    cohort: Cohort, partition: Partition, staff: User
) -> None:
    save(cohort, partition, staff, account_kind=AccountKind.OWN, lacking=7)

    assert AllocationChange.objects.get().reason == "planned_without_accounts.7"


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(
    cohort: Cohort, partition: Partition, staff: User
) -> None:
    seen = make_version(None)
    save(cohort, partition, staff, qos="theirs")

    with pytest.raises(RefusedError) as refusal:
        save_allocation(cohort, partition, make_plan(partition, qos="mine"), seen=seen, actor=staff)

    assert refusal.value.reason == "allocation_changed"
    assert Allocation.objects.get().qos == "theirs"


def test_a_session_goes_on_when_its_allocation_is_removed(
    cohort: Cohort, partition: Partition, staff: User, enrolment: Enrolment
) -> None:
    allocation = save(cohort, partition, staff)
    session = make.LabSessionFactory.create(
        enrolment=enrolment, hub=partition.hub, allocation=allocation, status=SessionStatus.READY
    )

    assert remove_allocation(cohort, partition, actor=staff)
    assert not remove_allocation(cohort, partition, actor=staff)

    session.refresh_from_db()
    assert session.status == SessionStatus.READY
    change = AllocationChange.objects.first()
    assert change is not None
    assert (change.after, change.actor) == ({}, staff)


def test_used_hours_are_counted_against_what_was_granted_also_when_that_is_granted_anew(
    cohort: Cohort, partition: Partition, staff: User
) -> None:
    save(cohort, partition, staff, gpu_hours=Decimal(2))
    now = timezone.now()
    ran = {"partition_name": partition.name, "weight": 1, "started_at": now - 2 * HOUR, "ended_at": now}
    make.SlurmJobFactory.create(hub=partition.hub, cohort=cohort, **ran)
    make.SlurmJobFactory.create(hub=partition.hub, **ran)  # a grader's
    make.SlurmJobFactory.create(cohort=cohort, **ran)  # at another factory

    for _ in range(2):
        (use,) = list_allocations(cohort)
        assert use.used == 2
        assert use.is_used_up
        remove_allocation(cohort, partition, actor=staff)
        save(cohort, partition, staff, gpu_hours=Decimal(2))


def test_the_next_preference_is_behind_all_others(cohort: Cohort, partition: Partition, staff: User) -> None:
    assert find_next_position(cohort) == 1
    save(cohort, partition, staff, position=4)
    assert find_next_position(cohort) == 5


def test_reservations_that_are_over_or_maintenance_are_not_offered(partition: Partition) -> None:
    now = timezone.now()

    def reserve(name: str, starts: int, ends: int, **more: bool) -> dict[str, object]:
        times = {"starts_at": (now + starts * HOUR).isoformat(), "ends_at": (now + ends * HOUR).isoformat()}
        return {"name": name, "accounts": ["course"], **times, **more}

    partition.reservations = [
        reserve("later", 5, 6),
        reserve("over", -2, -1),
        reserve("now", -1, 1),
        reserve("service", 1, 2, is_maintenance=True),
    ]

    assert [each.name for each in list_reservations(partition, now)] == ["now", "later"]


@pytest.mark.parametrize(("kind", "is_short"), [(AccountKind.OWN, True), (AccountKind.POOL, False)])
def test_only_a_plan_with_own_accounts_looks_for_them(
    partition: Partition,
    enrolment: Enrolment,
    kind: AccountKind,
    is_short: bool,
) -> None:
    plan = make_plan(partition, account_kind=kind)

    assert (find_plan_shortfall(enrolment.cohort, partition, plan) is not None) is is_short


def test_a_plan_for_people_who_all_have_accounts_lacks_nothing(
    partition: Partition, enrolment: Enrolment
) -> None:
    make.FactoryAccountFactory.create(
        hub=partition.hub, kind=AccountKind.OWN, user=enrolment.learner, status=AccountStatus.VERIFIED
    )
    plan = make_plan(partition, account_kind=AccountKind.OWN)

    assert find_plan_shortfall(enrolment.cohort, partition, plan) is None
