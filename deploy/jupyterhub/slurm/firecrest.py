"""FirecrestScheduler: Slurm over HTTP, for a hub that stands outside the site. FirecREST v2."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

import httpx

from deploy.jupyterhub.slurm.checking import JOB_ID, check, check_script, submit_options
from deploy.jupyterhub.slurm.commands import Scancel
from deploy.jupyterhub.slurm.firecrest_http import FirecrestHttp, HttpAnswer
from deploy.jupyterhub.slurm.firecrest_wire import (
    Wire,
    WireJob,
    read_jobs,
    read_partition_states,
    read_reservations,
)
from deploy.jupyterhub.slurm.jobs import EndedJob, JobRequest, PartitionState, QueuedJob, Reservation
from deploy.jupyterhub.slurm.refusals import refusal_of
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError

CALLS_AT_ONCE = 4
NOWHERE = "/dev/null"


class FirecrestScheduler:
    """Jobs of one account: whose the client of `client_id` is. Another `unix_account` is refused.

    A read of everything is four calls: jobs (which tell of the queue and of what ended), partitions, nodes and
    reservations.
    """

    def __init__(
        self,
        *,
        url: str,
        system: str,
        token_url: str,
        client_id: str,
        client_secret: str,
        unix_account: str,
        partitions: Sequence[str],
        prefix: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.questions: Counter[str] = Counter()
        self._system = system
        self._unix_account = unix_account
        self._partitions = tuple(partitions)
        self._offered = frozenset(partitions)
        self._prefix = prefix
        self._calls = asyncio.Semaphore(CALLS_AT_ONCE)
        self._jobs: asyncio.Task[list[WireJob]] | None = None
        self._jobs_told: set[str] = set()
        self._http = FirecrestHttp(
            url=url,
            token_url=token_url,
            client_id=client_id,
            client_secret=client_secret,
            questions=self.questions,
            transport=transport,
            clock=clock,
        )

    async def submit(self, job: JobRequest, script: str) -> str:
        """FirecREST knows few of sbatch's options; the others go as `#SBATCH` lines, of checked values only."""
        if job.unix_account not in {"", self._unix_account}:
            raise SubmitRefusedError("FirecREST submits as its own account", reason="unix_account_refused")
        description = {
            "name": job.name,
            "workingDirectory": "/",
            "standardInput": NOWHERE,
            "standardOutput": NOWHERE,
            "standardError": NOWHERE,
            "script": with_directives(check_script(script), submit_options(job)),
        }
        if job.account:
            description["account"] = job.account
        async with self._calls:
            self.questions["submit"] += 1
            answer = await self._http.ask("POST", self._path("compute", "jobs"), json={"job": description})
        if answer.status not in {200, 201}:
            raise refused(answer)
        job_id = Wire(answer.body).id_text("jobId")
        if JOB_ID.fullmatch(job_id) is None:
            raise SchedulerUnavailableError("FirecREST gave no job id")
        return job_id

    async def cancel(self, jobs: Sequence[tuple[str, str]]) -> None:
        results = await asyncio.gather(*(self._cancel(job_id) for job_id, _ in jobs), return_exceptions=True)
        for result in results:  # each was tried, whatever became of the others
            if isinstance(result, BaseException):
                raise result

    async def read_queue(self) -> list[QueuedJob]:
        jobs = await self._read_jobs("queue")
        offered = [job for job in jobs if not job.is_over and self._is_offered(job)]
        return await asyncio.to_thread(lambda: [job.as_queued() for job in offered])

    async def read_ended(self, since: datetime) -> list[EndedJob]:
        """As far back as FirecREST looks by itself: the last day, or midnight, by its version."""
        ours = [
            job.as_ended()
            for job in await self._read_jobs("ended")
            if job.is_over and job.name.startswith(self._prefix) and self._is_offered(job)
        ]
        found = [job for job in ours if job is not None and job.ended_at >= since.replace(microsecond=0)]
        return sorted(found, key=lambda job: (job.ended_at, job.job_id))

    async def read_partitions(self) -> list[PartitionState]:
        partitions, nodes = await asyncio.gather(
            self._read("partitions", "status", "partitions"), self._read("partitions", "status", "nodes")
        )
        return await asyncio.to_thread(read_partition_states, self._partitions, partitions, nodes)

    async def read_reservations(self) -> list[Reservation]:
        return read_reservations(await self._read("reservations", "status", "reservations"))

    async def close(self) -> None:
        await self._http.close()

    async def _cancel(self, job_id: str) -> None:
        path = f"{self._path('compute', 'jobs')}/{check(JOB_ID, job_id, 'job id')}"
        async with self._calls:
            self.questions["cancel"] += 1
            answer = await self._http.ask("DELETE", path)
        error = answer.slurm_error()
        if answer.status not in {200, 204, 404} and not (error and Scancel([job_id]).is_done(error)):
            raise SchedulerUnavailableError(f"FirecREST answered {answer.status} to a cancellation")

    async def _read_jobs(self, reader: str) -> list[WireJob]:
        """One answer serves each of its two readers once."""
        if self._jobs is None or reader in self._jobs_told:
            self._jobs_told = set()
            self._jobs = asyncio.create_task(self._fetch_jobs(reader))
        self._jobs_told.add(reader)
        return await asyncio.shield(self._jobs)

    async def _fetch_jobs(self, kind: str) -> list[WireJob]:
        body = await self._read(kind, "compute", "jobs", {"allusers": "true"})
        return await asyncio.to_thread(read_jobs, body)

    async def _read(self, kind: str, area: str, what: str, params: dict[str, str] | None = None) -> object:
        self.questions[kind] += 1
        answer = await self._http.ask("GET", self._path(area, what), params=params)
        if answer.status != 200:
            raise SchedulerUnavailableError(f"FirecREST answered {answer.status}")
        return answer.body

    def _path(self, area: str, what: str) -> str:
        return f"/{area}/{self._system}/{what}"

    def _is_offered(self, job: WireJob) -> bool:
        return not self._offered.isdisjoint(job.partitions)


def with_directives(script: str, options: Sequence[str]) -> str:
    """Behind the first line, which names the interpreter, and before anything else, where sbatch looks for them."""
    first, _, rest = script.partition("\n")
    return "\n".join([first, *(f"#SBATCH {option}" for option in options), rest])


def refused(answer: HttpAnswer) -> SchedulerUnavailableError | SubmitRefusedError:
    """FirecREST answers 500 where sbatch refused, with sbatch's words; 4xx where the order is none for it."""
    error = answer.slurm_error()
    if error:
        return refusal_of(error)
    if 400 <= answer.status < 500:
        return SubmitRefusedError(f"FirecREST answered {answer.status}", reason="submit_refused")
    return SchedulerUnavailableError(f"FirecREST answered {answer.status}")
