"""People’s own accounts at factories: inviting to them, telling their names, ending them, and who lacks one."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from courses.states import EnrolmentStatus
from labs import tasks
from labs.exceptions import RefusedError, StaleStateError
from labs.models import AccountKind, FactoryAccount, FactoryAccountEvent, Hub, SlurmJob
from labs.models.accounts import HELD, make_check_name
from labs.services.sessions import send_on_commit
from labs.states import AccountStatus
from labs.transitions import move_account, note_account
from labs.work.telling_learners import WARN_BEFORE

UNIX_NAME: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
UNIX_NAME_LENGTH: Final = 32
SYSTEM_NAMES: Final = re.compile(
    "root|daemon|bin|sys|sync|games|man|lp|mail|news|uucp|proxy|backup|list|irc|nobody|adm|admin|operator|halt|shutdown|"
    "ftp|sshd|munge|slurm|slurmdbd|slurmrestd|mysql|mariadb|postgres|redis|www-data|apache|nginx|jupyterhub|paja|"
    "systemd-[a-z]+|messagebus|dbus|polkitd|chrony|ntp|rpc|rpcuser|nfsnobody|tss|sssd|ldap|nslcd"
)
"""No person's anywhere. The hub has the same list, and those of its own factory (slurm/unix_accounts.py)."""

CHECKS_MAX: Final = 6
CHECKS_WITHIN: Final = timedelta(hours=1)
"""A check runs as whom somebody says to be, before that is proved: so a person has few of them."""

LONGEST: Final = timedelta(days=183)
"""A course project at LUMI is for half a year at most."""


@dataclass(frozen=True)
class Standing:
    """A learner of a cohort and their account at a hub, None where they were never invited."""

    enrolment: Enrolment
    account: FactoryAccount | None

    @property
    def learner(self) -> User:
        return self.enrolment.learner

    def is_verified(self, now: datetime) -> bool:
        return self.account is not None and is_verified(self.account, now)

    def lasts_until(self, moment: datetime, now: datetime) -> bool:
        """Whether labs can start with it now, and up to that moment."""
        account = self.account
        return self.is_verified(now) and account is not None and ends_after(account, moment)


def is_verified(account: FactoryAccount, now: datetime) -> bool:
    return account.status == AccountStatus.VERIFIED and ends_after(account, now)


def ends_after(account: FactoryAccount, moment: datetime) -> bool:
    return account.expires_at is None or account.expires_at >= moment


def ends_soon(account: FactoryAccount, now: datetime) -> bool:
    return is_verified(account, now) and not ends_after(account, now + WARN_BEFORE)


def list_standings(cohort: Cohort, hub: Hub) -> list[Standing]:
    """Everybody who learns in a cohort now, by name, in two queries."""
    return list_standings_at(cohort, [hub])[hub.pk]


def list_standings_at(cohort: Cohort, hubs: Collection[Hub]) -> dict[int, list[Standing]]:
    """As `list_standings`, of several hubs by their rows, in as many queries as of one."""
    enrolments = list(
        cohort.enrolments.filter(status=EnrolmentStatus.ACTIVE)
        .select_related("learner")
        .order_by("learner__full_name", "learner__email")
    )
    people = [enrolment.learner_id for enrolment in enrolments]
    own = FactoryAccount.objects.filter(kind=AccountKind.OWN, hub__in=hubs, user__in=people)
    accounts = {(account.hub_id, account.user_id): account for account in own}
    return {
        hub.pk: [Standing(each, accounts.get((hub.pk, each.learner_id))) for each in enrolments]
        for hub in hubs
    }


def find_job(account: FactoryAccount) -> SlurmJob | None:
    """The job that tries an account out, as far as its hub has reported it."""
    if account.status != AccountStatus.VERIFYING:
        return None
    return SlurmJob.objects.filter(hub=account.hub_id, server_name=account.check_server_name).first()


def invite_learners(
    hub: Hub,
    learners: Sequence[User],
    *,
    slurm_account: str,
    expires_at: datetime,
    actor: User,
    names: Mapping[int, str] | None = None,
) -> int:
    """Invite to a project until a day, or prolong: how many were. Everybody who is invited is told by mail.

    Whoever has a verified account keeps it; for another project it is tried out anew. `names` are user names that the
    factory knows, by people's rows: whoever has one can tell no other. RefusedError `account_name_taken`.
    """
    names = names or {}
    try:
        _invite(hub, learners, slurm_account=slurm_account, expires_at=expires_at, actor=actor, names=names)
    except IntegrityError:
        raise RefusedError(reason="account_name_taken") from None
    return len(learners)


def _invite(
    hub: Hub,
    learners: Sequence[User],
    *,
    slurm_account: str,
    expires_at: datetime,
    actor: User,
    names: Mapping[int, str],
) -> None:
    with transaction.atomic():
        accounts = {account.user_id: account for account in lock_accounts(hub, learners)}
        for learner in learners:
            account = accounts.get(learner.pk)
            if account is None:
                account = FactoryAccount.objects.create(hub=hub, kind=AccountKind.OWN, user=learner)
            renew(account, slurm_account=slurm_account, expires_at=expires_at, actor=actor)
            if learner.pk in names:
                name_account(account, names[learner.pk], actor=actor)


