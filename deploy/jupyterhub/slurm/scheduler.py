"""All that a hub asks of a batch system, and how it is refused. Slurm's commands and FirecREST both do it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from deploy.jupyterhub.slurm.jobs import EndedJob, JobRequest, PartitionState, QueuedJob, Reservation


class SchedulerUnavailableError(Exception):
    """No answer in time, or one that makes no sense: nothing is known, so nothing may be moved."""


class SubmitRefusedError(Exception):
    """The batch system answered that it will not take this job; asking again would not help.

    `reason` is one of: quota_exceeded, too_many_jobs, account_invalid, qos_invalid, partition_closed,
    reservation_invalid, minutes_too_many, nodes_unsuitable, unix_account_refused, submit_refused. The message is
    the batch system's own, for the log.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Scheduler(Protocol):
    """A batch system. Every method ends in bounded time; no answer is SchedulerUnavailableError.

    `questions` counts what was asked, by kind: submit, cancel, queue, partitions, reservations, ended (and token,
    where one is fetched). One pace of everything is one of each of the last four, however many jobs there are.
    """

    questions: Counter[str]

    async def submit(self, job: JobRequest, script: str) -> str:
        """The new job's id. `script` holds secrets: it is never in an argument, a log or a message.

        SchedulerUnavailableError does not say that there is no job: the answer may have been lost. Look for one of
        its name in a later answer of `read_queue` before asking again.
        """

    async def cancel(self, jobs: Sequence[tuple[str, str]]) -> None:
        """Ask for the end of jobs, each an id and the Unix account it runs as; one that is over already is fine."""

    async def read_queue(self) -> list[QueuedJob]:
        """Every job of the partitions that the factory offers, other people's too."""

    async def read_partitions(self) -> list[PartitionState]:
        """The partitions that the factory offers, in its order; one that the batch system lacks is not up."""

    async def read_reservations(self) -> list[Reservation]:
        """What is kept for somebody, now or later."""

    async def read_ended(self, since: datetime) -> list[EndedJob]:
        """Our own jobs, by the beginning of their names, that ended at or after `since`, oldest first."""

    async def close(self) -> None:
        """Let go of connections; nothing may be asked afterwards."""
