"""Own accounts: tried out by a job, whatever dies meanwhile, and ended when their time is over."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from labs.jupyterhub import ServerModel
from labs.jupyterhub.queue_wire import CheckModel, QueueAnswer, RefusalModel
from labs.models import AccountKind, FactoryAccount, FactoryAccountEvent, Hub
from labs.models.accounts import is_check_name, make_check_name
from labs.models.sessions import is_server_name
from labs.states import AccountStatus
from labs.work.checking_accounts import (
    CHECK_FOR,
    LOST_AFTER,
    RESEND_AFTER,
    ensure_checked,
    follow_checks,
    reconcile_accounts,
)
from tests.factories import labs as make
from tests.fakes.hub import FakeHub, RefusingHub, UnavailableHub

pytestmark = pytest.mark.django_db

SERVER = "v-1f00ba12"
SECOND = timedelta(seconds=1)


@pytest.fixture
def hub(cohort: Cohort) -> Hub:
    found: Hub = make.HubFactory.create(factory=cohort.factory, has_slurm=True)
    return found


@pytest.fixture
def account(hub: Hub, ada: User) -> FactoryAccount:
    """Ada's, that waits to be tried out."""
    found: FactoryAccount = make.FactoryAccountFactory.create(
        hub=hub,
        kind=AccountKind.OWN,
        user=ada,
        name="kaj001",
        slurm_account="project_1",
        status=AccountStatus.VERIFYING,
        check_server_name=SERVER,
        check_requested_at=timezone.now() - RESEND_AFTER,
        expires_at=timezone.now() + timedelta(days=90),
    )
    return found


@pytest.fixture
def flavour(hub: Hub) -> Any:
    return make.FlavourFactory.create(partition__hub=hub, partition__name="small-g", slug="one-gcd")


def check(account: FactoryAccount, hub: FakeHub) -> None:
    ensure_checked(account.pk, connect=lambda _hub: hub)  # type: ignore[arg-type, return-value]
    account.refresh_from_db()


def follow(account: FactoryAccount, fake: FakeHub, answer: QueueAnswer | None = None, **later: float) -> None:
    hub = Hub.objects.get(pk=account.hub_id)
    at = timezone.now() + timedelta(**later)
    follow_checks(hub, fake.list_servers(), fake, at, answer)  # type: ignore[arg-type]
    account.refresh_from_db()


def told(
    outcome: bool,
    *,
    reason: str = "",
    name: str = "kaj001",
    server: str = SERVER,
) -> QueueAnswer:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    found = CheckModel(unix_account=name, server=server, is_passed=outcome, reason=reason, at=at)
    return QueueAnswer(has_slurm=True, checks=(found,))


def state(account: FactoryAccount) -> tuple[str, str]:
    account.refresh_from_db()
    return account.status, account.reason


def server_of(account: FactoryAccount) -> tuple[str, str]:
    assert account.user is not None
    return account.user.hub_name, SERVER


def test_the_hub_is_asked_for_a_job_of_a_minute_as_that_account(
    account: FactoryAccount, flavour: Any, enrolment: Enrolment
) -> None:
    allocation = make.AllocationFactory.create(
        cohort=enrolment.cohort,
        partition=flavour.partition,
        account_kind=AccountKind.OWN,
        slurm_account="project_1",
        qos="course",
        flavours=[flavour],
    )
    make.FlavourFactory.create(partition=allocation.partition, slug="cheap", weight=0)
    fake = FakeHub()

    check(account, fake)

    assert fake.user_options[server_of(account)] == {
        "kind": "check",
        "tools": [],
        "partition": "small-g",
        "flavour": "one-gcd",
        "minutes": 1,
        "account": "project_1",
        "qos": "course",
        "reservation": "",
        "unix_account": "kaj001",
        "lease": "",
    }


def test_before_a_cohort_may_use_anything_the_cheapest_size_is_tried(
    account: FactoryAccount, flavour: Any
) -> None:
    make.FlavourFactory.create(partition=flavour.partition, slug="dear", weight=9, position=0)
    make.FlavourFactory.create(partition=flavour.partition, slug="gone", weight=0, is_offered=False)
    make.FlavourFactory.create(slug="elsewhere", weight=0)
    fake = FakeHub()

    check(account, fake)

    options = fake.user_options[server_of(account)]
    assert (options["flavour"], options["account"]) == ("one-gcd", "project_1")


