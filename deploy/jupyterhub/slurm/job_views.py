"""What a hub knows of one of its own jobs: plain values, all times aware and in UTC."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobStage(StrEnum):
    PENDING = "pending"  # also: younger than Slurm's last answer
    RUNNING = "running"  # it holds its nodes, also while it begins or ends
    ENDED = "ended"  # a later answer of Slurm's no longer has it


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Whose job it is and what it was given. Slurm is told nothing of it but the job's name."""

    user: str
    server: str
    kind: str  # session, grading or check
    partition: str
    flavour: str
    unix_account: str
    gpus: int
    weight: float


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a job ended. `state` is Slurm's word, "UNKNOWN" for as long as the accounting does not answer.

    `learnt_at` is when the hub learnt it, never twice the same: what is later is told later.
    """

    state: str
    exit_code: int | None
    started_at: datetime | None
    ended_at: datetime
    is_by_hub: bool
    is_by_other: bool
    learnt_at: datetime


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One of this hub's jobs, as far as Slurm's last answer and the hub's own memory know it.

    `state` and `reason` are Slurm's words; of a job that is gone and whose ending the accounting has not told yet,
    `state` is "ENDED". `submitted_at` never changes for a job: with `job_id` it identifies it for ever.
    """

    job_id: str
    name: str
    submission: Submission
    stage: JobStage
    state: str
    reason: str
    place: int | None
    nodes: tuple[str, ...]
    submitted_at: datetime
    started_at: datetime | None
    expected_start_at: datetime | None
    ends_at: datetime | None
    ending: Ending | None
    is_stopped: bool  # this hub has asked for its end

    @property
    def is_live(self) -> bool:
        return self.stage is not JobStage.ENDED
