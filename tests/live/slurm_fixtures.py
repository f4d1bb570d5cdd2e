"""A running Paja on a real Slurm, and a class in it; `tests/conftest.py` names this module as a plugin.

Mark its tests `xdist_group("slurm")`, as those that use a Slurm without a Paja: both are one process's.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from labs.models import LabUnit
from tests.live.fixtures import PACE, import_small_course, run_stack
from tests.live.people import make_cohort
from tests.live.slurm_class import SlurmClass
from tests.live.stack import Stack
from tests.servers.slurm import slurm_of, slurm_settings

QUICKLY = {**PACE, "PAJA_SLURM_SILENT_SECONDS": "10"}


@pytest.fixture(scope="session")
def slurm_stack(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Stack]:
    """A running Paja on a Slurm of its own, two clusters of two nodes, for the tests of this process."""
    data = tmp_path_factory.mktemp("slurm-stack") / "data"
    with run_stack(data, django_db_blocker, {**QUICKLY, **slurm_settings(people=20)}) as running:
        yield running


@pytest.fixture(scope="session")
def slurm_release_id(slurm_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> int:
    return import_small_course(slurm_stack, tmp_path_factory.mktemp("slurm-small"))


@pytest.fixture
def slurm_class(slurm_stack: Stack, slurm_release_id: int) -> Iterator[SlurmClass]:
    """A new cohort at kajaani, which may start nowhere yet, with the models of this Paja. At the end no job is left."""
    slurm = slurm_of(slurm_stack.place.data)
    with slurm_stack.database():
        cohort = make_cohort(slurm_release_id)
        lab = LabUnit.objects.select_related("unit", "release__lab").get(unit__release=slurm_release_id)
        yield SlurmClass(slurm_stack, slurm, cohort, lab)
        slurm.clear()
