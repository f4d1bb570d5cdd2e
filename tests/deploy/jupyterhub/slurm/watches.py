"""A watch over a scheduler of the tests, in whose time it lives."""

import asyncio
from pathlib import Path
from typing import Any, cast

from deploy.jupyterhub.slurm.factory_file import FactoryFile, Robot, UnixAccounts
from deploy.jupyterhub.slurm.partitions import Flavour, Partition
from deploy.jupyterhub.slurm.watching import QueueWatch, Submission
from tests.fakes.scheduler import FakeJob, FakeScheduler, a_job

NAME = "paja-s-1f00ba12"
ONE_GPU = Flavour(
    slug="one-gpu", gres="gpu:1", gpus=1, gpu_name="MI250X", gpu_memory_gb=64, is_slice=False,
    cores=7, memory_gb=60, minutes_max=480, weight=0.5,
)  # fmt: skip


def make_factory(**changes: Any) -> FactoryFile:
    """Two partitions as the fake's, a pool of two accounts and nobody else's."""
    fields: dict[str, Any] = {
        "access": "local", "pace_seconds": 15.0, "job_prefix": "paja", "conf": "", "accounts": ("project_465000001",),
        "qos": (), "reservations": (), "firecrest": None, "nodes": None, "grading": None,
        "unix": UnixAccounts(own="", pool=("train01", "train02"), robot=Robot("robot1", ()), become=()),
        "partitions": tuple(Partition(name, False, 480, (ONE_GPU,)) for name in ("small-g", "dev-g")),
    }  # fmt: skip
    return FactoryFile(**{**fields, **changes})


def make_watch(scheduler: FakeScheduler, folder: Path, **changes: Any) -> QueueWatch:
    return QueueWatch(scheduler, make_factory(**changes), folder, now=lambda: scheduler.now)


def make_submission(server: str = "s-1f00ba12", **changes: Any) -> Submission:
    fields: dict[str, Any] = {
        "user": "p-0000ada1", "server": server, "kind": "session", "partition": "small-g",
        "flavour": "one-gpu", "unix_account": "train01", "gpus": 1, "weight": 0.5,
    }  # fmt: skip
    return Submission(**{**fields, **changes})


def submit(watch: QueueWatch, name: str = NAME, **changes: Any) -> FakeJob:
    """A job that this hub submits, and Slurm's side of it."""
    scheduler = cast("FakeScheduler", watch.scheduler)
    submission = make_submission(name.partition("-")[2], **changes)
    job = scheduler.add(a_job(name, partition=submission.partition, unix_account=submission.unix_account))
    watch.note_submitting(name, submission)
    watch.note_submitted(name, job.job_id, submission)
    return job


def ask(watch: QueueWatch, times: int = 1) -> None:
    async def rounds() -> None:
        for _ in range(times):
            await watch.ask()

    asyncio.run(rounds())


def stage_of(watch: QueueWatch, name: str = NAME) -> str:
    job = watch.find(name)
    return job.stage if job else "unknown"


def state_of(watch: QueueWatch, name: str = NAME) -> str:
    job = watch.find(name)
    return job.state if job else "unknown"
