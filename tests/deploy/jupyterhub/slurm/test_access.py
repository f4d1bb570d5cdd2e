"""The factory's file decides how Slurm is reached."""

from collections import Counter
from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.access import open_scheduler
from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.local import LocalSlurm

FACTORIES = Path(__file__).resolve().parents[4] / "deploy" / "slurm" / "factories"


@pytest.mark.parametrize("factory", ["kajaani", "athens"])
def test_the_sites_files_ask_slurm_itself(factory: str) -> None:
    file = FactoryFile.read(FACTORIES / f"{factory}.toml")
    scheduler = open_scheduler(file)

    assert isinstance(scheduler, LocalSlurm)
    assert scheduler.questions == Counter()
    assert (
        scheduler._prefix == f"{file.job_prefix}-"
    )  # no other hub's, whose prefix begins with the same letters
