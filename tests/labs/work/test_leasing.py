"""As which Unix account a session runs, and whose turn it is where there are too few."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from courses.models import User
from labs.exceptions import RefusedError
from labs.models import AccountKind, AccountLease, Allocation, FactoryAccount, Hub
from labs.states import AccountStatus, SessionStatus
from labs.work.leasing import find_account, find_lease
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def hub() -> Hub:
    return make.HubFactory.create(has_slurm=True)


@pytest.fixture
def allocation(hub: Hub) -> Allocation:
    return make.AllocationFactory.create(partition__hub=hub)


def lend(hub: Hub, user: User, *, ended: timedelta | None = None, **fields: Any) -> AccountLease:
    """An account that was lent to somebody, with a session in it that ended so long ago, or that is at work."""
    lease = make.AccountLeaseFactory.create(account__hub=hub, user=user, **fields)
    make.LabSessionFactory.create(
        hub=hub,
        enrolment=make_courses.EnrolmentFactory.create(learner=user),
        account=lease.account,
        status=SessionStatus.READY if ended is None else SessionStatus.STOPPED,
        requested_at=timezone.now() - (ended or HOUR),
    )
    return lease


def refusal(user: User, allocation: Allocation) -> str:
    with pytest.raises(RefusedError) as caught:
        find_account(user, allocation)
    return caught.value.reason


def test_who_needs_an_account_is_lent_one_and_keeps_it(ada: User, allocation: Allocation) -> None:
    make.FactoryAccountFactory.create_batch(2, hub=allocation.partition.hub)
    account = find_account(ada, allocation)
    assert find_account(ada, allocation) == account
    lease = find_lease(ada, account)
    assert lease is not None
    assert AccountLease.objects.get() == lease


def test_two_people_have_two_accounts(ada: User, allocation: Allocation) -> None:
    make.FactoryAccountFactory.create_batch(2, hub=allocation.partition.hub)
    other = make_courses.UserFactory.create()
    assert find_account(ada, allocation) != find_account(other, allocation)


def test_one_in_which_nobody_works_is_lent_on_the_longest_unused_first(
    ada: User, hub: Hub, allocation: Allocation
) -> None:
    recent, long_ago, at_work = make_courses.UserFactory.create_batch(3)
    lend(hub, recent, ended=HOUR)
    old = lend(hub, long_ago, ended=9 * HOUR)
    lend(hub, at_work)
    assert find_account(ada, allocation) == old.account
    old.refresh_from_db()
    assert old.ended_at is not None
    new = find_lease(ada, old.account)
    assert new is not None
    assert new.public_id != old.public_id  # by which the factory knows to clean the home


def test_a_free_one_goes_before_one_that_is_held(ada: User, hub: Hub, allocation: Allocation) -> None:
    lend(hub, make_courses.UserFactory.create(), ended=9 * HOUR)
    free = make.FactoryAccountFactory.create(hub=hub)
    assert find_account(ada, allocation) == free


def test_one_with_work_that_was_never_copied_is_lent_last(
    ada: User, hub: Hub, allocation: Allocation
) -> None:
    unsaved = lend(hub, make_courses.UserFactory.create(), ended=9 * HOUR)
    make.LabSessionEventFactory.create(session=unsaved.account.sessions.get(), reason="not_saved")
    saved = lend(hub, make_courses.UserFactory.create(), ended=HOUR)
    assert find_account(ada, allocation) == saved.account


def test_where_everybody_works_there_is_none(ada: User, hub: Hub, allocation: Allocation) -> None:
    lease = lend(hub, make_courses.UserFactory.create())
    assert refusal(ada, allocation) == "pool_empty"
    lease.refresh_from_db()
    assert lease.ended_at is None


@pytest.mark.parametrize(
    ("fields", "is_free"), [({}, False), ({"ended_at": timezone.now()}, True), ({"ends_at": None}, True)]
)
def test_one_in_which_a_job_still_runs_by_slurms_word_is_not_lent(
    ada: User, hub: Hub, allocation: Allocation, fields: dict[str, Any], is_free: bool
) -> None:
    account = make.FactoryAccountFactory.create(hub=hub)
    job = {"ends_at": timezone.now() + HOUR, **fields}
    make.SlurmJobFactory.create(hub=hub, unix_account=account.name, **job)
    if is_free:
        assert find_account(ada, allocation) == account
    else:
        assert refusal(ada, allocation) == "pool_empty"


@pytest.mark.parametrize(
    "fields",
    [{"is_offered": False}, {"kind": AccountKind.ROBOT}, {"status": AccountStatus.EXPIRED}, {"hub": 1}],
)
def test_only_what_the_factory_lends_is_lent(
    ada: User, hub: Hub, allocation: Allocation, fields: dict[str, Any]
) -> None:
    elsewhere = {"hub": make.HubFactory.create()} if "hub" in fields else fields
    make.FactoryAccountFactory.create(**{"hub": hub, **elsewhere})
    assert refusal(ada, allocation) == "pool_empty"


def test_a_robot_is_one_persons_unless_its_site_keeps_people_apart(ada: User, hub: Hub) -> None:
    allocation = make.AllocationFactory.create(partition__hub=hub, account_kind=AccountKind.ROBOT)
    robot = make.FactoryAccountFactory.create(hub=hub, kind=AccountKind.ROBOT)
    lend(hub, make_courses.UserFactory.create(), account=robot)
    assert refusal(ada, allocation) == "pool_empty"

    FactoryAccount.objects.update(is_shared=True)
    assert find_account(ada, allocation) == robot
    lease = find_lease(ada, robot)
    assert lease is not None
    assert not lease.is_exclusive


def test_the_database_refuses_a_second_holder(hub: Hub) -> None:
    lease = make.AccountLeaseFactory.create(account__hub=hub)
    with pytest.raises(IntegrityError), transaction.atomic():
        make.AccountLeaseFactory.create(account=lease.account)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (None, "own_account_missing"),
        ({"status": AccountStatus.INVITED}, "own_account_not_verified"),
        ({"status": AccountStatus.VERIFYING}, "own_account_not_verified"),
        ({"status": AccountStatus.EXPIRED}, "own_account_expired"),
        ({"expires_at": timezone.now() - HOUR}, "own_account_expired"),
        ({"expires_at": timezone.now() + HOUR}, ""),
    ],
)
def test_an_own_account_is_used_while_it_is_verified(
    ada: User, hub: Hub, fields: dict[str, Any] | None, reason: str
) -> None:
    allocation = make.AllocationFactory.create(partition__hub=hub, account_kind=AccountKind.OWN)
    make.FactoryAccountFactory.create(hub=hub, kind=AccountKind.OWN, user=make_courses.UserFactory.create())
    if fields is not None:
        make.FactoryAccountFactory.create(hub=hub, kind=AccountKind.OWN, user=ada, name="ada", **fields)
    if reason:
        assert refusal(ada, allocation) == reason
    else:
        account = find_account(ada, allocation)
        assert account.user == ada
        assert find_lease(ada, account) is None
