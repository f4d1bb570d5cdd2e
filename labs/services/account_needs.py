"""What a person has to do about their own accounts at factories."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from labs.access import account_hubs_for, own_account_allocations_for
from labs.models import FactoryAccount, Hub
from labs.services.accounts import ends_after, ends_soon, is_verified
from labs.states import AccountStatus


@dataclass(frozen=True)
class AccountNeed:
    """A hub at which a person has or needs an account. `state` is what to say of it:

    `none` (not invited yet), `invited`, `verifying`, `verified`, `ending` (soon), `short` (before the cohort does),
    `expired`. `needed_until` is the end of the last cohort that needs it, None where none does.
    """

    hub: Hub
    account: FactoryAccount | None
    needed_until: datetime | None
    state: str

    @property
    def is_urgent(self) -> bool:
        """Whether the person is told of it on other pages than the account's own."""
        return self.needed_until is not None and self.state not in ("verified", "short")


def find_needs(user: User, now: datetime, *, cohort: Cohort | None = None) -> list[AccountNeed]:
    """All accounts that a person has or needs at factories, or those that one cohort needs; in a few queries."""
    allocations = [each for each in own_account_allocations_for(user) if not each.cohort.is_over(now)]
    needed: dict[int, datetime] = {}
    for each in allocations:
        if cohort is None or each.cohort_id == cohort.pk:
            hub_id = each.partition.hub_id
            needed[hub_id] = max(needed.get(hub_id, now), each.cohort.ends_at)
    if cohort is not None and not needed:
        return []
    accounts = {account.hub_id: account for account in FactoryAccount.objects.filter(user=user)}
    return [
        make_need(hub, accounts.get(hub.pk), needed.get(hub.pk), now)
        for hub in account_hubs_for(user)
        if cohort is None or hub.pk in needed
    ]


def find_ending_accounts(enrolment: Enrolment) -> list[AccountNeed]:
    """Accounts of a learner that a cohort needs and that end soon."""
    needs = find_needs(enrolment.learner, timezone.now(), cohort=enrolment.cohort)
    return [need for need in needs if need.state == "ending"]


def find_need(user: User, hub: Hub, now: datetime) -> AccountNeed:
    """What a person has to do about their account at one hub."""
    ends = own_account_allocations_for(user).filter(partition__hub=hub, cohort__ends_at__gt=now)
    until = max(ends.values_list("cohort__ends_at", flat=True), default=None)
    return make_need(hub, FactoryAccount.objects.filter(user=user, hub=hub).first(), until, now)


def make_need(hub: Hub, account: FactoryAccount | None, until: datetime | None, now: datetime) -> AccountNeed:
    if account is None:
        state = "none"
    elif not ends_after(account, now):
        state = str(AccountStatus.EXPIRED)
    elif ends_soon(account, now):
        state = "ending"
    elif is_verified(account, now) and until and not ends_after(account, until):
        state = "short"
    else:
        state = account.status
    return AccountNeed(hub, account, until, state)
