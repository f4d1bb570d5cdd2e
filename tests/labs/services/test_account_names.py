"""User names that a factory's staff know: whoever has one can tell no other."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.models import Cohort, User
from labs.exceptions import RefusedError
from labs.models import FactoryAccount, Hub
from labs.services.accounts import invite_learners, tell_name
from labs.states import AccountStatus
from labs.work.telling_learners import find_untold
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
    assert account.status == AccountStatus.VERIFYING


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

    assert (account.name, account.status) == ("kaj001", after)


def test_a_verified_account_with_that_very_name_stays_verified(hub: Hub, ada: User, staff: User) -> None:
    invite(hub, ada, staff)
    FactoryAccount.objects.update(name="kaj001", status=AccountStatus.VERIFIED)

    assert invite(hub, ada, staff, "kaj001").status == AccountStatus.VERIFIED


def test_a_name_that_somebody_has_invites_nobody(hub: Hub, ada: User, staff: User) -> None:
    make.FactoryAccountFactory.create(hub=hub, name="kaj001")

    with pytest.raises(RefusedError) as refusal:
        invite(hub, ada, staff, "kaj001")

    assert refusal.value.reason == "account_name_taken"
    assert not FactoryAccount.objects.filter(user=ada).exists()


def test_who_is_named_is_told_of_the_invitation_too(hub: Hub, ada: User, staff: User) -> None:
    account = invite(hub, ada, staff, "kaj001")

    assert find_untold(timezone.now(), most=9) == [account.pk]
