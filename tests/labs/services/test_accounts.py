"""Own accounts: invited to, told by name, ended; and who lacks one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from courses.states import EnrolmentStatus
from labs import tasks
from labs.exceptions import RefusedError
from labs.models import AccountKind, FactoryAccount, FactoryAccountEvent, Hub
from labs.models.accounts import is_check_name
from labs.services.account_needs import find_need, find_needs
from labs.services.accounts import (
    CHECKS_MAX,
    CHECKS_WITHIN,
    end_account,
    invite_learners,
    list_standings,
    request_check,
)
from labs.services.shortfalls import find_shortfalls, list_rows
from labs.states import AccountStatus
from labs.transitions import note_account
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
Invite = Callable[..., FactoryAccount]


@pytest.fixture
def hub(cohort: Cohort) -> Hub:
    found: Hub = make.HubFactory.create(factory=cohort.factory, has_slurm=True)
    return found


@pytest.fixture
def invite(hub: Hub, ada: User, staff: User) -> Invite:
    """Invite ada, and have her account in a state."""

    def invite(
        status: AccountStatus | None = None, *, days: float = 90, project: str = "p1", **fields: Any
    ) -> FactoryAccount:
        ends_at = timezone.now() + days * DAY
        invite_learners(hub, [ada], slurm_account=project, expires_at=ends_at, actor=staff)
        own = FactoryAccount.objects.filter(hub=hub, user=ada)
        if status:
            own.update(status=status, **{"name": "kaj001", **fields})
        return own.get()

    return invite


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    monkeypatch.setattr(tasks, "send_account_check", lambda pk, factory: found.append((pk, factory)))
    return found


def reasons(account: FactoryAccount) -> list[str]:
    return [event.reason for event in account.events.all()]


def test_an_invitation_is_a_row_with_who_made_it(invite: Invite, staff: User) -> None:
    account = invite()

    assert (account.status, account.kind, account.slurm_account) == ("invited", "own", "p1")
    (event,) = account.events.all()
    assert (event.reason, event.actor) == ("account_invited", staff)


def test_a_verified_account_that_is_prolonged_stays_verified(invite: Invite) -> None:
    invite(AccountStatus.VERIFIED, days=5)

    account = invite(days=90)

    assert account.status == AccountStatus.VERIFIED
    assert account.expires_at is not None
    assert account.expires_at > timezone.now() + 89 * DAY
    assert reasons(account)[-1] == "account_renewed"


def test_a_verified_account_for_another_project_is_tried_out_anew(
    invite: Invite, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    invite(AccountStatus.VERIFIED)

    with django_capture_on_commit_callbacks(execute=True):
        account = invite(project="p2")

    assert (account.status, account.name, account.slurm_account) == ("verifying", "kaj001", "p2")
    assert sent == [(account.pk, account.hub.factory.slug)]


def test_who_is_invited_again_keeps_the_name(invite: Invite) -> None:
    invite(AccountStatus.EXPIRED)

    account = invite()

    assert (account.status, account.name) == ("invited", "kaj001")


def test_a_name_that_is_known_is_tried_out(
    invite: Invite, ada: User, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    account = invite(AccountStatus.INVITED)

    with django_capture_on_commit_callbacks(execute=True):
        request_check(account, actor=ada)

    account.refresh_from_db()
    assert (account.status, account.name) == ("verifying", "kaj001")
    assert is_check_name(account.check_server_name)
    assert account.check_requested_at is not None
    assert sent == [(account.pk, account.hub.factory.slug)]


def test_each_check_has_a_server_of_its_own(invite: Invite, ada: User) -> None:
    account = invite(AccountStatus.VERIFIED, check_server_name="v-1f00ba12")

    request_check(account, actor=ada)

    account.refresh_from_db()
    assert account.check_server_name not in ("", "v-1f00ba12")


def test_without_a_name_there_is_nothing_to_try(invite: Invite, ada: User) -> None:
    with pytest.raises(RefusedError) as refusal:
        request_check(invite(), actor=ada)

    assert refusal.value.reason == "account_name_wrong"


def test_a_person_has_few_checks_an_hour(invite: Invite, ada: User, staff: User) -> None:
    account = invite(AccountStatus.INVITED)
    for _ in range(CHECKS_MAX):
        note_account(account, reason="account_check_requested", actor=ada)
    note_account(account, reason="account_check_requested", actor=staff)

    with pytest.raises(RefusedError) as refusal:
        request_check(account, actor=ada)
    assert refusal.value.reason == "account_checks_too_many"

    first = account.events.filter(reason="account_check_requested").earliest("pk")
    FactoryAccountEvent.objects.filter(pk=first.pk).update(created_at=timezone.now() - CHECKS_WITHIN)
    request_check(account, actor=ada)


@pytest.mark.parametrize(
    ("status", "days", "reason"),
    [
        (AccountStatus.VERIFYING, 90, "account_check_runs"),
        (AccountStatus.EXPIRED, 90, "account_not_invited"),
        (AccountStatus.INVITED, -1, "account_not_invited"),
    ],
)
def test_a_check_is_taken_only_while_there_is_something_to_try(
    invite: Invite, ada: User, status: AccountStatus, days: int, reason: str
) -> None:
    with pytest.raises(RefusedError) as refusal:
        request_check(invite(status, days=days), actor=ada)

    assert refusal.value.reason == reason


def test_an_account_that_is_ended_says_who_did_it(invite: Invite, staff: User) -> None:
    account = invite(AccountStatus.VERIFIED)

    end_account(account, actor=staff)
    end_account(account, actor=staff)

    assert account.status == AccountStatus.EXPIRED
    assert [event.actor for event in account.events.filter(reason="account_ended")] == [staff]


def test_only_who_learns_now_is_counted(cohort: Cohort, hub: Hub, enrolment: Enrolment) -> None:
    for status in (EnrolmentStatus.WAITLISTED, EnrolmentStatus.WITHDRAWN, EnrolmentStatus.COMPLETED):
        make_courses.EnrolmentFactory.create(cohort=cohort, status=status)

    assert [standing.enrolment for standing in list_standings(cohort, hub)] == [enrolment]


@pytest.mark.parametrize(
    ("status", "days", "state"),
    [
        (None, 0, "none"),
        (AccountStatus.INVITED, 90, "invited"),
        (AccountStatus.VERIFYING, 90, "verifying"),
        (AccountStatus.VERIFIED, 90, "verified"),
        (AccountStatus.VERIFIED, 20, "short"),
        (AccountStatus.VERIFIED, 13, "ending"),
        (AccountStatus.VERIFIED, -1, "expired"),
        (AccountStatus.EXPIRED, 90, "expired"),
    ],
)
def test_everybody_sees_the_same_state(
    invite: Invite, hub: Hub, enrolment: Enrolment, status: AccountStatus | None, days: int, state: str
) -> None:
    cohort = enrolment.cohort
    Cohort.objects.filter(pk=cohort.pk).update(ends_at=timezone.now() + 30 * DAY)
    cohort.refresh_from_db()
    make.AllocationFactory.create(
        cohort=cohort, partition=make.PartitionFactory.create(hub=hub), account_kind=AccountKind.OWN
    )
    if status:
        invite(status, days=days)
    now = timezone.now()

    (row,) = list_rows(cohort, hub, now)
    (need,) = find_needs(enrolment.learner, now)

    assert row.state == need.state == find_need(enrolment.learner, hub, now).state == state
    assert row.is_lacking is (state in ("none", "short", "ending", "expired"))
    assert row.is_verified is (state in ("verified", "short", "ending"))


def test_an_account_is_not_prolonged_by_a_few_days(invite: Invite, hub: Hub, enrolment: Enrolment) -> None:
    cohort = enrolment.cohort
    Cohort.objects.filter(pk=cohort.pk).update(ends_at=timezone.now() + 900 * DAY)
    cohort.refresh_from_db()

    invite(AccountStatus.VERIFIED, days=180)
    (late,) = list_rows(cohort, hub, timezone.now())
    invite(AccountStatus.VERIFIED, days=100)
    (early,) = list_rows(cohort, hub, timezone.now())

    assert (late.state, late.is_lacking) == ("short", False)
    assert (early.state, early.is_lacking) == ("short", True)


def test_who_needs_no_account_hears_of_none(hub: Hub, enrolment: Enrolment) -> None:
    partition = make.PartitionFactory.create(hub=hub)
    make.AllocationFactory.create(cohort=enrolment.cohort, partition=partition)

    assert find_needs(enrolment.learner, timezone.now()) == []


def test_an_account_that_no_cohort_needs_any_more_is_listed_and_not_urgent(
    invite: Invite, enrolment: Enrolment
) -> None:
    invite()

    (need,) = find_needs(enrolment.learner, timezone.now())

    assert not need.is_urgent
    assert find_needs(enrolment.learner, timezone.now(), cohort=enrolment.cohort) == []


def test_a_shortfall_names_who_lacks_an_account_and_whose_ends_before(
    invite: Invite, hub: Hub, enrolment: Enrolment
) -> None:
    cohort = enrolment.cohort
    other = make_courses.EnrolmentFactory.create(cohort=cohort, status=EnrolmentStatus.ACTIVE)
    invite(AccountStatus.VERIFIED, days=1)
    partition = make.PartitionFactory.create(hub=hub)
    allocation = make.AllocationFactory.create(
        cohort=cohort, partition=partition, account_kind=AccountKind.OWN
    )

    (shortfall,) = find_shortfalls(cohort, [allocation], timezone.now())

    assert [each.learner for each in shortfall.lacking] == [other.learner]
    assert [each.learner for each in shortfall.ending] == [enrolment.learner]
    assert (shortfall.count, shortfall.learner_count, shortfall.until) == (2, 2, cohort.ends_at)


def test_with_a_reservation_accounts_need_to_last_until_it_ends(
    invite: Invite, hub: Hub, enrolment: Enrolment
) -> None:
    now = timezone.now()
    times = {"starts_at": now.isoformat(), "ends_at": (now + 2 * DAY).isoformat()}
    partition = make.PartitionFactory.create(hub=hub, reservations=[{"name": "course", **times}])
    Cohort.objects.filter(pk=enrolment.cohort.pk).update(ends_at=now + 60 * DAY)
    enrolment.cohort.refresh_from_db()
    invite(AccountStatus.VERIFIED, days=3)

    def is_short(reservation: str) -> bool:
        allocation = make.AllocationFactory.build(
            cohort=enrolment.cohort,
            partition=partition,
            account_kind=AccountKind.OWN,
            reservation=reservation,
        )
        return bool(find_shortfalls(enrolment.cohort, [allocation], now))

    assert is_short("")
    assert not is_short("course")


def test_who_is_lent_an_account_lacks_none(hub: Hub, enrolment: Enrolment) -> None:
    allocation = make.AllocationFactory.create(
        cohort=enrolment.cohort, partition=make.PartitionFactory.create(hub=hub)
    )

    assert find_shortfalls(enrolment.cohort, [allocation], timezone.now()) == []
