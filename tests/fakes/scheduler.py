"""A batch system in memory, and ones named by how they fail. Time stands still until a test moves it."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from deploy.jupyterhub.slurm.jobs import EndedJob, JobRequest, PartitionState, QueuedJob, Reservation
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NODE_GPUS = 8


@dataclass
class FakeJob:
    """One job; `request.name` may be anybody's."""

    job_id: str
    request: JobRequest
    script: str
    submitted_at: datetime
    state: str = "PENDING"
    reason: str = "Priority"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    node: str = ""
    cancelled_by: str = ""
    expected_start_at: datetime | None = None

    @property
    def gpus(self) -> int:
        kind, _, count = self.request.gres.rpartition(":")
        return int(count) if kind else 0

    @property
    def ends_at(self) -> datetime | None:
        return self.started_at and self.started_at + timedelta(minutes=self.request.minutes)


class FakeScheduler:
    """Starts the oldest job that fits whenever it is asked or time moves; GPUs by partition, 8 to a node.

    `jobs` holds every job by its id. `advance` moves the clock, `end` ends a job as a site would, `hold` keeps it
    waiting for a reason, `refusal` refuses the next submissions.
    """

    def __init__(
        self, partitions: Mapping[str, int] | None = None, *, prefix: str = "paja-", now: datetime = NOON
    ) -> None:
        self.gpus = dict(partitions if partitions is not None else {"small-g": 8, "dev-g": 2})
        self.prefix = prefix
        self.now = now
        self.questions: Counter[str] = Counter()
        self.jobs: dict[str, FakeJob] = {}
        self.reservations: list[Reservation] = []
        self.closed: set[str] = set()
        self.held: dict[str, str] = {}
        self.refusal = ""
        self._last_id = 100

    async def submit(self, job: JobRequest, script: str) -> str:
        self.questions["submit"] += 1
        if self.refusal:
            raise SubmitRefusedError("refused by the test", reason=self.refusal)
        if job.partition not in self.gpus:
            raise SubmitRefusedError("invalid partition specified", reason="partition_closed")
        return self.add(job, script).job_id

    async def cancel(self, jobs: Sequence[tuple[str, str]]) -> None:
        self.questions["cancel"] += 1
        for job_id, unix_account in jobs:
            found = self.jobs.get(job_id)
            if found is not None and found.ended_at is None:
                self.end(job_id, "CANCELLED", cancelled_by=unix_account)

    async def read_queue(self) -> list[QueuedJob]:
        self.questions["queue"] += 1
        return [queued(job) for job in self.jobs.values() if job.ended_at is None]

    async def read_partitions(self) -> list[PartitionState]:
        self.questions["partitions"] += 1
        return [self._partition(name) for name in self.gpus]

    async def read_reservations(self) -> list[Reservation]:
        self.questions["reservations"] += 1
        return list(self.reservations)

    async def read_ended(self, since: datetime) -> list[EndedJob]:
        self.questions["ended"] += 1
        jobs = [ended(job) for job in self.jobs.values() if job.request.name.startswith(self.prefix)]
        return sorted((job for job in jobs if job and job.ended_at >= since), key=lambda job: job.ended_at)

    async def close(self) -> None:
        """Nothing is held open."""

    def add(self, request: JobRequest, script: str = "") -> FakeJob:
        """A job that nobody asked this hub for, where its name is not ours."""
        self._last_id += 1
        job = FakeJob(str(self._last_id), request, script, self.now)
        self.jobs[job.job_id] = job
        self._start_waiting()
        return job

    def find(self, name: str) -> FakeJob | None:
        """The newest job of a name."""
        return next((job for job in reversed(self.jobs.values()) if job.request.name == name), None)

    def end(self, job_id: str, state: str = "COMPLETED", *, cancelled_by: str = "") -> None:
        job = self.jobs[job_id]
        job.state, job.ended_at, job.cancelled_by, job.reason = state, self.now, cancelled_by, ""
        self._start_waiting()

    def hold(self, job_id: str, reason: str, expected_start_at: datetime | None = None) -> None:
        """It waits for `reason` until `release`."""
        self.held[job_id] = reason
        self.jobs[job_id].reason = reason
        self.jobs[job_id].expected_start_at = expected_start_at

    def release(self, job_id: str) -> None:
        del self.held[job_id]
        self._start_waiting()

    def advance(self, by: timedelta) -> None:
        """What has reached its time limit meanwhile ends with it."""
        until = self.now + by
        while True:
            ending = [job for job in self._running() if job.ends_at and job.ends_at <= until]
            if not ending:
                break
            first = min(ending, key=lambda job: job.ends_at or until)
            self.now = first.ends_at or until
            self.end(first.job_id, "TIMEOUT")
        self.now = until

    def _running(self) -> list[FakeJob]:
        return [job for job in self.jobs.values() if job.state == "RUNNING"]

    def _used(self, partition: str) -> int:
        return sum(job.gpus for job in self._running() if job.request.partition == partition)

    def _start_waiting(self) -> None:
        for job in self.jobs.values():
            if job.state != "PENDING" or job.job_id in self.held:
                continue
            partition = job.request.partition
            used = self._used(partition)
            if partition in self.closed or used + job.gpus > self.gpus.get(partition, 0):
                job.reason = "PartitionDown" if partition in self.closed else "Resources"
                continue
            job.state, job.reason, job.started_at = "RUNNING", "", self.now
            job.node = f"nid{used // NODE_GPUS + 1:06}"

    def _partition(self, name: str) -> PartitionState:
        total, used = self.gpus[name], self._used(name)
        nodes = -(-total // NODE_GPUS)
        return PartitionState(
            name=name,
            is_up=name not in self.closed,
            time_limit_minutes=24 * 60,
            nodes_total=nodes,
            nodes_idle=nodes - -(-used // NODE_GPUS),
            nodes_down=0,
            gpus_total=total,
            gpus_used=used,
            gpus_free=total - used,
        )


class UnavailableScheduler(FakeScheduler):
    """Answers nothing while `is_down`."""

    is_down = True

    async def submit(self, job: JobRequest, script: str) -> str:
        self._fail()
        return await super().submit(job, script)

    async def cancel(self, jobs: Sequence[tuple[str, str]]) -> None:
        self._fail()
        await super().cancel(jobs)

    async def read_queue(self) -> list[QueuedJob]:
        self._fail()
        return await super().read_queue()

    async def read_partitions(self) -> list[PartitionState]:
        self._fail()
        return await super().read_partitions()

    async def read_reservations(self) -> list[Reservation]:
        self._fail()
        return await super().read_reservations()

    async def read_ended(self, since: datetime) -> list[EndedJob]:
        self._fail()
        return await super().read_ended(since)

    def _fail(self) -> None:
        if self.is_down:
            raise SchedulerUnavailableError("unavailable by the test")


class NoAccounting(FakeScheduler):
    """Its accounting does not answer while `is_down`."""

    is_down = True

    async def read_ended(self, since: datetime) -> list[EndedJob]:
        if self.is_down:
            raise SchedulerUnavailableError("no accounting by the test")
        return await super().read_ended(since)


class LosingScheduler(FakeScheduler):
    """Takes every job and loses the answer, as a controller whose time-out was too short."""

    async def submit(self, job: JobRequest, script: str) -> str:
        await super().submit(job, script)
        raise SchedulerUnavailableError("the answer was lost by the test")


class RefusingScheduler(FakeScheduler):
    """Refuses every job, for `reason`."""

    def __init__(self, reason: str = "quota_exceeded", partitions: Mapping[str, int] | None = None) -> None:
        super().__init__(partitions)
        self.refusal = reason


class SlowScheduler(FakeScheduler):
    """Takes no job and tells no queue before `go` is set."""

    def __init__(self, partitions: Mapping[str, int] | None = None) -> None:
        super().__init__(partitions)
        self.go = asyncio.Event()

    async def submit(self, job: JobRequest, script: str) -> str:
        await self.go.wait()
        return await super().submit(job, script)

    async def read_queue(self) -> list[QueuedJob]:
        await self.go.wait()
        return await super().read_queue()


def queued(job: FakeJob) -> QueuedJob:
    return QueuedJob(
        job_id=job.job_id,
        name=job.request.name,
        user=job.request.unix_account,
        state=job.state,
        reason=job.reason,
        partition=job.request.partition,
        partitions=(job.request.partition,),
        priority=1000,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        expected_start_at=job.expected_start_at if job.started_at is None else None,
        ends_at=job.ends_at,
        nodes=(job.node,) if job.node else (),
        gpus=job.gpus,
        account=job.request.account,
    )


def ended(job: FakeJob) -> EndedJob | None:
    if job.ended_at is None:
        return None
    return EndedJob(
        job_id=job.job_id,
        name=job.request.name,
        user=job.request.unix_account,
        state=job.state,
        exit_code=0,
        signal=15 if job.state in {"CANCELLED", "TIMEOUT"} else 0,
        cancelled_by=job.cancelled_by,
        partition=job.request.partition,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        nodes=(job.node,) if job.node else (),
        gpus=job.gpus,
        account=job.request.account,
    )


def a_job(name: str = "paja-s-1f00ba12", **changes: object) -> JobRequest:
    """A job of one GPU for an hour in small-g."""
    job = JobRequest(
        name=name,
        partition="small-g",
        gres="gpu:1",
        cores=7,
        memory_gb=60,
        minutes=60,
        account="project_465000001",
        unix_account="train01",
    )
    return replace(job, **changes)  # type: ignore[arg-type]
