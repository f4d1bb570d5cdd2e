"""People’s own accounts at a factory: tried out by a job of a minute, given up, expired. Everything may be repeated."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from labs.exceptions import HubUnavailableError, LabError, SpawnRejectedError, StaleStateError
from labs.jupyterhub import HubClient, QueueAnswer, ServerModel
from labs.models import AccountKind, FactoryAccount, FactoryAccountEvent, Hub, SlurmJob
from labs.models.accounts import is_check_name
from labs.states import AccountStatus
from labs.transitions import move_account, note_account
from labs.work.check_places import find_check_options
from labs.work.connections import HubConnector, connect_hub
from labs.work.telling_learners import find_untold

logger = logging.getLogger(__name__)

CHECK_FOR: Final = timedelta(hours=24)
"""A job that the factory has not come to by then is taken back: its learner may ask again."""

RESEND_AFTER: Final = timedelta(seconds=10)
LOST_AFTER: Final = timedelta(minutes=2)
AT_ONCE: Final = 200

FAULTS: Final[Mapping[str, str]] = {
    "unix_account_refused": "account_name_refused",
    "unix_account_in_use": "account_in_use",
    "code_missing": "account_code_missing",
    "code_wrong": "account_code_wrong",
    "account_unknown": "account_not_in_project",
    "account_invalid": "account_not_in_project",
    "quota_exceeded": "account_check_not_possible",
    "partition_closed": "account_check_not_possible",
    "partition_unknown": "account_check_not_possible",
    "flavour_unknown": "account_check_not_possible",
    "reservation_invalid": "account_check_not_possible",
    "too_many_jobs": "account_check_not_possible",
    "qos_unknown": "account_check_not_possible",
}
"""What the hub says of a check that failed, as a reason of ours; what is not named is `account_check_failed`."""


@dataclass
class AccountSweep:
    """What the sweep's task queues: checks to be asked for, with their factories, and letters to be written."""

    checks: list[tuple[int, str]] = field(default_factory=list)
    letters: list[int] = field(default_factory=list)


def reconcile_accounts(now: datetime | None = None) -> AccountSweep:
    """What our own rows say: whose time is over, which checks nobody asked for or take too long, who is to be told."""
    now = now or timezone.now()
    expire_accounts(now)
    give_up_checks(now)
    return AccountSweep(checks=find_unasked(now), letters=find_untold(now, most=AT_ONCE))


def expire_accounts(now: datetime) -> None:
    over = FactoryAccount.objects.filter(kind=AccountKind.OWN, expires_at__lte=now)
    for account in over.exclude(status=AccountStatus.EXPIRED)[:AT_ONCE]:
        move(account, AccountStatus.EXPIRED, reason="account_expired")


def give_up_checks(now: datetime) -> None:
    for account in checking().filter(check_requested_at__lte=now - CHECK_FOR)[:AT_ONCE]:
        fail_check(account, reason="account_check_silent")


def find_unasked(now: datetime) -> list[tuple[int, str]]:
    """Checks whose task was lost, or whose hub did not answer; one that is known to be down is not asked."""
    waiting = checking().filter(check_requested_at__lte=now - RESEND_AFTER, hub__down_since=None)
    unasked = waiting.exclude(Exists(asked_events().filter(account=OuterRef("pk"))))
    return list(unasked.values_list("pk", "hub__factory__slug")[:AT_ONCE])


def ensure_checked(account_id: int, *, connect: HubConnector = connect_hub) -> None:
    """Ask the hub for the server whose job tries the account out. A hub that does not answer is asked again later."""
    account = FactoryAccount.objects.select_related("hub__factory", "user").get(pk=account_id)
    if account.user is None or account.status != AccountStatus.VERIFYING or is_asked(account):
        return
    options = find_check_options(account)
    if options is None:
        fail_check(account, reason="account_check_nowhere")
        return
    try:
        with connect(account.hub) as hub:
            hub.ensure_user(account.user.hub_name)
            hub.ensure_server(account.user.hub_name, account.check_server_name, options)
    except SpawnRejectedError:
        logger.exception("check %s: the hub refused", account.check_server_name)
        fail_refused(account, connect)
    except HubUnavailableError as error:
        logger.warning("check %s: %s", account.check_server_name, error)
    else:
        note_account(account, reason="account_check_asked")


