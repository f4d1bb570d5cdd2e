"""What the last answers say of each partition as a whole: who waits, who runs, and how long a start would wait."""

from collections.abc import Iterable
from dataclasses import dataclass

from deploy.jupyterhub.slurm.answers import Answers
from deploy.jupyterhub.slurm.partitions import Partition
from deploy.jupyterhub.slurm.waits import expected_waits


@dataclass(frozen=True)
class Outlook:
    """`waits`: seconds by flavour, None where nobody can say."""

    pending: int
    running: int
    waits: dict[str, int | None]


def look_ahead(answers: Answers, partitions: Iterable[Partition]) -> dict[str, Outlook]:
    """By partition, of those that Slurm has told. It takes long where many jobs are: to be called beside the loop."""
    states = {state.name: state for state in answers.partitions}
    outlooks = {}
    for partition in partitions:
        jobs = [job for job in answers.queue if job.partition == partition.name]
        waits: dict[str, int | None] = {}
        if answers.queue_at and partition.name in states:
            waits = expected_waits(
                states[partition.name],
                partition.flavours,
                answers.queue,
                answers.reservations,
                answers.queue_at,
            )
        outlooks[partition.name] = Outlook(
            pending=sum(job.is_waiting for job in jobs),
            running=sum(job.is_running for job in jobs),
            waits=waits,
        )
    return outlooks
