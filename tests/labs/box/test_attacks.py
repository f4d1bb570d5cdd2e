"""Submissions that attack: each ends as the outcome that its folder in tests/notebooks says, for root and a user."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.labs.box.attacks import CASES, HIDDEN_WORD, ROOT, load_cases
from tests.labs.box.people import as_user

pytestmark = [pytest.mark.live, pytest.mark.timeout(900), pytest.mark.xdist_group("attacks")]

IS_ROOT = os.geteuid() == 0
IDENTITIES = ["root", "user"] if IS_ROOT else ["user"]
# Kernels are forked; those that are started for their box come after what differs then: who is in the box, what is
# open, and how it ends.
STARTED = [f"{identity} started" for identity in IDENTITIES]
FOR_STARTED = [
    "daemons",
    "doors-of-the-kernel",
    "first-process",
    "honest",
    "host-files",
    "kernel-exchanged",
    "kernel-killed",
    "memory-in-children",
    "nested-namespaces",
    "secrets-and-processes",
    "signals-to-all",
    "survivor",
]
CASES_BY_NAME = {case.name: case for case in load_cases()}
FOR_BOTH = [case.name for case in CASES_BY_NAME.values() if case.is_for_both]
GRADED = [
    *((IDENTITIES[0], name) for name in CASES_BY_NAME),
    *((identity, name) for identity in IDENTITIES[1:] for name in FOR_BOTH),
    *((identity, name) for identity in STARTED for name in FOR_STARTED),
]


@cache
def grade(identity: str, python: Path) -> subprocess.CompletedProcess[str]:
    """Cases graded by one process, three at a time: all by whoever runs the tests, those for both as a user too."""
    names = [name for whose, name in GRADED if whose == identity]
    way = "started" if identity in STARTED else "forked"
    command = [sys.executable, "-m", "tests.labs.box.attacks", str(python), way, *names]
    if IS_ROOT and identity.startswith("user"):
        command = as_user(command, python=python)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=880, check=False)


@pytest.fixture(params=[*IDENTITIES, *STARTED])
def run(request: pytest.FixtureRequest, lab_python: Path) -> dict[str, Any]:
    done = grade(request.param, lab_python)
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["uid"] == 0) is request.param.startswith("root")
    return told


@pytest.mark.parametrize(("run", "name"), GRADED, indirect=["run"])
def test_an_attack_ends_as_its_folder_says(run: dict[str, Any], name: str) -> None:
    result, expected = run["results"][name], CASES_BY_NAME[name].expected
    assert result["outcome"] in _alternatives(expected["outcome"])
    assert result["reason"] in _alternatives(expected.get("reason", ""))
    assert result["faulty_cell"] == expected.get("faulty_cell")
    waiting = expected.get("waiting", [])
    points = dict.fromkeys(result["points"], 0) | dict.fromkeys(waiting) | expected["points"]
    assert result["points"] == points
    assert result["waiting"] == [*expected.get("tampered", []), *waiting]
    assert result["tampered"] == expected.get("tampered", [])
    assert expected.get("says", "") in result["printed"]
    assert [word for word in expected.get("forbidden", []) if word in result["shown"]] == []


def _alternatives(expected: str | list[str]) -> list[str]:
    return expected if isinstance(expected, list) else [expected]


def test_no_attack_learned_the_secret(run: dict[str, Any]) -> None:
    assert [name for name, result in run["results"].items() if run["secret"] in result["shown"]] == []


def test_nothing_of_the_hidden_tests_is_shown(run: dict[str, Any]) -> None:
    assert [name for name, result in run["results"].items() if HIDDEN_WORD in result["shown"]] == []


def test_no_attack_reached_a_server_of_the_host(run: dict[str, Any]) -> None:
    assert run["visitors"] == []


def test_no_attack_wrote_on_the_host(run: dict[str, Any]) -> None:
    assert run["written"] == []


def test_nothing_survives_a_box(run: dict[str, Any]) -> None:
    assert run["sleepers"] == []


def test_every_folder_has_an_attack_and_an_expectation() -> None:
    folders = [folder for folder in CASES.iterdir() if folder.is_dir()]
    assert all(
        (folder / "attack.ipy").is_file() and (folder / "expected.toml").is_file() for folder in folders
    )
