"""Whose Unix accounts jobs may run as, and that one account never serves two people at once.

Paja decides and lends; this is the hub's own look at it, so that no slip there puts one learner into another's files.
"""

import os
import pwd
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from deploy.jupyterhub.slurm.factory_file import UNIX_NAME, FactoryFile

SYSTEM_NAMES: Final = re.compile(
    "root|daemon|bin|sys|sync|games|man|lp|mail|news|uucp|proxy|backup|list|irc|nobody|adm|admin|operator|halt|shutdown|"
    "ftp|sshd|munge|slurm|slurmdbd|slurmrestd|mysql|mariadb|postgres|redis|www-data|apache|nginx|jupyterhub|paja|"
    "systemd-[a-z]+|messagebus|dbus|polkitd|chrony|ntp|rpc|rpcuser|nfsnobody|tss|sssd|ldap|nslcd"
)
"""Nobody's own, also on a host that does not know them. labs/services/accounts.py has the same."""

PEOPLE_FROM: Final = 1000  # the first account of a person, by the rule of every Linux in use


class AccountKind(StrEnum):
    OWN = "own"
    POOL = "pool"
    ROBOT = "robot"
    GRADER = "grader"


class Holder(Protocol):
    """Whoever has a job that has not ended: `user` is the hub's name of a person."""

    @property
    def user(self) -> str: ...

    @property
    def unix_account(self) -> str: ...

    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class OfferedAccount:
    """An account that Paja may lend; with `is_shared`, to several people at once."""

    name: str
    kind: AccountKind
    is_shared: bool


def list_offered(factory: FactoryFile) -> list[OfferedAccount]:
    """What can be lent: accounts of people's own are known by their pattern alone."""
    robot = factory.unix.robot
    pool = [OfferedAccount(name, AccountKind.POOL, False) for name in factory.unix.pool]
    return pool + ([OfferedAccount(robot.name, AccountKind.ROBOT, robot.is_shared)] if robot else [])


def list_kinds(factory: FactoryFile) -> list[AccountKind]:
    own = [AccountKind.OWN] if factory.unix.own else []
    return own + list(dict.fromkeys(account.kind for account in list_offered(factory)))


def find_kind(factory: FactoryFile, name: str) -> AccountKind | None:
    """What kind of account a learner's job would run as; None for one that this factory does not offer."""
    offered = next((account for account in list_offered(factory) if account.name == name), None)
    if offered:
        return offered.kind
    is_grader = factory.grading is not None and factory.grading.unix_account == name
    is_own = (
        bool(factory.unix.own)
        and re.fullmatch(UNIX_NAME, name) is not None
        and re.fullmatch(factory.unix.own, name) is not None
        and not is_grader
        and not is_of_system(name)
    )
    return AccountKind.OWN if is_own else None


def is_of_system(name: str) -> bool:
    """Whether this host knows it as an account of its own: a pattern for people's names fits some of those too."""
    if SYSTEM_NAMES.fullmatch(name):
        return True
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:  # a host that does not know the site's people
        return False
    return uid < PEOPLE_FROM or uid == os.geteuid()  # the hub's own


def is_shared(factory: FactoryFile, name: str) -> bool:
    """Whether the site keeps several people apart within the account."""
    return any(account.is_shared for account in list_offered(factory) if account.name == name)


def is_in_use(factory: FactoryFile, name: str, *, by: str, holders: Iterable[Holder]) -> bool:
    """Whether somebody other than `by` has a job in the account, and the site does not keep them apart.

    A check is no such job: whoever asks for one may be a stranger to the account, and shuts nobody out of it.
    """
    if is_shared(factory, name):
        return False
    return any(
        holder.unix_account == name and holder.user != by and holder.kind != "check" for holder in holders
    )
