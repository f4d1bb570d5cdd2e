"""The last answer to each of the four questions. Of a question that fails, the answer before stays."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from deploy.jupyterhub.slurm.jobs import PartitionState, QueuedJob, Reservation
from deploy.jupyterhub.slurm.scheduler import Scheduler, SchedulerUnavailableError

Answer = TypeVar("Answer")
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

    async def ask(self, scheduler: Scheduler, question: int, now: datetime, log: logging.Logger) -> "Answers":
        """Ask for all three at once; one that fails leaves the others as new as they are."""
        queue, partitions, reservations = await asyncio.gather(
            answer_or_none(scheduler.read_queue(), "queue", log),
            answer_or_none(scheduler.read_partitions(), "partitions", log),
            answer_or_none(scheduler.read_reservations(), "reservations", log),
        )
        answers = self
        if queue is not None:
            answers = replace(answers, queue=tuple(queue), queue_at=now, queue_question=question)
        if partitions is not None:
            answers = replace(answers, partitions=tuple(partitions), partitions_at=now)
        if reservations is not None:
            answers = replace(answers, reservations=tuple(reservations), reservations_at=now)
        return answers


async def answer_or_none(
    question: Coroutine[Any, Any, Answer], kind: str, log: logging.Logger
) -> Answer | None:
    """The answer, or None where there is none: also a fault of ours in reading it must not end the asking."""
    try:
        return await question
    except SchedulerUnavailableError as error:
        log.warning("Slurm does not answer the question about its %s: %s", kind, error)
    except Exception:
        log.exception("What Slurm answered about its %s could not be read", kind)
    return None
