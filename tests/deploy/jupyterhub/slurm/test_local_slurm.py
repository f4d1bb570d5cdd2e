"""LocalSlurm and a real Slurm, where a batch system in memory would show nothing."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deploy.jupyterhub.slurm.access import open_scheduler
from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.jobs import JobRequest
from deploy.jupyterhub.slurm.scheduler import Scheduler, SchedulerUnavailableError
from tests.deploy.jupyterhub.slurm.scheduler_contract import SCRIPT
from tests.fakes.scheduler import a_job
from tests.servers.slurm import RealCluster

pytestmark = [pytest.mark.live, pytest.mark.timeout(300), pytest.mark.xdist_group("slurm")]

HUB_API_URL = "http://127.0.0.1:9/hub/api"


@pytest.fixture
def athens(slurm: RealCluster) -> Iterator[RealCluster]:
    yield slurm
    slurm.clear()


def read_file(cluster: RealCluster) -> FactoryFile:
    return FactoryFile.read(cluster.write_factory_file("athens", HUB_API_URL))


def a_slice(cluster: RealCluster, file: FactoryFile) -> JobRequest:
    flavour = next(flavour for flavour in file.partitions[0].flavours if flavour.is_slice)
    return replace(
        a_job(),
        partition=file.partitions[0].name,
        gres=flavour.gres,
        cores=flavour.cores,
        memory_gb=flavour.memory_gb,
        account=file.accounts[0],
        unix_account=cluster.learners("athens")[0],
    )


def test_a_slice_counts_as_one_gpu(athens: RealCluster) -> None:
    file = read_file(athens)

    async def submit(scheduler: Scheduler) -> None:
        (before, *_) = await scheduler.read_partitions()
        job_id = await scheduler.submit(a_slice(athens, file), SCRIPT)
        await asyncio.to_thread(athens.wait_for_state, "athens", job_id, "RUNNING")
        (after, *_) = await scheduler.read_partitions()
        (job,) = await scheduler.read_queue()

        assert job.gpus == 1
        assert (before.gpus_used, after.gpus_used) == (0, 1)
        assert after.gpus_free == (before.gpus_free or 0) - 1
        assert after.gpus_total == before.gpus_total == before.gpus_free

    asyncio.run(submit(open_scheduler(file)))


def test_a_controller_that_is_away_says_nothing_and_refuses_nothing(athens: RealCluster) -> None:
    file = read_file(athens)
    scheduler = open_scheduler(file)
    job = a_slice(athens, file)

    async def ask() -> list[type]:
        answers = await asyncio.gather(
            scheduler.read_queue(),
            scheduler.read_partitions(),
            scheduler.read_reservations(),
            scheduler.submit(job, SCRIPT),
            scheduler.cancel([("1", job.unix_account)]),
            return_exceptions=True,
        )
        return [type(answer) for answer in answers]

    athens.stop_controller("athens")
    try:
        answers = asyncio.run(ask())
    finally:
        athens.start_controller("athens")
    assert answers == [SchedulerUnavailableError] * 5


def test_a_drained_node_and_its_gpus_are_nobodys(athens: RealCluster) -> None:
    scheduler = open_scheduler(read_file(athens))
    (before, *_) = asyncio.run(scheduler.read_partitions())
    node = "athens-g1"
    athens.ask("athens", "scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    try:
        (after, *_) = asyncio.run(scheduler.read_partitions())
    finally:
        athens.ask("athens", "scontrol", "update", f"NodeName={node}", "State=RESUME")

    assert after.nodes_down == before.nodes_down + 1
    assert after.gpus_total == before.gpus_total
    assert after.gpus_free == (before.gpus_free or 0) - 8


def test_a_reservation_of_now_is_told_in_utc(athens: RealCluster) -> None:
    scheduler = open_scheduler(read_file(athens))
    athens.reserve("athens", "course-day", ["athens-g1"], "training", minutes=90)
    try:
        (found,) = asyncio.run(scheduler.read_reservations())
    finally:
        athens.ask("athens", "scontrol", "delete", "ReservationName=course-day")

    assert (found.name, found.nodes, found.accounts) == ("course-day", ("athens-g1",), ("training",))
    assert found.ends_at - found.starts_at == timedelta(minutes=90)
    assert abs(found.starts_at - datetime.now(UTC)) < timedelta(minutes=5)
