"""batchspawner's SlurmSpawner without what is dangerous in it.

Nothing is left that would run text through a shell, let a job write to its spawner, or look a hub's user name up among
the machine's. Its callback is not mounted.
"""

from collections.abc import AsyncIterator

import batchspawner.api
from batchspawner import JobStatus, SlurmSpawner
from jupyterhub.apihandlers import default_handlers

from deploy.jupyterhub.slurm.job_views import JobStage
from deploy.jupyterhub.slurm.watching import get_watch

# Importing batchspawner puts it there. It sets whatever attribute of its spawner a job's token posts.
default_handlers[:] = [
    route for route in default_handlers if route[1] is not batchspawner.api.BatchSpawnerAPIHandler
]


class SafeSlurmSpawner(SlurmSpawner):
    """What is above it submits, follows and cancels by a Scheduler and a QueueWatch alone."""

    job_name: str

    async def progress(self) -> AsyncIterator[dict[str, str]]:
        yield {"message": "The server waits in the queue, or starts."}

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Nothing of the password file: the hub's users have no account there."""
        return env

    async def query_job_status(self) -> JobStatus:
        view = get_watch().find(self.job_name)
        if view is None:
            return JobStatus.UNKNOWN
        stages = {JobStage.PENDING: JobStatus.PENDING, JobStage.RUNNING: JobStatus.RUNNING}
        return stages.get(view.stage, JobStatus.NOTFOUND)

    async def run_command(self, *_command: object, **_named: object) -> str:
        raise RuntimeError("no command goes through a shell here")

    submit_batch_script = cancel_batch_job = _get_batch_script = run_command
