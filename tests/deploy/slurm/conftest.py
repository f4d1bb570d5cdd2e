"""Live tests of this folder leave the real Slurm idle."""

from collections.abc import Iterator

import pytest

from tests.servers.slurm import RealCluster


@pytest.fixture
def idle_slurm(slurm: RealCluster) -> Iterator[RealCluster]:
    yield slurm
    slurm.clear()
