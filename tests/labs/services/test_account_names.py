"""User names at a factory: those that its staff know, and those that people tell, which are nobody's until proved."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from courses.models import Cohort, User
from deploy.jupyterhub.slurm.options import CODE
from labs.exceptions import RefusedError
from labs.models import AccountKind, FactoryAccount, Hub
from labs.services.accounts import invite_learners, request_check, tell_name
from labs.states import AccountStatus
from labs.transitions import note_account
from labs.work.account_codes import make_code
from labs.work.telling_learners import find_untold
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub(cohort: Cohort) -> Hub:
    found: Hub = make.HubFactory.create(factory=cohort.factory, has_slurm=True)
    return found


def invite(hub: Hub, person: User, staff: User, name: str = "") -> FactoryAccount:
    invite_learners(
        hub,
        [person],
        slurm_account="p1",
        expires_at=timezone.now() + timedelta(days=90),
        actor=staff,
        names={person.pk: name} if name else {},
    )
    return FactoryAccount.objects.get(hub=hub, user=person)


def test_another_name_than_staff_gave_is_not_tried_out(hub: Hub, ada: User, staff: User) -> None:
    account = invite(hub, ada, staff, "kaj001")

    with pytest.raises(RefusedError) as refusal:
        tell_name(account, "kaj002", actor=ada)
    assert refusal.value.reason == "account_name_fixed"

    tell_name(account, "kaj001", actor=ada)
    account.refresh_from_db()
    assert (account.name, account.is_vouched) == ("kaj001", True)


def test_a_name_that_staff_gave_stays_with_the_next_invitation(hub: Hub, ada: User, staff: User) -> None:
    invite(hub, ada, staff, "kaj001")

    with pytest.raises(RefusedError):
        tell_name(invite(hub, ada, staff), "kaj002", actor=ada)


def test_who_gave_a_name_is_recorded(hub: Hub, ada: User, staff: User) -> None:
    event = invite(hub, ada, staff, "kaj001").events.get(reason="account_named")

    assert event.actor == staff


@pytest.mark.parametrize(
    ("status", "after"),
    [
        (AccountStatus.INVITED, AccountStatus.INVITED),
        (AccountStatus.VERIFYING, AccountStatus.INVITED),
        (AccountStatus.VERIFIED, AccountStatus.VERIFYING),
        (AccountStatus.EXPIRED, AccountStatus.INVITED),
    ],
)
def test_a_name_that_staff_correct_is_what_counts(
    hub: Hub, ada: User, staff: User, status: AccountStatus, after: AccountStatus
) -> None:
    invite(hub, ada, staff)
    FactoryAccount.objects.update(name="wrong", status=status)

    account = invite(hub, ada, staff, "kaj001")

    assert (account.name, account.status, account.is_vouched) == ("kaj001", after, True)


def test_a_verified_account_with_that_very_name_stays_verified(hub: Hub, ada: User, staff: User) -> None:
    invite(hub, ada, staff)
    FactoryAccount.objects.update(name="kaj001", status=AccountStatus.VERIFIED)

    assert invite(hub, ada, staff, "kaj001").status == AccountStatus.VERIFIED


def test_a_name_that_somebody_has_proved_invites_nobody(hub: Hub, ada: User, staff: User) -> None:
    make.FactoryAccountFactory.create(hub=hub, name="kaj001")

    with pytest.raises(RefusedError) as refusal:
        invite(hub, ada, staff, "kaj001")

    assert refusal.value.reason == "account_name_taken"
    assert not FactoryAccount.objects.filter(user=ada).exists()


def test_who_is_named_is_told_of_the_invitation_too(hub: Hub, ada: User, staff: User) -> None:
    account = invite(hub, ada, staff, "kaj001")

    assert find_untold(timezone.now(), most=9) == [account.pk]


def test_a_name_that_is_told_is_kept_and_runs_nothing_yet(hub: Hub, ada: User, staff: User) -> None:
    account = invite(hub, ada, staff)
    note_account(account, reason="account_code_wrong")
    FactoryAccount.objects.update(reason="account_code_wrong")

    tell_name(account, " kaj001 ", actor=ada)

    account.refresh_from_db()
    assert (account.name, account.status, account.reason) == ("kaj001", "invited", "account_name_told")
    assert not account.is_vouched
    assert account.events.get(reason="account_name_told").actor == ada


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Kaj001",
        "kaj 001",
        "1kaj",
        "-kaj",
        "kaj;id",
        "kaj\nid",
        "k" * 33,
        "αδα",
        "slurm",
        "root",
    ],
)
def test_what_is_no_persons_user_name_is_refused(hub: Hub, ada: User, staff: User, name: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        tell_name(invite(hub, ada, staff), name, actor=ada)

    assert refusal.value.reason == "account_name_wrong"


@pytest.mark.parametrize(
    ("kind", "fields", "is_refused"),
    [
        (AccountKind.POOL, {}, True),
        (AccountKind.ROBOT, {"is_offered": False}, True),
        (AccountKind.OWN, {"status": AccountStatus.VERIFIED}, True),
        (AccountKind.OWN, {"status": AccountStatus.INVITED, "is_vouched": True}, True),
        (AccountKind.OWN, {"status": AccountStatus.INVITED}, False),
        (AccountKind.OWN, {"status": AccountStatus.VERIFYING}, False),
        (AccountKind.OWN, {"status": AccountStatus.EXPIRED}, False),
    ],
)
def test_a_name_is_somebodys_once_it_is_proved_or_given_and_not_before(
    hub: Hub, ada: User, staff: User, kind: str, fields: dict[str, object], is_refused: bool
) -> None:
    other = make_courses.UserFactory.create() if kind == AccountKind.OWN else None
    make.FactoryAccountFactory.create(hub=hub, kind=kind, user=other, name="kaj001", **fields)
    account = invite(hub, ada, staff)

    if is_refused:
        with pytest.raises(RefusedError) as refusal:
            tell_name(account, "kaj001", actor=ada)
        assert refusal.value.reason == "account_name_taken"
    else:
        tell_name(account, "kaj001", actor=ada)
        request_check(account, actor=ada)
        account.refresh_from_db()
        assert (account.name, account.status) == ("kaj001", AccountStatus.VERIFYING)


def test_a_name_that_somebody_else_has_proved_meanwhile_is_not_tried_out(
    hub: Hub, ada: User, staff: User
) -> None:
    account = invite(hub, ada, staff)
    tell_name(account, "kaj001", actor=ada)
    make.FactoryAccountFactory.create(
        hub=hub, kind=AccountKind.OWN, user=make_courses.UserFactory.create(), name="kaj001"
    )

    with pytest.raises(RefusedError) as refusal:
        request_check(account, actor=ada)

    assert refusal.value.reason == "account_name_taken"


def test_staff_give_a_name_that_somebody_only_says_to_have(
    hub: Hub, ada: User, eve: User, staff: User
) -> None:
    tell_name(invite(hub, eve, staff), "kaj001", actor=eve)

    assert invite(hub, ada, staff, "kaj001").is_vouched


def test_the_same_name_at_another_factory_is_another_account(hub: Hub, ada: User, staff: User) -> None:
    make.FactoryAccountFactory.create(name="kaj001")
    account = invite(hub, ada, staff)

    tell_name(account, "kaj001", actor=ada)

    account.refresh_from_db()
    assert account.name == "kaj001"


def test_a_proved_name_is_not_changed_by_its_owner(hub: Hub, ada: User, staff: User) -> None:
    account = invite(hub, ada, staff)
    FactoryAccount.objects.update(name="kaj001", status=AccountStatus.VERIFIED)

    with pytest.raises(RefusedError) as refusal:
        tell_name(account, "kaj002", actor=ada)

    assert refusal.value.reason == "account_name_proved"


def test_what_staff_have_given_meanwhile_stands(hub: Hub, ada: User, staff: User) -> None:
    stale = invite(hub, ada, staff)
    invite(hub, ada, staff, "kaj001")

    with pytest.raises(RefusedError) as refusal:
        tell_name(stale, "kaj002", actor=ada)

    assert refusal.value.reason == "account_name_fixed"


def test_a_code_is_for_one_person_one_factory_and_one_name(
    hub: Hub, ada: User, eve: User, staff: User
) -> None:
    mine, hers = invite(hub, ada, staff), invite(hub, eve, staff)
    elsewhere = invite(make.HubFactory.create(), ada, staff)
    for account in (mine, hers, elsewhere):
        account.name = "kaj001"
    code = make_code(mine)

    assert code == make_code(mine)
    assert len({code, make_code(hers), make_code(elsewhere)}) == 3
    mine.name = "kaj002"
    assert make_code(mine) != code
    assert re.fullmatch(CODE, code)
