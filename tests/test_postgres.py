"""The suite on a real PostgreSQL, and what only row locks and many connections can show."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.servers.postgres import running_postgres

pytestmark = [pytest.mark.live, pytest.mark.timeout(500)]

WITHOUT_DATABASE = ("courses/package", "labs/box", "labs/jupyterhub", "labs/nbgrader")  # they know no models


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


def run_pytest(database_url: str, *arguments: str) -> str:
    """Run a part of the suite in a process of its own on that database; its report, which must be clean."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        env={**os.environ, "PAJA_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def test_what_uses_the_database_passes_on_postgresql(database_url: str) -> None:
    arguments = ["-m", "not live and not postgres", "-n", "2"]
    arguments += [f"--ignore=tests/{folder}" for folder in WITHOUT_DATABASE]
    report = run_pytest(database_url, *arguments, "tests/courses", "tests/labs", "tests/test_strangers.py")
    assert " passed" in report


def test_races_have_one_winner_on_postgresql(database_url: str) -> None:
    report = run_pytest(database_url, "-m", "postgres", "tests/courses", "tests/labs")
    assert " passed" in report
    assert " skipped" not in report
