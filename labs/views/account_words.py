"""An own account at a factory in words: the steps until labs can start with it, and what it waits for."""

from datetime import datetime

from django.utils.translation import gettext as _

from labs.models import FactoryAccount, SlurmJob
from labs.services.account_needs import AccountNeed
from labs.services.accounts import ends_after
from labs.states import AccountStatus
from labs.views.session_words import Step, StepState

CODE = 2
"""The place of the code among the steps."""

UNTRIED = ("", "account_invited", "account_named", "account_name_told")
CODE_FAULTS = ("account_code_missing", "account_code_wrong")


def list_steps(need: AccountNeed, job: SlurmJob | None, now: datetime) -> list[Step]:
    """Whoever has told the name shows that it is theirs; a name that the factory gave is only tried out."""
    account = need.account
    machine = {"machine": need.hub.factory.machine}
    invited_at, asked_at, verified_at = find_times(account)
    steps = [
        (_("Invited"), _say_invitation(need), invited_at),
        (
            _("Your user name"),
            _("Tell Paja the user name that you have at %(machine)s, when you have it.") % machine,
            None,
        ),
        (
            _("Your code"),
            _("Type one line at %(machine)s: it shows that the account is yours.") % machine,
            asked_at,
        ),
        (_("Tried out"), say_check(account, job), verified_at),
        (_("Ready for labs"), _("Your labs start with your account."), None),
    ]
    done = count_done(account, now)
    if account is not None and account.is_vouched:
        del steps[CODE]
        done -= done > CODE
    return [
        Step(
            name,
            note if number == done else "",
            _find_state(account, number, done),
            at if number < done else None,
        )
        for number, (name, note, at) in enumerate(steps)
    ]


def find_times(account: FactoryAccount | None) -> tuple[datetime | None, ...]:
    """When somebody was invited, last asked for a check, and passed it."""
    if account is None:
        return (None, None, None)
    return account.invited_at, account.check_requested_at, account.verified_at


def count_done(account: FactoryAccount | None, now: datetime) -> int:
    """How many of the five steps are done."""
    if account is None or account.status == AccountStatus.EXPIRED or not ends_after(account, now):
        return 0
    if account.status != AccountStatus.INVITED:
        return 5 if account.status == AccountStatus.VERIFIED else 3
    if not account.name:
        return 1
    is_past_code = account.is_vouched or (has_failed(account) and not is_unproved(account))
    return 3 if is_past_code else CODE


def _find_state(account: FactoryAccount | None, number: int, done: int) -> StepState:
    if number == done:
        return "failed" if account is not None and has_failed(account) else "now"
    return "done" if number < done else "todo"


def has_failed(account: FactoryAccount) -> bool:
    """Whether the account was tried out, and that came to nothing."""
    return account.status == AccountStatus.INVITED and account.reason not in UNTRIED


def is_unproved(account: FactoryAccount) -> bool:
    """Whether all that the last check missed was the code."""
    return has_failed(account) and account.reason in CODE_FAULTS


def say_check(account: FactoryAccount | None, job: SlurmJob | None) -> str:
    """What the job that tries an account out waits for."""
    if account is None or account.status != AccountStatus.VERIFYING:
        return ""
    if job is None:
        return _("The factory is asked to run a job of one minute with it.")
    if job.started_at:
        return _("The job runs. It takes less than a minute.")
    if job.place:
        return _("The job waits, at place %(place)s of Paja’s jobs in %(partition)s.") % {
            "place": job.place,
            "partition": job.partition_name,
        }
    return _("The job waits in %(partition)s.") % {"partition": job.partition_name}


def _say_invitation(need: AccountNeed) -> str:
    factory = need.hub.factory.name
    if need.account is None:
        return _("%(factory)s invites you to the course’s project, some days before it is needed.") % {
            "factory": factory
        }
    return _("%(factory)s can invite you again.") % {"factory": factory}
