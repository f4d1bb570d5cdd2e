"""As which Unix account a session runs: a person's own, or one that is lent to them, never to two at once."""

from collections.abc import Collection
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from courses.models import User
from labs.exceptions import RefusedError
from labs.models import AccountKind, AccountLease, Allocation, FactoryAccount, Hub, LabSession, SlurmJob
from labs.states import ACTIVE_SESSION_STATUSES, AccountStatus


def find_account(user: User, allocation: Allocation) -> FactoryAccount:
    """The account for a session of theirs, lent to them where it is not their own.

    To be called in the transaction that makes the session: the hub's row is locked, so that presses at once are
    decided one after the other. RefusedError: `own_account_missing`, `own_account_not_verified`,
    `own_account_expired`, `pool_empty`.
    """
    hub = Hub.objects.select_for_update(no_key=True, of=["self"]).get(pk=allocation.partition.hub_id)
    now = timezone.now()
    if allocation.account_kind == AccountKind.OWN:
        return get_own_account(user, hub, now)
    offered = list_offered([hub.pk]).filter(kind=allocation.account_kind)
    held = offered.filter(is_held_by(user.pk)).first()
    return held or lend_shared(user, offered, now) or lend_exclusive(user, offered, now)


def find_lent_kinds(user_id: int, hubs: Collection[int], now: datetime) -> set[tuple[int, str]]:
    """Hubs, by row, and kinds of account of which this person has one, or could be lent one now."""
    offered = list_offered(hubs).filter(Q(is_shared=True) | is_held_by(user_id) | ~is_at_work(now))
    return set(offered.values_list("hub", "kind").order_by().distinct())


def get_own_account(user: User, hub: Hub, now: datetime) -> FactoryAccount:
    account = FactoryAccount.objects.filter(hub=hub, kind=AccountKind.OWN, user=user).first()
    reason = judge_own_account(account, now)
    if account is None or reason:
        raise RefusedError(reason=reason)
    return account


def judge_own_account(account: FactoryAccount | None, now: datetime) -> str:
    """Why a person's own account cannot be used; empty where it can."""
    if account is None:
        return "own_account_missing"
    has_ended = account.expires_at is not None and account.expires_at <= now
    if has_ended or account.status == AccountStatus.EXPIRED:
        return "own_account_expired"
    return "" if account.status == AccountStatus.VERIFIED else "own_account_not_verified"


def find_lease(user: User, account: FactoryAccount) -> AccountLease | None:
    """The lease by which a person has an account; None for their own."""
    return AccountLease.objects.filter(account=account, user=user, ended_at=None).first()


def lend_shared(user: User, offered: QuerySet[FactoryAccount], now: datetime) -> FactoryAccount | None:
    """A robot in which its site keeps several people apart; None where there is none."""
    account = offered.filter(is_shared=True).first()
    if account:
        AccountLease.objects.create(account=account, user=user, is_exclusive=False, began_at=now)
    return account


def lend_exclusive(user: User, offered: QuerySet[FactoryAccount], now: datetime) -> FactoryAccount:
    """One that nobody has, else one whose holder does not work in it; of those the one unused for longest.

    The database has the last word on whether it is free.
    """
    for account in find_lendable(offered.filter(is_shared=False), now):
        try:
            with transaction.atomic():
                AccountLease.objects.filter(account=account, ended_at=None).update(ended_at=now)
                AccountLease.objects.create(account=account, user=user, began_at=now)
        except IntegrityError:
            continue
        return account
    raise RefusedError(reason="pool_empty")


def find_lendable(accounts: QuerySet[FactoryAccount], now: datetime) -> QuerySet[FactoryAccount]:
    """Accounts in which nobody works, by our rows or by Slurm's word, the best to lend first.

    Last come those whose disk has work that could not be copied: the factory empties it for the next person.
    """
    unsaved = open_leases().filter(
        user__lab_sessions__account=OuterRef("pk"), user__lab_sessions__events__reason="not_saved"
    )
    return (
        accounts.exclude(is_at_work(now))
        .annotate(
            is_held=Exists(open_leases()),
            has_unsaved=Exists(unsaved),
            used_at=Max("sessions__requested_at"),
        )
        .order_by("is_held", "has_unsaved", F("used_at").asc(nulls_first=True), "name")
    )


def open_leases() -> QuerySet[AccountLease]:
    return AccountLease.objects.filter(Q(ended_at=None), account=OuterRef("pk"))


def list_offered(hubs: Collection[int]) -> QuerySet[FactoryAccount]:
    """What factories lend."""
    accounts = FactoryAccount.objects.filter(hub__in=hubs, is_offered=True, status=AccountStatus.VERIFIED)
    return accounts.exclude(kind=AccountKind.OWN)


def is_held_by(user_id: int) -> Q:
    return Q(Exists(open_leases().filter(user=user_id)))


def is_at_work(now: datetime) -> Q:
    """Accounts in which somebody works, by our rows or by Slurm's word."""
    active = LabSession.objects.filter(account=OuterRef("pk"), status__in=ACTIVE_SESSION_STATUSES)
    has_job = SlurmJob.objects.filter(
        hub=OuterRef("hub"), unix_account=OuterRef("name"), ended_at=None, ends_at__gt=now
    )
    return Q(Exists(active)) | Q(Exists(has_job))