def name_account(account: FactoryAccount, name: str, *, actor: User) -> None:
    """Keep the name that the factory knows a person by. One that was verified with another name is tried out anew."""
    is_other = account.name != name
    given = {"name": name, "is_vouched": True}
    if account.status == AccountStatus.VERIFYING and is_other:
        move_account(account, AccountStatus.INVITED, reason="account_named", actor=actor, **given)
        return
    note_account(account, reason="account_named", actor=actor)
    FactoryAccount.objects.filter(pk=account.pk).update(**given)
    account.refresh_from_db(fields=list(given))
    if account.status == AccountStatus.VERIFIED and is_other:
        begin_check(account, actor=actor)


def lock_accounts(hub: Hub, learners: Sequence[User]) -> QuerySet[FactoryAccount]:
    own = FactoryAccount.objects.filter(hub=hub, kind=AccountKind.OWN, user__in=learners)
    return own.select_for_update(of=("self",), no_key=True).select_related("hub__factory")


def renew(account: FactoryAccount, *, slurm_account: str, expires_at: datetime, actor: User) -> None:
    is_moved = account.slurm_account != slurm_account
    FactoryAccount.objects.filter(pk=account.pk).update(
        slurm_account=slurm_account, expires_at=expires_at, invited_at=timezone.now()
    )
    account.refresh_from_db(fields=["slurm_account", "expires_at", "invited_at"])
    match account.status:
        case AccountStatus.EXPIRED:
            move_account(account, AccountStatus.INVITED, reason="account_invited", actor=actor)
        case AccountStatus.INVITED:
            note_account(account, reason="account_invited", actor=actor)
        case _:
            note_account(account, reason="account_renewed", actor=actor)
            if is_moved and account.status == AccountStatus.VERIFIED:
                begin_check(account, actor=actor)


def end_account(account: FactoryAccount, *, actor: User) -> None:
    """Labs start with it no more; sessions that run go on. One that has ended is left alone."""
    try:
        if account.status != AccountStatus.EXPIRED:
            move_account(account, AccountStatus.EXPIRED, reason="account_ended", actor=actor)
    except StaleStateError:
        account.refresh_from_db()
        end_account(account, actor=actor)


def tell_name(account: FactoryAccount, name: str, *, actor: User) -> None:
    """Keep the user name that a person says to have at the factory. It is theirs once a check has shown it.

    RefusedError: `account_name_wrong`, `account_name_fixed`, `account_name_taken`, `account_name_proved`,
    `account_check_runs`, `account_not_invited`.
    """
    name = name.strip()
    if not is_unix_name(name):
        raise RefusedError(reason="account_name_wrong")
    with transaction.atomic():
        account = lock_usable(account)
        if name == account.name:
            return
        if account.is_vouched:
            raise RefusedError(reason="account_name_fixed")
        if account.status == AccountStatus.VERIFIED:
            raise RefusedError(reason="account_name_proved")
        if is_held(account, name):
            raise RefusedError(reason="account_name_taken")
        note_account(account, reason="account_name_told", actor=actor)
        FactoryAccount.objects.filter(pk=account.pk).update(name=name, reason="account_name_told")


def request_check(account: FactoryAccount, *, actor: User) -> None:
    """Have the account tried out with the name that is known; also one that is verified.

    RefusedError: `account_name_wrong`, `account_name_taken`, `account_check_runs`, `account_checks_too_many`,
    `account_not_invited`.
    """
    with transaction.atomic():
        account = lock_usable(account)
        if not is_unix_name(account.name):
            raise RefusedError(reason="account_name_wrong")
        if is_held(account, account.name):
            raise RefusedError(reason="account_name_taken")
        asked = FactoryAccountEvent.objects.filter(
            account__user=account.user, actor=actor, reason="account_check_requested"
        )
        if asked.filter(created_at__gt=timezone.now() - CHECKS_WITHIN).count() >= CHECKS_MAX:
            raise RefusedError(reason="account_checks_too_many")
        begin_check(account, actor=actor)


def lock_usable(account: FactoryAccount) -> FactoryAccount:
    """The account as it is now, locked: staff who name it and its owner who tells a name take turns."""
    account = lock_accounts(account.hub, [account.user] if account.user else []).get(pk=account.pk)
    if account.status == AccountStatus.VERIFYING:
        raise RefusedError(reason="account_check_runs")
    if account.status == AccountStatus.EXPIRED or not ends_after(account, timezone.now()):
        raise RefusedError(reason="account_not_invited")
    return account


def is_unix_name(name: str) -> bool:
    """Whether a person can be called so."""
    return UNIX_NAME.fullmatch(name) is not None and SYSTEM_NAMES.fullmatch(name) is None


def is_held(account: FactoryAccount, name: str) -> bool:
    """Whether the name is somebody else's for certain, or lent by the factory."""
    return FactoryAccount.objects.filter(HELD, hub=account.hub_id, name=name).exclude(pk=account.pk).exists()


def begin_check(account: FactoryAccount, *, actor: User) -> None:
    move_account(
        account,
        AccountStatus.VERIFYING,
        reason="account_check_requested",
        actor=actor,
        check_server_name=make_check_name(),
        check_requested_at=timezone.now(),
    )
    send_on_commit(lambda: tasks.send_account_check(account.pk, account.hub.factory.slug))
