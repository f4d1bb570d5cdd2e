"""What every Scheduler promises, whatever stands behind it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from deploy.jupyterhub.slurm.jobs import EndedJob, JobRequest, QueuedJob
from deploy.jupyterhub.slurm.scheduler import Scheduler, SubmitRefusedError

Found = TypeVar("Found")

SCRIPT = "#!/usr/bin/python3 -I\nimport time\ntime.sleep(3600)\n"
LONG_AGO = timedelta(days=1)
LOOK_SECONDS = 0.2
WAIT_SECONDS = 60.0


@dataclass
class Site:
    """A batch system that nobody else uses: `job` fits into it, `whole` takes a whole node; it has `nodes` of them."""

    scheduler: Scheduler
    job: JobRequest
    whole: JobRequest
    nodes: int
    now: Callable[[], datetime]
    tells_gpus: bool = True

    async def find(self, name: str) -> QueuedJob | None:
        return next((job for job in await self.scheduler.read_queue() if job.name == name), None)

    async def wait_for(self, name: str, is_so: Callable[[QueuedJob], bool]) -> QueuedJob:
        for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
            found = await self.find(name)
            if found is not None and is_so(found):
                return found
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"{name} is not as it should be")

    async def wait_for_end(self, name: str) -> EndedJob:
        for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
            for job in await self.scheduler.read_ended(self.now() - LONG_AGO):
                if job.name == name:
                    return job
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"{name} has not ended")

    async def submit(self, name: str, job: JobRequest | None = None) -> str:
        return await self.scheduler.submit(replace(job or self.job, name=name), SCRIPT)


async def a_submitted_job_is_found_by_its_name_and_runs(site: Site) -> None:
    job_id = await site.submit("paja-s-00000001")
    job = await site.wait_for("paja-s-00000001", lambda job: job.state == "RUNNING")

    assert (job.job_id, job.user, job.partition) == (job_id, site.job.unix_account, site.job.partition)
    assert job.account == site.job.account
    assert job.is_running
    assert not job.is_waiting
    assert len(job.nodes) == 1
    assert job.gpus == (1 if site.tells_gpus else None)
    assert job.started_at is not None
    assert job.ends_at == job.started_at + timedelta(minutes=site.job.minutes)
    assert abs(job.started_at - site.now()) < timedelta(minutes=5)
    assert job.started_at.tzinfo is UTC


async def who_finds_no_room_waits_with_a_reason(site: Site) -> None:
    for number in range(site.nodes):
        await site.submit(f"paja-s-0000001{number}", site.whole)
        await site.wait_for(f"paja-s-0000001{number}", lambda job: job.state == "RUNNING")
    await site.submit("paja-s-00000020")

    job = await site.wait_for("paja-s-00000020", lambda job: job.reason == "Resources")
    assert job.is_waiting
    assert (job.started_at, job.ends_at, job.nodes) == (None, None, ())
    if site.tells_gpus:
        (state,) = [
            each for each in await site.scheduler.read_partitions() if each.name == site.job.partition
        ]
        assert (state.gpus_used, state.gpus_free, state.nodes_idle) == (state.gpus_total, 0, 0)


async def a_cancelled_job_leaves_the_queue_for_the_ended_ones(site: Site) -> None:
    job_id = await site.submit("paja-s-00000030")
    await site.wait_for("paja-s-00000030", lambda job: job.state == "RUNNING")
    await site.scheduler.cancel([(job_id, site.job.unix_account)])

    job = await site.wait_for_end("paja-s-00000030")
    assert (job.job_id, job.state, job.user) == (job_id, "CANCELLED", site.job.unix_account)
    assert job.cancelled_by
    assert job.started_at is not None
    assert job.started_at <= job.ended_at
    assert job.account == site.job.account
    found = await site.find("paja-s-00000030")
    assert found is None or found.state == "COMPLETING"


async def a_job_that_never_ran_has_no_start(site: Site) -> None:
    for number in range(site.nodes):
        await site.submit(f"paja-s-0000004{number}", site.whole)
    job_id = await site.submit("paja-s-00000050")
    await site.wait_for("paja-s-00000050", lambda job: job.is_waiting)
    await site.scheduler.cancel([(job_id, site.job.unix_account)])

    job = await site.wait_for_end("paja-s-00000050")
    assert (job.started_at, job.nodes) == (None, ())


async def cancelling_twice_is_fine(site: Site) -> None:
    job_id = await site.submit("paja-s-00000060")
    await site.scheduler.cancel([(job_id, site.job.unix_account)])
    await site.wait_for_end("paja-s-00000060")
    await site.scheduler.cancel([(job_id, site.job.unix_account)])
    await site.scheduler.cancel([])


async def only_our_own_ended_jobs_are_told_and_only_since_a_time(site: Site) -> None:
    ids = [await site.submit("paja-s-00000070"), await site.submit("other-s-00000071")]
    await site.scheduler.cancel([(job_id, site.job.unix_account) for job_id in ids])

    job = await site.wait_for_end("paja-s-00000070")
    assert all(
        each.name.startswith("paja-") for each in await site.scheduler.read_ended(site.now() - LONG_AGO)
    )
    assert job.job_id in [each.job_id for each in await site.scheduler.read_ended(job.ended_at)]
    later = await site.scheduler.read_ended(job.ended_at + timedelta(seconds=1))
    assert job.job_id not in [each.job_id for each in later]


async def a_job_for_no_partition_is_refused_and_is_not_there(site: Site) -> None:
    with pytest.raises(SubmitRefusedError) as refused:
        await site.submit("paja-s-00000080", replace(site.job, partition="nowhere"))

    assert refused.value.reason == "partition_closed"
    assert await site.find("paja-s-00000080") is None


async def offered_partitions_are_told_in_their_order(site: Site) -> None:
    states = await site.scheduler.read_partitions()

    assert states[0].name == site.job.partition
    assert states[0].is_up
    assert states[0].nodes_total == site.nodes
    assert states[0].nodes_down == 0
    if site.tells_gpus:
        assert states[0].gpus_total == 8 * site.nodes
        assert states[0].gpus_free == states[0].gpus_total


async def a_read_of_everything_is_four_questions_however_many_jobs_there_are(site: Site) -> None:
    for number in range(5):
        await site.submit(f"paja-s-0000009{number}")
    before = site.scheduler.questions.copy()
    await site.scheduler.read_queue()
    await site.scheduler.read_partitions()
    await site.scheduler.read_reservations()
    await site.scheduler.read_ended(site.now() - LONG_AGO)

    asked = site.scheduler.questions - before
    assert asked.total() <= 4
    assert set(asked) <= {"queue", "partitions", "reservations", "ended"}


PROMISES = (
    a_submitted_job_is_found_by_its_name_and_runs,
    who_finds_no_room_waits_with_a_reason,
    a_cancelled_job_leaves_the_queue_for_the_ended_ones,
    a_job_that_never_ran_has_no_start,
    cancelling_twice_is_fine,
    only_our_own_ended_jobs_are_told_and_only_since_a_time,
    a_job_for_no_partition_is_refused_and_is_not_there,
    offered_partitions_are_told_in_their_order,
    a_read_of_everything_is_four_questions_however_many_jobs_there_are,
)
