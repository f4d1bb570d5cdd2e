"""Where a lab can run: what is enough, what cannot be had and why, and what is recommended."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Enrolment
from labs.exceptions import RefusedError
from labs.models import AccountKind, Allocation, Flavour, Hub, LabRelease, LabUnit, Partition
from labs.services.choices import (
    REFUSALS,
    Choice,
    find_choice,
    find_recommended,
    get_recommended,
    list_choices,
)
from labs.states import AccountStatus, SessionStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub(enrolment: Enrolment) -> Hub:
    return make.HubFactory.create(
        factory=enrolment.cohort.factory, has_slurm=True, slurm_answered_at=timezone.now()
    )


@pytest.fixture
def lab(enrolment: Enrolment, hub: Hub) -> LabRelease:
    release = LabUnit.objects.get(unit__release=enrolment.cohort.release).release
    release.needs = {"gpus": 1, "memory_gb": 32, "minutes": 120}
    release.save()
    make.FactoryAccountFactory.create(hub=hub)
    return release


@pytest.fixture
def allow(enrolment: Enrolment, hub: Hub) -> Callable[..., Flavour]:
    """Give the cohort a flavour of a partition of its own."""

    def allow(*, wait: int | None = 0, at: Hub | None = None, **fields: Any) -> Flavour:
        size = {
            name: fields.pop(name)
            for name in ("gpus", "memory_gb", "weight", "minutes_max")
            if name in fields
        }
        flavour = make.FlavourFactory.create(partition__hub=at or hub, expected_wait_seconds=wait, **size)
        make.AllocationFactory.create(
            cohort=enrolment.cohort, partition=flavour.partition, flavours=[flavour], **fields
        )
        return flavour

    return allow


@pytest.fixture
def athens(enrolment: Enrolment) -> Hub:
    hub = make.HubFactory.create(has_slurm=True, slurm_answered_at=timezone.now())
    make.FactoryAccountFactory.create(hub=hub)
    return hub


Allow = Callable[..., Flavour]


def only(enrolment: Enrolment, lab: LabRelease) -> Choice:
    [choice] = list_choices(enrolment, lab)
    return choice


def test_what_is_too_small_is_no_choice(enrolment: Enrolment, lab: LabRelease, allow: Allow) -> None:
    allow(gpus=0)
    allow(memory_gb=31)
    enough = allow(gpus=2, memory_gb=32)

    assert [choice.flavour for choice in list_choices(enrolment, lab)] == [enough]


def test_what_another_cohort_may_use_is_no_choice(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    flavour = allow()
    other = make.AllocationFactory.create(partition=make.PartitionFactory.create(hub=flavour.partition.hub))
    theirs = make.FlavourFactory.create(partition=other.partition)
    other.flavours.add(theirs)

    assert only(enrolment, lab).flavour == flavour
    key = f"{flavour.partition.hub.factory.slug}/{theirs.partition.name}/{theirs.slug}"
    assert find_choice(enrolment, lab, key) is None


def test_what_the_hub_offers_no_more_is_no_choice(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    allow()
    Flavour.objects.update(is_offered=False)

    assert list_choices(enrolment, lab) == []


def test_the_shortest_wait_is_recommended_also_at_another_factory(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, athens: Hub
) -> None:
    unknown, slow, quick = allow(wait=None), allow(wait=300), allow(wait=60, at=athens, position=9)

    choices = list_choices(enrolment, lab)

    assert [choice.flavour for choice in choices] == [quick, slow, unknown]
    assert [choice.is_recommended for choice in choices] == [True, False, False]
    assert find_recommended(enrolment, lab) == choices[0] == get_recommended(enrolment, lab)
    assert find_choice(enrolment, lab, choices[1].key) == choices[1]


def test_of_equal_waits_staffs_order_decides_and_then_the_price(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    last, dear, cheap = (
        allow(position=2),
        allow(position=1, weight=Decimal(2)),
        allow(position=1, weight=Decimal(1)),
    )

    assert [choice.flavour for choice in list_choices(enrolment, lab)] == [cheap, dear, last]


def test_a_hub_without_slurm_has_no_choices(enrolment: Enrolment, lab: LabRelease, allow: Allow) -> None:
    allow()
    Hub.objects.update(has_slurm=False)

    assert list_choices(enrolment, lab) == []


def test_a_hub_that_is_down_is_the_last_resort_and_no_refusal(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, athens: Hub, hub: Hub
) -> None:
    down, up = allow(wait=0), allow(wait=999, at=athens)
    Hub.objects.filter(pk=hub.pk).update(down_since=timezone.now())

    assert [choice.flavour for choice in list_choices(enrolment, lab)] == [up, down]
    assert list_choices(enrolment, lab)[1].blocked_reason == ""
    assert list_choices(enrolment, lab)[1].expected_wait_seconds is None


def test_what_slurm_said_long_ago_is_no_expectation(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    allow(wait=0)
    assert only(enrolment, lab).expected_wait_seconds == 0

    Hub.objects.update(slurm_answered_at=timezone.now() - timedelta(minutes=4))

    assert only(enrolment, lab).expected_wait_seconds is None


@pytest.mark.parametrize("fields", [{"is_up": False}, {"is_offered": False}])
def test_a_partition_that_is_down_is_blocked(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, fields: dict[str, bool]
) -> None:
    allow()
    Partition.objects.update(**fields)

    assert only(enrolment, lab).blocked_reason == "partition_down"
    assert not only(enrolment, lab).is_recommended


@pytest.mark.parametrize(
    ("flavour_minutes", "partition_minutes", "reason"),
    [(119, 120, "place_too_short"), (120, 119, "place_too_short"), (120, 120, ""), (120, None, "")],
)
def test_a_place_shorter_than_the_lab_is_blocked(
    enrolment: Enrolment,
    lab: LabRelease,
    allow: Allow,
    flavour_minutes: int,
    partition_minutes: int | None,
    reason: str,
) -> None:
    allow(minutes_max=flavour_minutes)
    Partition.objects.update(time_limit_minutes=partition_minutes)

    assert only(enrolment, lab).blocked_reason == reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (None, "own_account_missing"),
        ({"status": AccountStatus.INVITED}, "own_account_not_verified"),
        ({"status": AccountStatus.VERIFYING}, "own_account_not_verified"),
        ({"status": AccountStatus.EXPIRED}, "own_account_expired"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "own_account_expired"),
        ({"expires_at": timezone.now() + timedelta(days=1)}, ""),
    ],
)
def test_an_own_account_must_be_verified(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, hub: Hub, fields: dict[str, Any] | None, reason: str
) -> None:
    allow(account_kind=AccountKind.OWN)
    make.FactoryAccountFactory.create(hub=hub, kind=AccountKind.OWN, user=make_courses.UserFactory.create())
    if fields is not None:
        own = {"hub": hub, "kind": AccountKind.OWN, "user": enrolment.learner, "name": "adal", **fields}
        make.FactoryAccountFactory.create(**own)

    assert only(enrolment, lab).blocked_reason == reason


@pytest.mark.parametrize(
    ("status", "is_exclusive", "reason"),
    [
        (SessionStatus.READY, True, "pool_empty"),
        (SessionStatus.STOPPED, True, ""),
        (SessionStatus.READY, False, ""),
    ],
)
def test_a_pool_is_empty_when_all_its_accounts_are_at_work_for_others(
    enrolment: Enrolment,
    lab: LabRelease,
    allow: Allow,
    status: SessionStatus,
    is_exclusive: bool,
    reason: str,
) -> None:
    hub = allow().partition.hub
    account = hub.accounts.get()
    other = make_courses.EnrolmentFactory.create(cohort=enrolment.cohort)
    make.AccountLeaseFactory.create(account=account, user=other.learner, is_exclusive=is_exclusive)
    make.LabSessionFactory.create(enrolment=other, release=lab, hub=hub, account=account, status=status)

    assert only(enrolment, lab).blocked_reason == reason


def test_an_account_in_ones_own_hands_can_be_used_again(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    hub = allow().partition.hub
    make.AccountLeaseFactory.create(account=hub.accounts.get(), user=enrolment.learner)
    make.LabSessionFactory.create(
        enrolment=enrolment, release=lab, hub=hub, account=hub.accounts.get(), status=SessionStatus.READY
    )

    assert only(enrolment, lab).blocked_reason == ""


def test_a_pool_has_accounts_that_the_hub_offers_only(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    allow().partition.hub.accounts.update(is_offered=False)

    assert only(enrolment, lab).blocked_reason == "pool_empty"


@pytest.mark.parametrize(("hours", "reason"), [(3, ""), (2, "gpu_hours_used_up")])
def test_gpu_hours_that_are_used_up_block(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, hours: int, reason: str
) -> None:
    """Four hours at a weight of a half are two."""
    flavour = allow(gpu_hours=hours)
    session = make.LabSessionFactory.create(
        enrolment=enrolment, release=lab, allocation=Allocation.objects.get(), status=SessionStatus.STOPPED
    )
    now = timezone.now()
    make.SlurmJobFactory.create(
        hub=flavour.partition.hub,
        partition_name=flavour.partition.name,
        session=session,
        started_at=now - timedelta(hours=4),
        ended_at=now,
    )

    assert only(enrolment, lab).blocked_reason == reason


def reservation(*, begins: int, ends: int, **fields: Any) -> dict[str, Any]:
    now = timezone.now()
    times = {"starts_at": now + timedelta(minutes=begins), "ends_at": now + timedelta(minutes=ends)}
    iso = {name: moment.isoformat() for name, moment in times.items()}
    return {"name": "course", "nodes": 2, "accounts": [], "is_maintenance": False, **iso, **fields}


@pytest.mark.parametrize(
    ("begins", "ends", "fields", "reason"),
    [
        (60, 120, {}, "reservation_not_open"),
        (-60, -1, {}, "reservation_over"),
        (-60, 60, {}, ""),
        (-60, 60, {"name": "other"}, "reservation_over"),
    ],
)
def test_a_reservation_has_its_time(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, begins: int, ends: int, fields: Any, reason: str
) -> None:
    allow(reservation="course")
    Partition.objects.update(reservations=[reservation(begins=begins, ends=ends, **fields)])

    choice = only(enrolment, lab)

    assert choice.blocked_reason == reason
    assert (choice.opens_at is not None) == (reason == "reservation_not_open")


@pytest.mark.parametrize(
    ("begins", "ends", "nodes", "reason"),
    [
        (-60, 60, 2, "maintenance"),
        (119, 300, 2, "maintenance"),
        (121, 300, 2, ""),
        (-60, -1, 2, ""),
        (-60, 60, 1, ""),
    ],
)
def test_a_maintenance_of_all_nodes_before_the_sessions_end_blocks(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, begins: int, ends: int, nodes: int, reason: str
) -> None:
    allow()
    Partition.objects.update(
        reservations=[reservation(begins=begins, ends=ends, nodes=nodes, is_maintenance=True)]
    )

    choice = only(enrolment, lab)

    assert choice.blocked_reason == reason
    assert (choice.opens_at is not None) == (reason == "maintenance")


def test_what_can_be_had_is_recommended_before_what_cannot(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    blocked, free = allow(wait=0, minutes_max=5), allow(wait=None)

    assert [choice.flavour for choice in list_choices(enrolment, lab)] == [free, blocked]
    assert get_recommended(enrolment, lab).flavour == free


def test_a_start_without_any_place_is_refused_with_the_reason(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    with pytest.raises(RefusedError) as nothing:
        get_recommended(enrolment, lab)
    assert nothing.value.reason == "no_place_for_lab"

    allow(minutes_max=5)
    with pytest.raises(RefusedError) as blocked:
        get_recommended(enrolment, lab)
    assert blocked.value.reason == "place_too_short" in REFUSALS
    assert find_recommended(enrolment, lab) is None


def test_many_places_cost_as_many_queries_as_one(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    allow(gpu_hours=10)
    one = count_queries(lambda: list_choices(enrolment, lab))
    for _ in range(5):
        allow(at=make.HubFactory.create(has_slurm=True), account_kind=AccountKind.OWN, gpu_hours=10)

    assert len(list_choices(enrolment, lab)) == 6
    assert count_queries(lambda: list_choices(enrolment, lab)) == one == 5