def test_where_the_factory_offers_nothing_the_check_is_given_back(account: FactoryAccount) -> None:
    check(account, FakeHub())

    assert state(account) == (AccountStatus.INVITED, "account_check_nowhere")
    assert account.name == "kaj001"


def test_a_check_is_asked_for_once_however_often_the_task_comes(
    account: FactoryAccount, flavour: Any
) -> None:
    fake = FakeHub()

    check(account, fake)
    check(account, fake)

    assert [call[0] for call in fake.calls].count("ensure_server") == 1


def test_a_check_whose_worker_died_after_asking_is_not_asked_for_again_once_its_job_is_known(
    account: FactoryAccount, flavour: Any
) -> None:
    make.SlurmJobFactory.create(hub=account.hub, server_name=SERVER)
    fake = FakeHub()

    check(account, fake)

    assert fake.calls == []


def test_a_hub_that_does_not_answer_moves_nothing_and_the_sweep_asks_again(
    account: FactoryAccount, flavour: Any
) -> None:
    check(account, UnavailableHub())

    assert account.status == AccountStatus.VERIFYING
    assert reconcile_accounts().checks == [(account.pk, account.hub.factory.slug)]


def test_the_sweep_sends_no_check_that_was_asked_for(account: FactoryAccount, flavour: Any) -> None:
    check(account, FakeHub())

    assert reconcile_accounts().checks == []


def test_the_sweep_leaves_a_fresh_check_to_its_own_task(account: FactoryAccount) -> None:
    assert reconcile_accounts(timezone.now() - RESEND_AFTER).checks == []


def test_a_hub_that_is_down_is_not_asked(account: FactoryAccount) -> None:
    Hub.objects.update(down_since=timezone.now())

    assert reconcile_accounts().checks == []


def test_a_check_of_earlier_does_not_count_as_asked_for(account: FactoryAccount, flavour: Any) -> None:
    check(account, FakeHub())
    FactoryAccountEvent.objects.update(created_at=account.check_requested_at - SECOND)  # type: ignore[operator]

    assert reconcile_accounts().checks == [(account.pk, account.hub.factory.slug)]


def test_a_hub_that_refuses_ends_the_check(account: FactoryAccount, flavour: Any) -> None:
    fake = RefusingHub()
    fake.users.add(server_of(account)[0])

    check(account, fake)

    assert state(account) == (AccountStatus.INVITED, "account_check_refused")


def test_what_is_no_longer_being_tried_out_is_not_asked_for(account: FactoryAccount, flavour: Any) -> None:
    FactoryAccount.objects.update(status=AccountStatus.INVITED)
    fake = FakeHub()

    check(account, fake)

    assert fake.calls == []


def test_a_job_that_ran_verifies_the_account(account: FactoryAccount) -> None:
    follow(account, FakeHub(), told(True))

    assert state(account) == (AccountStatus.VERIFIED, "account_verified")
    assert account.verified_at is not None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("unix_account_refused", "account_name_refused"),
        ("account_invalid", "account_not_in_project"),
        ("quota_exceeded", "account_check_not_possible"),
        ("what nobody thought of", "account_check_failed"),
    ],
)
def test_a_check_that_failed_says_what_to_do(account: FactoryAccount, said: str, reason: str) -> None:
    follow(account, FakeHub(), told(False, reason=said))

    assert state(account) == (AccountStatus.INVITED, reason)


def test_a_job_that_was_refused_by_slurm_ends_the_check(account: FactoryAccount) -> None:
    refusal = RefusalModel(user="p-1", server=SERVER, reason="account_invalid", at=timezone.now())

    follow(account, FakeHub(), QueueAnswer(has_slurm=True, refused=(refusal,)))

    assert state(account) == (AccountStatus.INVITED, "account_not_in_project")


@pytest.mark.parametrize("answer", [told(True, server="v-00000000"), told(True, server="s-1f00ba12")])
def test_the_outcome_of_another_check_changes_nothing(account: FactoryAccount, answer: QueueAnswer) -> None:
    follow(account, FakeHub(), answer)

    assert account.status == AccountStatus.VERIFYING


def test_a_job_of_another_account_verifies_nothing(account: FactoryAccount) -> None:
    follow(account, FakeHub(), told(True, name="kaj002"))

    assert state(account) == (AccountStatus.INVITED, "account_check_failed")


def test_an_outcome_from_another_hub_changes_nothing(account: FactoryAccount) -> None:
    other = make.HubFactory.create(has_slurm=True)

    follow_checks(other, {}, FakeHub(), timezone.now(), told(True))  # type: ignore[arg-type]

    assert state(account)[0] == AccountStatus.VERIFYING


