"""What a hub says to a batch system and what it hears: plain values, all times aware and in UTC."""

from dataclasses import dataclass
from datetime import datetime

# Slurm's words for a job that has not ended, whatever else is said of it.
WAITING_STATES = frozenset(
    {"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
)
RUNNING_STATES = frozenset(
    {"RUNNING", "CONFIGURING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT", "COMPLETING"}
)


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """A job to submit. `name` is how it is found again; nothing in any field may tell who it is for.

    `gres` is Slurm's word for what it gets beside cores (`gpu:1`, `gpu:mi250x:2`), "" for none; `account`, `qos` and
    `reservation` are "" where Slurm's default is meant. `unix_account` is as whom it is submitted, and so runs; ""
    means the caller's own. What it prints goes nowhere: other people can read neither, and no disk fills up.
    """

    name: str
    partition: str
    cores: int
    memory_gb: int
    minutes: int
    gres: str = ""
    account: str = ""
    qos: str = ""
    reservation: str = ""
    unix_account: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedJob:
    """A job that waits, runs, or ended so short a time ago that the queue still lists it.

    `state` and `reason` are Slurm's words; `reason` is "" where there is none. None means that the batch system did
    not say: FirecREST knows no `expected_start_at`, and Slurm none of a job that it has not yet planned.
    `partition` is where it runs; of one that waits, all that it may run in are in `partitions`, the first first.
    """

    job_id: str
    name: str
    user: str
    state: str
    reason: str
    partition: str
    partitions: tuple[str, ...]
    priority: int | None
    submitted_at: datetime | None
    started_at: datetime | None
    expected_start_at: datetime | None
    ends_at: datetime | None
    nodes: tuple[str, ...]
    gpus: int | None
    account: str

    @property
    def is_waiting(self) -> bool:
        return self.state in WAITING_STATES

    @property
    def is_running(self) -> bool:
        """It holds its nodes, also while it begins or ends."""
        return self.state in RUNNING_STATES

    @property
    def is_over(self) -> bool:
        return not self.is_waiting and not self.is_running


@dataclass(frozen=True, kw_only=True)
class EndedJob:
    """A job that is over, as the accounting has it. `started_at` is None for one that never ran.

    `cancelled_by` is the name or number of the account that cancelled it, "" where nobody did or it is not said.
    """

    job_id: str
    name: str
    user: str
    state: str
    exit_code: int
    signal: int
    cancelled_by: str
    partition: str
    submitted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime
    nodes: tuple[str, ...]
    gpus: int | None
    account: str


@dataclass(frozen=True, kw_only=True)
class PartitionState:
    """A partition now. GPUs of nodes that are down or drained are in `gpus_total` and never in `gpus_free`.

    A GPU slice counts as one, as in Slurm. None: the batch system did not say.
    """

    name: str
    is_up: bool
    time_limit_minutes: int | None
    nodes_total: int
    nodes_idle: int
    nodes_down: int
    gpus_total: int | None
    gpus_used: int | None
    gpus_free: int | None


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Nodes that are kept for somebody (`accounts`, `users`), or for nobody while a site is maintained."""

    name: str
    starts_at: datetime
    ends_at: datetime
    partition: str
    nodes: tuple[str, ...]
    accounts: tuple[str, ...]
    users: tuple[str, ...]
    is_maintenance: bool