def fail_refused(account: FactoryAccount, connect: HubConnector) -> None:
    """A check that the hub did not take, for the reason that the hub gives."""
    refusal = ""
    try:
        with connect(account.hub) as hub:
            refusal = hub.read_queue(account.hub.jobs_read_until).find_refusal(account.check_server_name)
    except LabError as error:
        logger.warning("check %s: %s", account.check_server_name, error)
    if refusal in FAULTS:
        fail_check(account, reason=FAULTS[refusal])
    else:
        fail_check(account, reason="account_check_refused")


def is_asked(account: FactoryAccount) -> bool:
    return asked_events().filter(account=account).exists() or find_check_job(account) is not None


def note_outcomes(hub: Hub, answer: QueueAnswer) -> None:
    """Move accounts by what their checks came to; an outcome that is told again changes nothing."""
    checks = {check.server: check for check in answer.checks}
    names = {name for name in (*checks, *(each.server for each in answer.refused)) if is_check_name(name)}
    if not names:
        return
    for account in checking().filter(hub=hub, check_server_name__in=names):
        check = checks.get(account.check_server_name)
        if check and check.is_passed and check.unix_account == account.name:
            verify(account)
        else:
            fault = check.reason if check else answer.find_refusal(account.check_server_name)
            fail_check(account, reason=FAULTS.get(fault, "account_check_failed"))


def verify(account: FactoryAccount) -> None:
    """It works, and is theirs. Of several who show that one name is theirs the first has it."""
    try:
        with transaction.atomic():
            move(account, AccountStatus.VERIFIED, reason="account_verified", verified_at=timezone.now())
    except IntegrityError:
        account.refresh_from_db()
        fail_check(account, reason="account_name_taken")


def follow_checks(
    hub: Hub,
    servers: Mapping[tuple[str, str], ServerModel],
    client: HubClient,
    listed_at: datetime,
    answer: QueueAnswer | None,
) -> None:
    """Note how checks came out, and end servers of those that are over, and checks that will say nothing any more.

    `answer` is what the hub said of its queue just now, None where it was not asked or did not answer.
    """
    if answer is not None:
        note_outcomes(hub, answer)
    ours = {name: user for user, name in servers if is_check_name(name)}
    if not (hub.has_slurm or ours):
        return
    accounts = {account.check_server_name: account for account in checking().filter(hub=hub)}
    for name, account in accounts.items():
        if name not in ours and is_lost(account, client, listed_at):
            fail_check(account, reason="account_check_failed")
    for name in ours.keys() - accounts.keys():
        try:
            client.ensure_stopped(ours[name], name)
        except (LabError, ValueError) as error:
            logger.warning("check %s: %s", name, error)


def is_lost(account: FactoryAccount, client: HubClient, listed_at: datetime) -> bool:
    """Whether a check was asked for, has no server, and its job is not there or ended without a word."""
    asked = asked_events().filter(account=account).first()
    if account.user is None or asked is None or asked.created_at > listed_at - LOST_AFTER:
        return False
    job = find_check_job(account)
    if job is not None and (job.ended_at is None or job.ended_at > listed_at - LOST_AFTER):
        return False
    server = client.find_server(account.user.hub_name, account.check_server_name)
    return server is None or not (server.is_ready or server.pending)


def fail_check(account: FactoryAccount, *, reason: str) -> None:
    """Back to `invited`, with the name that was told and why."""
    move(account, AccountStatus.INVITED, reason=reason)


def find_check_job(account: FactoryAccount) -> SlurmJob | None:
    return SlurmJob.objects.filter(hub=account.hub_id, server_name=account.check_server_name).first()


def checking() -> QuerySet[FactoryAccount]:
    own = FactoryAccount.objects.filter(kind=AccountKind.OWN, status=AccountStatus.VERIFYING)
    return own.select_related("hub__factory", "user").order_by("check_requested_at")


def asked_events() -> QuerySet[FactoryAccountEvent]:
    """Of checks that their hub has taken, since the account was last to be tried out."""
    return FactoryAccountEvent.objects.filter(
        reason="account_check_asked", created_at__gte=F("account__check_requested_at")
    )


def move(account: FactoryAccount, to: AccountStatus, *, reason: str, **fields: Any) -> bool:
    """False where somebody else was first."""
    try:
        move_account(account, to, reason=reason, **fields)
    except StaleStateError:
        return False
    return True
