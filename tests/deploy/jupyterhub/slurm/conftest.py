"""A hub's watch over a scheduler of the tests, for spawners without a hub."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.spawner import PajaSlurmSpawner
from deploy.jupyterhub.slurm.watching import QueueWatch
from tests.deploy.jupyterhub.slurm.factory_files import read_factory
from tests.deploy.jupyterhub.slurm.spawners import Watching
from tests.fakes.scheduler import FakeScheduler


@pytest.fixture
def watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    """The hub's watch over a scheduler."""
    count = 0

    def make(scheduler: FakeScheduler) -> QueueWatch:
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        watch = QueueWatch(scheduler, read_factory(folder), folder, now=lambda: scheduler.now)
        for module in ("spawner", "safe_spawner"):
            monkeypatch.setattr(f"deploy.jupyterhub.slurm.{module}.get_watch", lambda: watch)
        return watch

    yield make
    PajaSlurmSpawner._ports.clear()
    assert not PajaSlurmSpawner._submitting
