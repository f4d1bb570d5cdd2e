"""Starts of a learner's server that go another way than asked, without a hub."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from deploy.jupyterhub.sandbox import Sandbox
from deploy.jupyterhub.spawner import BubblewrapSpawner
from tests.servers import wait_for


class OpenSandbox(Sandbox):
    """No sandbox: a process that tells its number as bubblewrap tells that of its first one."""

    def argv(self, command: list[str], *, passwd_fd: int, group_fd: int, info_fd: int) -> list[str]:
        told = f"import os; os.write({info_fd}, b'{{\"child-pid\": %d}}' % os.getpid()); os.close({info_fd})"
        return [sys.executable, "-c", f"{told}; import time; time.sleep(600)", *command]


@pytest.fixture
def spawner(monkeypatch: pytest.MonkeyPatch) -> Iterator[BubblewrapSpawner]:
    """As JupyterHub makes it, without a hub; what it started ends with the test."""
    made = cast("BubblewrapSpawner", cast("Any", BubblewrapSpawner).__new__(BubblewrapSpawner))
    monkeypatch.setattr(made, "get_env", lambda: {"PATH": os.environ["PATH"]})
    yield made
    if made._process is not None:
        made._process.kill()
        made._process.wait()


def launch(spawner: BubblewrapSpawner, home: Path) -> psutil.Process:
    box = OpenSandbox(Path("bwrap"), Path("python3"), home, home, os.getuid(), os.getgid())
    return psutil.Process(spawner._launch(box, []).pid)


def test_a_server_that_was_launched_is_left_to_run(spawner: BubblewrapSpawner, tmp_path: Path) -> None:
    spawner.port = 9

    assert launch(spawner, tmp_path).status() != psutil.STATUS_ZOMBIE


def test_a_server_that_comes_after_its_start_was_given_up_is_ended(
    spawner: BubblewrapSpawner, tmp_path: Path
) -> None:
    spawner.clear_state()

    process = launch(spawner, tmp_path)

    wait_for(lambda: process.status() == psutil.STATUS_ZOMBIE, seconds=10, what="ended")
