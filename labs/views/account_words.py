"""An own account at a factory in words: the steps until labs can start with it, and what it waits for."""

from datetime import datetime

from django.utils.translation import gettext as _

from labs.models import FactoryAccount, SlurmJob
from labs.services.account_needs import AccountNeed
from labs.services.accounts import ends_after
from labs.states import AccountStatus
from labs.views.session_words import Step, StepState

REACHED = {AccountStatus.INVITED: 1, AccountStatus.VERIFYING: 2, AccountStatus.VERIFIED: 4}
"""How many of the four steps are done."""


def list_steps(need: AccountNeed, job: SlurmJob | None, now: datetime) -> list[Step]:
    account = need.account
    factory = need.hub.factory
    names = (
        (_("Invited"), _say_invitation(need)),
        (
            _("Your user name"),
            _("Tell Paja the user name that you have at %(machine)s, when you have it.")
            % {"machine": factory.machine},
        ),
        (_("Tried out"), say_check(account, job)),
        (_("Ready for labs"), _("Your labs start with your account.")),
    )
    times = list_times(account)
    done = count_done(account, now)
    return [
        Step(
            name,
            note if number == done else "",
            _find_state(account, number, done),
            at if number < done else None,
        )
        for number, ((name, note), at) in enumerate(zip(names, times, strict=True))
    ]


def list_times(account: FactoryAccount | None) -> tuple[datetime | None, ...]:
    """When each step was done."""
    if account is None:
        return (None, None, None, None)
    return account.invited_at, account.check_requested_at, account.verified_at, None


def count_done(account: FactoryAccount | None, now: datetime) -> int:
    if account is None or account.status == AccountStatus.EXPIRED or not ends_after(account, now):
        return 0
    return REACHED[AccountStatus(account.status)]


def _find_state(account: FactoryAccount | None, number: int, done: int) -> StepState:
    if number < done:
        return "done"
    if number == 2 and account is not None and has_failed(account):
        return "failed"
    return "now" if number == done else "todo"


def has_failed(account: FactoryAccount) -> bool:
    """Whether the account was tried out, and that came to nothing."""
    return (
        account.status == AccountStatus.INVITED
        and account.reason not in ("account_invited", "account_named")
        and bool(account.reason)
    )


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
