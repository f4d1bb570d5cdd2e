"""Submissions that attack: each ends as the outcome that its folder in tests/notebooks says, for root and a user."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.labs.box.attacks import CASES, ROOT, Case, load_cases
from tests.labs.box.people import as_user

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

EVERYBODY = ["root", "user"]


@pytest.fixture(scope="module", params=EVERYBODY)
def run(request: pytest.FixtureRequest, lab_python: Path) -> dict[str, Any]:
    """All cases graded by one process, two at a time, as root or as a user."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("only root can be root")
    command = [sys.executable, "-m", "tests.labs.box.attacks", str(lab_python)]
    if request.param == "user" and os.geteuid() == 0:
        command = as_user(command, python=lab_python)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["uid"] == 0) is (request.param == "root")
    return told


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.name)
def test_an_attack_ends_as_its_folder_says(run: dict[str, Any], case: Case) -> None:
    result = run["results"][case.name]
    expected = case.expected
    assert result["outcome"] in _alternatives(expected["outcome"])
    assert result["reason"] in _alternatives(expected.get("reason", ""))
    assert result["faulty_cell"] == expected.get("faulty_cell")
    assert result["points"] == expected["points"]
    assert expected.get("says", "") in result["printed"]


def _alternatives(expected: str | list[str]) -> list[str]:
    return expected if isinstance(expected, list) else [expected]


def test_no_attack_learned_the_secret(run: dict[str, Any]) -> None:
    assert [name for name, result in run["results"].items() if run["secret"] in result["shown"]] == []


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
