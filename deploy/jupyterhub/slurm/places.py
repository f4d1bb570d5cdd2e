"""Whose turn it is: places among this hub's own waiting jobs of a partition, as Slurm ranks them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A job of ours that waits. `is_answered`: Slurm's last answer has it; `priority` None where it was not told."""

    job_id: str
    partition: str
    priority: int | None
    submitted_at: datetime
    is_answered: bool


def rank_places(jobs: Iterable[Waiting]) -> dict[str, int]:
    """The place of each job among ours of its partition, by job id: 1 to n, each once.

    The higher priority first, then the earlier submission, then the lower id. Jobs that are younger than Slurm's
    last answer come after all others in the order of their submission, since Slurm has not ranked them yet.
    """
    places: dict[str, int] = {}
    counts: dict[str, int] = {}
    for job in sorted(jobs, key=_rank):
        counts[job.partition] = counts.get(job.partition, 0) + 1
        places[job.job_id] = counts[job.partition]
    return places


def _rank(job: Waiting) -> tuple[bool, int, datetime, int, str]:
    priority = job.priority if job.is_answered and job.priority is not None else -1
    digits = re.match(r"\d+", job.job_id)
    return (not job.is_answered, -priority, job.submitted_at, int(digits[0]) if digits else 0, job.job_id)
