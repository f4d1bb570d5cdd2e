"""The part of a hub's configuration that only a hub on Slurm has; `jupyterhub_config.py` asks for it."""

from pathlib import Path
from typing import Any, Final

from deploy.jupyterhub.slurm.access import open_scheduler
from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.partitions import LONGEST_MINUTES
from deploy.jupyterhub.slurm.watching import QueueWatch, open_watch

ANSWER_SECONDS: Final = 180  # from the moment that a job runs and has told its port


def configure(config: Any, path: Path, data: Path, *, grader: str) -> FactoryFile:
    """Make `config` that of a hub whose servers are jobs of the factory that `path` tells of.

    The scheduler and its watch are made here, once; what a server may ask for is read from the same file.
    """
    factory = FactoryFile.read(path)
    open_watch(lambda: QueueWatch(open_scheduler(factory), factory, data))
    config.JupyterHub.spawner_class = "deploy.jupyterhub.slurm.spawner.PajaSlurmSpawner"
    config.PajaSlurmSpawner.grader = grader
    config.PajaSlurmSpawner.apply_user_options = leave_options
    # A start waits in the queue, for days where a partition is full; only Paja or its learner give it up.
    config.Spawner.start_timeout = LONGEST_MINUTES * 60
    config.Spawner.http_timeout = ANSWER_SECONDS
    # Looking at the last answer costs nothing; nobody but the watch asks Slurm.
    config.Spawner.poll_interval = 5
    # A restarted hub answers at once, while it still looks whether its running servers are there.
    config.JupyterHub.init_spawners_timeout = 1
    return factory


def leave_options(_spawner: Any, _options: object) -> None:
    """`start` reads and checks what was asked for; JupyterHub itself applies nothing of it to a spawner."""