def test_an_outcome_that_is_told_again_changes_nothing(account: FactoryAccount) -> None:
    follow(account, FakeHub(), told(True))
    follow(account, FakeHub(), told(False))

    assert account.status == AccountStatus.VERIFIED


def test_a_server_that_tries_out_is_left_alone_and_what_remains_of_others_is_ended(
    account: FactoryAccount, flavour: Any
) -> None:
    fake = FakeHub(looks=99)
    check(account, fake)
    user, _server = server_of(account)
    fake.ensure_server(user, "v-0000dead", {})
    fake.ensure_server(user, "s-0000dead", {})
    fake.calls.clear()

    follow(account, fake)

    assert fake.calls == [("ensure_stopped", user, "v-0000dead")]


def test_a_check_that_is_over_has_its_server_ended(account: FactoryAccount, flavour: Any) -> None:
    fake = FakeHub(looks=99)
    check(account, fake)

    follow(account, fake, told(True))

    assert fake.calls[-1] == ("ensure_stopped", *server_of(account))


@pytest.mark.parametrize("seconds", [LOST_AFTER.total_seconds() + 5, LOST_AFTER.total_seconds() - 20])
def test_a_check_without_server_and_job_is_lost_after_a_while(
    account: FactoryAccount, flavour: Any, seconds: float
) -> None:
    check(account, FakeHub())

    follow(account, FakeHub(), seconds=seconds)

    is_lost = seconds > LOST_AFTER.total_seconds()
    assert account.status == (AccountStatus.INVITED if is_lost else AccountStatus.VERIFYING)


@pytest.mark.parametrize(("ended_ago", "is_lost"), [(None, False), (5, False), (500, True)])
def test_a_check_whose_job_lives_or_has_just_ended_may_still_say_something(
    account: FactoryAccount,
    flavour: Any,
    ended_ago: int | None,
    is_lost: bool,
) -> None:
    check(account, FakeHub())
    at = timezone.now() + timedelta(minutes=30)
    ended_at = None if ended_ago is None else at - timedelta(seconds=ended_ago)
    make.SlurmJobFactory.create(hub=account.hub, server_name=SERVER, ended_at=ended_at)

    follow(account, FakeHub(), minutes=30)

    assert (account.status == AccountStatus.INVITED) is is_lost


def test_absence_from_the_list_alone_loses_no_check(account: FactoryAccount, flavour: Any) -> None:
    fake = FakeHub(looks=99)
    check(account, fake)
    listed: dict[tuple[str, str], ServerModel] = {}

    follow_checks(account.hub, listed, fake, timezone.now() + timedelta(hours=1), None)  # type: ignore[arg-type]

    assert state(account)[0] == AccountStatus.VERIFYING


def test_a_check_that_the_factory_does_not_come_to_is_taken_back(account: FactoryAccount) -> None:
    reconcile_accounts(timezone.now() + CHECK_FOR)

    assert state(account) == (AccountStatus.INVITED, "account_check_silent")


@pytest.mark.parametrize("status", [AccountStatus.INVITED, AccountStatus.VERIFYING, AccountStatus.VERIFIED])
def test_an_account_whose_time_is_over_has_expired(account: FactoryAccount, status: AccountStatus) -> None:
    now = timezone.now()
    FactoryAccount.objects.update(status=status, expires_at=now)

    reconcile_accounts(now - SECOND)
    assert state(account)[0] == status

    reconcile_accounts(now)
    assert state(account) == (AccountStatus.EXPIRED, "account_expired")


def test_accounts_of_a_pool_are_nobodys_to_expire(hub: Hub) -> None:
    lent = make.FactoryAccountFactory.create(hub=hub, expires_at=timezone.now())

    reconcile_accounts()

    assert state(lent)[0] == AccountStatus.VERIFIED


def test_a_hub_without_slurm_costs_no_query(hub: Hub, count_queries: Callable[..., int]) -> None:
    hub.has_slurm = False

    def follow_nothing() -> None:
        follow_checks(hub, {}, FakeHub(), timezone.now(), QueueAnswer())  # type: ignore[arg-type]

    assert count_queries(follow_nothing) == 0


def test_the_name_of_a_check_is_no_name_of_a_session() -> None:
    name = make_check_name()

    assert is_check_name(name)
    assert not is_server_name(name)
