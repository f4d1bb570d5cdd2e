"""The last answer to each of the four questions. Of a question that fails, the answer before stays."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from deploy.jupyterhub.slurm.jobs import PartitionState, QueuedJob, Reservation
from deploy.jupyterhub.slurm.scheduler import Scheduler
from deploy.jupyterhub.slurm.silence import Silence

KINDS: Final = ("queue", "partitions", "reservations", "ended")  # as Scheduler.questions counts them


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What Slurm said, and the moment of which each tells: that of the question. None: nothing yet."""

    queue: tuple[QueuedJob, ...] = ()
    queue_at: datetime | None = None
    queue_question: int = 0  # the number of the round in which it was asked
    partitions: tuple[PartitionState, ...] = ()
    partitions_at: datetime | None = None
    reservations: tuple[Reservation, ...] = ()
    reservations_at: datetime | None = None

    async def ask(self, scheduler: Scheduler, question: int, now: datetime, silence: Silence) -> "Answers":
        """Ask for all three at once; one that fails leaves the others as new as they are."""
        queue, partitions, reservations = await asyncio.gather(
            silence.answer_or_none(scheduler.read_queue(), "queue"),
            silence.answer_or_none(scheduler.read_partitions(), "partitions"),
            silence.answer_or_none(scheduler.read_reservations(), "reservations"),
        )
        answers = self
        if queue is not None:
            answers = replace(answers, queue=tuple(queue), queue_at=now, queue_question=question)
        if partitions is not None:
            answers = replace(answers, partitions=tuple(partitions), partitions_at=now)
        if reservations is not None:
            answers = replace(answers, reservations=tuple(reservations), reservations_at=now)
        return answers
