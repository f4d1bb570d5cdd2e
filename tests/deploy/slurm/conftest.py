"""One real Slurm for the live tests of this folder; each of them leaves it idle."""

from collections.abc import Iterator

import pytest

from tests.servers.slurm import RealCluster, slurm

__all__ = ["idle_slurm", "slurm"]


@pytest.fixture
def idle_slurm(slurm: RealCluster) -> Iterator[RealCluster]:
    yield slurm
    slurm.clear()
