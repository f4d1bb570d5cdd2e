"""How a check of an own account came out, told by its hub, and what is left of checks that are over."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Cohort, User
from labs.jupyterhub import ServerModel
from labs.jupyterhub.queue_wire import QueueAnswer, RefusalModel
from labs.models import FactoryAccount, Hub
from labs.states import AccountStatus
from labs.work.checking_accounts import LOST_AFTER, follow_checks
from labs.work.reconciling import reconcile_sessions
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.fakes.hub import FakeHub
from tests.labs.work.own_accounts import (
    SERVER,
    check,
    follow,
    make_account,
    make_flavour,
    server_of,
    state,
    told,
)

pytestmark = pytest.mark.django_db


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


def test_a_job_that_ran_verifies_the_account(account: FactoryAccount) -> None:
    follow(account, FakeHub(), told(is_passed=True))

    assert state(account) == (AccountStatus.VERIFIED, "account_verified")
    assert account.verified_at is not None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("unix_account_refused", "account_name_refused"),
        ("account_invalid", "account_not_in_project"),
        ("quota_exceeded", "account_check_not_possible"),
        ("code_missing", "account_code_missing"),
        ("code_wrong", "account_code_wrong"),
        ("what nobody thought of", "account_check_failed"),
    ],
)
def test_a_check_that_failed_says_what_to_do(account: FactoryAccount, said: str, reason: str) -> None:
    follow(account, FakeHub(), told(is_passed=False, reason=said))

    assert state(account) == (AccountStatus.INVITED, reason)


@pytest.mark.parametrize("holder", ["owner", "pool"])
def test_of_those_who_show_that_one_name_is_theirs_the_first_has_it(
    account: FactoryAccount, hub: Hub, holder: str
) -> None:
    if holder == "owner":
        other = make_account(hub, make_courses.UserFactory.create(), server="v-00000002")
        follow(other, FakeHub(), told(is_passed=True, server="v-00000002"))
        assert state(other) == (AccountStatus.VERIFIED, "account_verified")
    else:
        make.FactoryAccountFactory.create(hub=hub, name=account.name)

    follow(account, FakeHub(), told(is_passed=True))

    assert state(account) == (AccountStatus.INVITED, "account_name_taken")


def test_a_job_that_was_refused_by_slurm_ends_the_check(account: FactoryAccount) -> None:
    refusal = RefusalModel(user="p-1", server=SERVER, reason="account_invalid", at=timezone.now())

    follow(account, FakeHub(), QueueAnswer(has_slurm=True, refused=(refusal,)))

    assert state(account) == (AccountStatus.INVITED, "account_not_in_project")


@pytest.mark.parametrize(
    "answer", [told(is_passed=True, server="v-00000000"), told(is_passed=True, server="s-1f00ba12")]
)
def test_the_outcome_of_another_check_changes_nothing(account: FactoryAccount, answer: QueueAnswer) -> None:
    follow(account, FakeHub(), answer)

    assert account.status == AccountStatus.VERIFYING


def test_a_job_of_another_account_verifies_nothing(account: FactoryAccount) -> None:
    follow(account, FakeHub(), told(is_passed=True, name="kaj002"))

    assert state(account) == (AccountStatus.INVITED, "account_check_failed")


def test_an_outcome_from_another_hub_changes_nothing(account: FactoryAccount) -> None:
    other = make.HubFactory.create(has_slurm=True)

    follow_checks(other, {}, FakeHub(), timezone.now(), told(is_passed=True))  # type: ignore[arg-type]

    assert state(account)[0] == AccountStatus.VERIFYING


def test_an_outcome_that_is_told_again_changes_nothing(account: FactoryAccount) -> None:
    follow(account, FakeHub(), told(is_passed=True))
    follow(account, FakeHub(), told(is_passed=False))

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

    follow(account, fake, told(is_passed=True))

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


def test_a_hub_without_slurm_costs_no_query(hub: Hub, count_queries: Callable[..., int]) -> None:
    hub.has_slurm = False

    def follow_nothing() -> None:
        follow_checks(hub, {}, FakeHub(), timezone.now(), QueueAnswer())  # type: ignore[arg-type]

    assert count_queries(follow_nothing) == 0


def test_the_sweep_of_a_hub_hears_of_its_checks(account: FactoryAccount) -> None:
    fake = FakeHub()
    fake.queue = told(is_passed=True)

    reconcile_sessions(account.hub_id, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]

    assert state(account) == (AccountStatus.VERIFIED, "account_verified")
