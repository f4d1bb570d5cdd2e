"""Starts of a learner's server that go another way than asked, without a hub."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from deploy.jupyterhub.sandbox import Sandbox
from deploy.jupyterhub.spawner import BubblewrapSpawner


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


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return OpenSandbox(Path("bwrap"), Path("python3"), tmp_path, tmp_path, os.getuid(), os.getgid())


def test_a_server_that_was_launched_is_left_to_run(spawner: BubblewrapSpawner, box: Sandbox) -> None:
    mark = asyncio.run(spawner._launch_or_end(box, []))

    assert mark.is_alive()


def test_a_server_whose_start_was_taken_back_meanwhile_is_ended(
    spawner: BubblewrapSpawner, box: Sandbox
) -> None:
    async def take_back() -> int:
        starting = asyncio.create_task(spawner._launch_or_end(box, []))
        while spawner._process is None:
            await asyncio.sleep(0.001)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        while (status := spawner._process.poll()) is None:
            await asyncio.sleep(0.01)
        return status

    assert asyncio.run(asyncio.wait_for(take_back(), timeout=30)) == -signal.SIGKILL
