"""LocalSlurm: Slurm's own commands on the hub's host."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from deploy.jupyterhub.slurm.checking import NAME, check, check_script
from deploy.jupyterhub.slurm.commands import (
    TIME_FORMAT,
    Sacct,
    Sbatch,
    Scancel,
    ShowReservations,
    Sinfo,
    Squeue,
)
from deploy.jupyterhub.slurm.jobs import EndedJob, JobRequest, PartitionState, QueuedJob, Reservation
from deploy.jupyterhub.slurm.refusals import refusal_of
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError
from deploy.jupyterhub.slurm.subprocesses import Answer, run_command

Parsed_co = TypeVar("Parsed_co", covariant=True)

ASK_SECONDS = 30.0
SUBMIT_SECONDS = 60.0  # sbatch itself asks a busy controller again for some time
SUBMITS_AT_ONCE = 4  # a class presses within one minute: 128 by fours are a few seconds, and no storm
CANCELS_AT_ONCE = 4
IDS_AT_ONCE = 500
PATH = "/usr/local/bin:/usr/bin:/bin:/opt/slurm/bin:/usr/local/slurm/bin"


class Question(Protocol[Parsed_co]):
    def argv(self) -> list[str]: ...

    def parse(self, stdout: str) -> Parsed_co: ...


class LocalSlurm:
    """Slurm by its commands. `conf` is SLURM_CONF, "" for the system's own.

    `become` is the command that runs another as a Unix account, `{unix_account}` standing for its name
    (`sudo -n -u {unix_account} --`); only submitting and cancelling go through it. A read of everything is four
    commands: squeue, sinfo, scontrol and sacct.
    """

    def __init__(
        self,
        *,
        partitions: Sequence[str],
        prefix: str,
        conf: str = "",
        become: Sequence[str] = (),
        accounts: Sequence[str] = (),
        path: str = PATH,
    ) -> None:
        self.questions: Counter[str] = Counter()
        self._partitions = tuple(partitions)
        self._prefix = prefix
        self._conf = conf
        self._become = tuple(become)
        self._accounts = tuple(accounts)
        self._environment = {"PATH": path, "LC_ALL": "C.UTF-8", "TZ": "UTC", "SLURM_TIME_FORMAT": TIME_FORMAT}
        if conf:
            self._environment["SLURM_CONF"] = conf
        self._submits = asyncio.Semaphore(SUBMITS_AT_ONCE)
        self._cancels = asyncio.Semaphore(CANCELS_AT_ONCE)

    async def submit(self, job: JobRequest, script: str) -> str:
        command = Sbatch(job)
        argv = self._as_account(job.unix_account, command.argv())
        checked = check_script(script)
        async with self._submits:
            self.questions["submit"] += 1
            answer = await self._run(argv, seconds=SUBMIT_SECONDS, stdin=checked)
        if answer.status != 0:
            raise refusal_of(answer.stderr)
        return command.parse(answer.stdout)

    async def cancel(self, jobs: Sequence[tuple[str, str]]) -> None:
        by_account: dict[str, list[str]] = {}
        for job_id, unix_account in jobs:
            by_account.setdefault(unix_account, []).append(job_id)
        pieces = [
            (unix_account, ids[start : start + IDS_AT_ONCE])
            for unix_account, ids in by_account.items()
            for start in range(0, len(ids), IDS_AT_ONCE)
        ]
        results = await asyncio.gather(
            *(self._cancel(unix_account, ids) for unix_account, ids in pieces), return_exceptions=True
        )
        for result in results:  # each was tried, whatever became of the others
            if isinstance(result, BaseException):
                raise result

    async def read_queue(self) -> list[QueuedJob]:
        return await self._ask("queue", Squeue(self._partitions))

    async def read_partitions(self) -> list[PartitionState]:
        return await self._ask("partitions", Sinfo(self._partitions))

    async def read_reservations(self) -> list[Reservation]:
        return await self._ask("reservations", ShowReservations())

    async def read_ended(self, since: datetime) -> list[EndedJob]:
        return await self._ask("ended", Sacct(since, self._prefix, self._partitions, self._accounts))

    async def close(self) -> None:
        """Nothing is held open between commands."""

    async def _cancel(self, unix_account: str, ids: Sequence[str]) -> None:
        command = Scancel(ids)
        async with self._cancels:
            self.questions["cancel"] += 1
            answer = await self._run(self._as_account(unix_account, command.argv()), seconds=ASK_SECONDS)
        if answer.status != 0 and not command.is_done(answer.stderr):
            raise SchedulerUnavailableError(f"scancel: {answer.stderr.strip()[:300]}")

    async def _ask(self, kind: str, command: Question[Parsed_co]) -> Parsed_co:
        """Large answers are read beside the loop, which meanwhile serves people."""
        self.questions[kind] += 1
        answer = await self._run(command.argv(), seconds=ASK_SECONDS)
        if answer.status != 0:
            raise SchedulerUnavailableError(f"{kind}: {answer.stderr.strip()[:300]}")
        return await asyncio.to_thread(command.parse, answer.stdout)

    async def _run(self, argv: Sequence[str], *, seconds: float, stdin: str = "") -> Answer:
        return await run_command(argv, environment=self._environment, seconds=seconds, stdin=stdin)

    def _as_account(self, unix_account: str, argv: list[str]) -> list[str]:
        """sudo hands no environment on, so Slurm's file is named once more behind it."""
        if not unix_account or not self._become:
            return argv
        become = [
            piece.replace("{unix_account}", check(NAME, unix_account, "unix account"))
            for piece in self._become
        ]
        conf = ["/usr/bin/env", f"SLURM_CONF={self._conf}"] if self._conf else []
        return [*become, *conf, *argv]
