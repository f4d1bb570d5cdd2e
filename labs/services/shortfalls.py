"""Who keeps a cohort from being planned: learners whose own accounts at a factory are not there or do not last."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from courses.models import Cohort, Enrolment
from labs.models import AccountKind, Allocation, FactoryAccount, Hub, Partition
from labs.services.account_needs import make_need
from labs.services.accounts import LONGEST, Standing, ends_after, list_standings, list_standings_at


@dataclass(frozen=True)
class Shortfall:
    """Learners of a cohort without an account that is verified and lasts until `until`, and how many there are in all.

    `ending` are those of them whose account is verified now, and ends before.
    """

    hub: Hub
    until: datetime
    lacking: tuple[Standing, ...]
    ending: tuple[Standing, ...]
    learner_count: int

    @property
    def count(self) -> int:
        return len(self.lacking) + len(self.ending)


def find_shortfalls(cohort: Cohort, allocations: Iterable[Allocation], now: datetime) -> list[Shortfall]:
    """What stands in the way of allocations that need own accounts: one for each hub where something does."""
    until: dict[Hub, datetime] = {}
    for each in allocations:
        if each.account_kind == AccountKind.OWN:
            end = find_end(cohort, each.partition, each.reservation)
            until[each.partition.hub] = max(until.get(each.partition.hub, end), end)
    if not until or cohort.is_over(now):
        return []
    standings = list_standings_at(cohort, until.keys())
    found = [make_shortfall(hub, end, standings[hub.pk], now) for hub, end in until.items()]
    return [shortfall for shortfall in found if shortfall.count]


def make_shortfall(hub: Hub, until: datetime, standings: list[Standing], now: datetime) -> Shortfall:
    short = [each for each in standings if not each.lasts_until(until, now)]
    return Shortfall(
        hub=hub,
        until=until,
        lacking=tuple(each for each in short if not each.is_verified(now)),
        ending=tuple(each for each in short if each.is_verified(now)),
        learner_count=len(standings),
    )


def find_end(cohort: Cohort, partition: Partition, reservation: str) -> datetime:
    """Until when accounts are needed: the reservation's end, where there is one, else the cohort's."""
    for each in partition.reservations:
        if reservation and each.get("name") == reservation:
            return min(datetime.fromisoformat(each["ends_at"]), cohort.ends_at)
    return cohort.ends_at


PROLONGED_AFTER: Final = timedelta(days=30)
"""An account is prolonged for less time than this only when it ends soon."""


@dataclass(frozen=True)
class AccountRow:
    """A learner of a cohort, their account at a hub, and how far it is, as `AccountNeed` has it."""

    enrolment: Enrolment
    account: FactoryAccount | None
    state: str
    can_be_longer: bool

    @property
    def is_lacking(self) -> bool:
        """Whether somebody has to invite or prolong: there is no account, or it does not last as long as it could."""
        return self.state in ("none", "expired", "ending") or (self.state == "short" and self.can_be_longer)

    @property
    def is_verified(self) -> bool:
        """Whether labs can start with it now."""
        return self.state in ("verified", "short", "ending")


def list_rows(cohort: Cohort, hub: Hub, now: datetime) -> list[AccountRow]:
    """Everybody who learns in a cohort now, by name."""
    until = find_needed_until(cohort, hub)
    return [
        AccountRow(
            enrolment=each.enrolment,
            account=each.account,
            state=make_need(hub, each.account, until, now).state,
            can_be_longer=each.account is None
            or not ends_after(each.account, now + LONGEST - PROLONGED_AFTER),
        )
        for each in list_standings(cohort, hub)
    ]


def find_needed_until(cohort: Cohort, hub: Hub) -> datetime:
    """Until when the cohort's learners need accounts at a hub: as its allocations say, else to the cohort's end."""
    own = cohort.allocations.filter(account_kind=AccountKind.OWN, partition__hub=hub)
    ends = [find_end(cohort, each.partition, each.reservation) for each in own.select_related("partition")]
    return max(ends, default=cohort.ends_at)
