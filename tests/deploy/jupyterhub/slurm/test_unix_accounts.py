"""Whose Unix accounts jobs may run as."""

import pwd
from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.job_views import Submission
from deploy.jupyterhub.slurm.unix_accounts import AccountKind, find_kind, is_in_use, list_kinds, list_offered
from tests.deploy.jupyterhub.slurm.factory_files import read_factory, read_shared

ADA, EVE = "p-0000ada1", "p-0000eee1"


def held(user: str, account: str, kind: str = "session") -> Submission:
    return Submission(
        user=user,
        server="s-00000001",
        kind=kind,
        partition="small-g",
        flavour="gcd-1",
        unix_account=account,
        gpus=1,
        weight=0.5,
    )


def test_one_account_never_serves_two_people(tmp_path: Path) -> None:
    factory = read_factory(tmp_path)
    holders = [held(EVE, "train01")]

    assert is_in_use(factory, "train01", by=ADA, holders=holders)
    assert is_in_use(factory, "robot1", by=ADA, holders=[held(EVE, "robot1")])
    assert is_in_use(factory, "lumiada", by=ADA, holders=[held(EVE, "lumiada")])
    assert not is_in_use(factory, "train01", by=EVE, holders=holders)
    assert not is_in_use(factory, "train02", by=ADA, holders=holders)


def test_who_only_tries_an_account_out_shuts_nobody_out_of_it(tmp_path: Path) -> None:
    factory = read_factory(tmp_path)

    assert not is_in_use(factory, "lumiada", by=ADA, holders=[held(EVE, "lumiada", "check")])


def test_a_robot_serves_several_where_the_site_keeps_them_apart(tmp_path: Path) -> None:
    factory = read_shared(tmp_path)

    assert not is_in_use(factory, "robot1", by=ADA, holders=[held(EVE, "robot1")])
    assert is_in_use(factory, "train01", by=ADA, holders=[held(EVE, "train01")])


def test_what_is_offered_is_what_the_file_says(tmp_path: Path) -> None:
    factory = read_shared(tmp_path)

    assert [(each.name, each.is_shared) for each in list_offered(factory)] == [
        ("train01", False),
        ("train02", False),
        ("robot1", True),
    ]
    assert list_kinds(factory) == [AccountKind.OWN, AccountKind.POOL, AccountKind.ROBOT]


def test_the_systems_own_accounts_are_nobodys_whatever_the_pattern_says(tmp_path: Path) -> None:
    factory = read_factory(
        tmp_path, ('own = "lumi[a-z0-9]{2,8}"', 'own = "(nobody|root|bin|backup|games)2?"')
    )

    assert find_kind(factory, "games2") is AccountKind.OWN
    for name in ("root", "bin", "backup", "games"):
        assert find_kind(factory, name) is None


def test_accounts_that_this_host_does_not_know_and_the_hubs_own_are_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = read_factory(tmp_path, ('own = "lumi[a-z0-9]{2,8}"', 'own = "(?!grader)[a-z]{2,12}"'))

    def getpwnam(name: str) -> pwd.struct_passwd:
        if name != "hubs":
            raise KeyError(name)
        return pwd.struct_passwd((name, "x", 4321, 4321, "", "/", ""))

    monkeypatch.setattr("pwd.getpwnam", getpwnam)
    monkeypatch.setattr("os.geteuid", lambda: 4321)

    assert find_kind(factory, "somebody") is AccountKind.OWN
    for name in ("hubs", "slurm", "jupyterhub", "postgres"):
        assert find_kind(factory, name) is None
