"""What cannot be had though the cohort may use it, and why."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from courses.models import Enrolment
from labs.exceptions import RefusedError
from labs.models import AccountKind, Allocation, Hub, LabRelease, Partition
from labs.states import AccountStatus, SessionStatus
from labs.work.choices import Choice, list_choices
from labs.work.leasing import find_account
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.work.places import Allow

pytestmark = pytest.mark.django_db


def only(enrolment: Enrolment, lab: LabRelease) -> Choice:
    [choice] = list_choices(enrolment, lab)
    return choice


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


def can_be_lent(enrolment: Enrolment) -> bool:
    """Whether a press would get an account."""
    try:
        with transaction.atomic():
            find_account(enrolment.learner, Allocation.objects.get())
            transaction.set_rollback(True)
    except RefusedError:
        return False
    return True


@pytest.mark.parametrize(
    ("holder", "status", "job_ends_in", "is_free"),
    [
        ("nobody", None, None, True),
        ("other", SessionStatus.READY, None, False),
        ("other", SessionStatus.STOPPED, None, True),
        ("other", SessionStatus.STOPPED, 1, False),  # by Slurm's word, until its next answer
        ("other", SessionStatus.STOPPED, -1, True),
        ("learner", SessionStatus.READY, 1, True),
    ],
)
@pytest.mark.parametrize("is_shared", [False, True])
def test_a_pool_is_empty_where_a_press_would_be_refused_an_account(
    enrolment: Enrolment,
    lab: LabRelease,
    allow: Allow,
    holder: str,
    status: SessionStatus | None,
    job_ends_in: int | None,
    is_free: bool,
    is_shared: bool,
) -> None:
    account = allow().partition.hub.accounts.get()
    account.is_shared = is_shared
    account.save()
    other = make_courses.EnrolmentFactory.create(cohort=enrolment.cohort)
    theirs = other if holder == "other" else enrolment
    at = {"hub": account.hub}
    if status:
        make.AccountLeaseFactory.create(account=account, user=theirs.learner, is_exclusive=not is_shared)
        make.LabSessionFactory.create(enrolment=theirs, release=lab, account=account, status=status, **at)
    if job_ends_in:
        ends_at = timezone.now() + timedelta(minutes=job_ends_in)
        make.SlurmJobFactory.create(unix_account=account.name, ends_at=ends_at, **at)

    assert (only(enrolment, lab).blocked_reason == "") == can_be_lent(enrolment) == (is_free or is_shared)


def test_a_pool_has_accounts_that_the_hub_offers_only(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    allow().partition.hub.accounts.update(is_offered=False)

    assert only(enrolment, lab).blocked_reason == "pool_empty"
    assert not can_be_lent(enrolment)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"sessions_per_learner": 1}, "learner_limit"),
        ({"sessions_per_learner": 2, "sessions_max": 2}, "factory_full"),
        ({"sessions_per_learner": 2, "sessions_max": 3}, ""),
    ],
)
def test_a_hub_with_as_many_sessions_as_may_be_is_no_place_for_another(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, hub: Hub, limits: dict[str, int], reason: str
) -> None:
    allow()
    Hub.objects.filter(pk=hub.pk).update(**limits)
    make.FactoryAccountFactory.create(hub=hub)
    own = make.LabSessionFactory.create(enrolment=enrolment, hub=hub)
    make.LabSessionFactory.create(hub=hub)
    make.LabSessionFactory.create(hub=hub, status=SessionStatus.STOPPED)

    assert only(enrolment, lab).blocked_reason == reason
    (instead,) = list_choices(enrolment, lab, instead_of=own)
    assert instead.blocked_reason == ""


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
