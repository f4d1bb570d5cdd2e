"""Own accounts: tried out by a job, whatever dies meanwhile, and ended when their time is over."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from labs.jupyterhub.queue_wire import QueueAnswer, RefusalModel
from labs.models import AccountKind, FactoryAccount, FactoryAccountEvent, Hub
from labs.models.accounts import is_check_name, make_check_name
from labs.models.sessions import is_server_name
from labs.states import AccountStatus
from labs.work.account_codes import make_code
from labs.work.checking_accounts import CHECK_FOR, RESEND_AFTER, reconcile_accounts
from tests.factories import labs as make
from tests.fakes.hub import FakeHub, RefusingHub, UnavailableHub
from tests.labs.work.own_accounts import check, make_account, make_flavour, server_of, state

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def hub(cohort: Cohort) -> Hub:
    found: Hub = make.HubFactory.create(factory=cohort.factory, has_slurm=True)
    return found


@pytest.fixture
def account(hub: Hub, ada: User) -> FactoryAccount:
    return make_account(hub, ada)


@pytest.fixture
def flavour(hub: Hub) -> Any:
    return make_flavour(hub)


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
        "code": make_code(account),
    }


def test_a_name_that_the_factory_gave_needs_no_code(account: FactoryAccount, flavour: Any) -> None:
    FactoryAccount.objects.update(is_vouched=True)
    fake = FakeHub()

    check(account, fake)

    assert fake.user_options[server_of(account)]["code"] == ""


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
    make.SlurmJobFactory.create(hub=account.hub, server_name=server_of(account)[1])
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


@pytest.mark.parametrize(
    ("said", "reason"),
    [("unix_account_refused", "account_name_refused"), ("what nobody thought of", "account_check_refused")],
)
def test_a_hub_that_refuses_and_says_why_is_believed(
    account: FactoryAccount, flavour: Any, said: str, reason: str
) -> None:
    fake = RefusingHub()
    user, server = server_of(account)
    fake.users.add(user)
    fake.queue = QueueAnswer(refused=(RefusalModel(user, server, said, timezone.now()),))

    check(account, fake)

    assert state(account) == (AccountStatus.INVITED, reason)


def test_what_is_no_longer_being_tried_out_is_not_asked_for(account: FactoryAccount, flavour: Any) -> None:
    FactoryAccount.objects.update(status=AccountStatus.INVITED)
    fake = FakeHub()

    check(account, fake)

    assert fake.calls == []


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


def test_the_name_of_a_check_is_no_name_of_a_session() -> None:
    name = make_check_name()

    assert is_check_name(name)
    assert not is_server_name(name)
