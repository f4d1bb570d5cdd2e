"""The shapes of what a factory's hub says of its batch system. Whatever has another shape is refused here.

The texts and numbers are bounded as the database's columns are: a hub that says more has said nonsense.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Self

from labs.jupyterhub.wire import (
    WrongShapeError,
    as_bool,
    as_count,
    as_flag,
    as_known_count,
    as_moment,
    as_name,
    as_object,
    as_str,
    as_text,
    as_time,
    as_weight,
    read_items,
)

SLURM: Final = "slurm"

SHORT: Final = 32
MIDDLE: Final = 64
LONG: Final = 128


@dataclass(frozen=True, kw_only=True)
class JobModel:
    """A job of one of our servers; one that has ended has `ended_at`. `state` and `reason` are Slurm's words.

    `job_id` is empty, and `submitted_at` None, while the hub has not heard of it from Slurm.
    """

    job_id: str
    user: str
    server: str
    kind: str
    state: str
    reason: str
    place: int | None
    partition: str
    flavour: str
    unix_account: str
    gpus: int
    weight: Decimal
    submitted_at: datetime | None
    started_at: datetime | None
    expected_start_at: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None = None
    is_ended_by_hub: bool = False
    is_cancelled_by_other: bool = False

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        return cls(
            job_id=as_text(wire.get("job_id"), SHORT),
            user=as_text(wire.get("user"), MIDDLE),
            server=as_name(wire.get("server"), SHORT),
            kind=as_text(wire.get("kind"), SHORT),
            state=as_name(wire.get("state"), SHORT),
            reason=as_text(wire.get("reason"), LONG),
            place=as_known_count(wire.get("place")),
            partition=as_text(wire.get("partition"), MIDDLE),
            flavour=as_text(wire.get("flavour"), MIDDLE),
            unix_account=as_text(wire.get("unix_account"), SHORT),
            gpus=as_count(wire.get("gpus")),
            weight=as_weight(wire.get("weight")),
            submitted_at=as_moment(wire.get("submitted_at")),
            started_at=as_moment(wire.get("started_at")),
            expected_start_at=as_moment(wire.get("expected_start_at")),
            ends_at=as_moment(wire.get("ends_at")),
            ended_at=as_moment(wire.get("ended_at")),
            is_ended_by_hub=as_flag(wire.get("is_ended_by_hub")),
            is_cancelled_by_other=as_flag(wire.get("cancelled_by_other")),
        )


@dataclass(frozen=True)
class RefusalModel:
    """A start that came to no job; `reason` is a slug of the hub's."""

    user: str
    server: str
    reason: str
    at: datetime

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        return cls(
            user=as_text(wire.get("user"), MIDDLE),
            server=as_name(wire.get("server"), SHORT),
            reason=as_name(wire.get("reason"), MIDDLE),
            at=as_time(wire.get("at")),
        )


@dataclass(frozen=True)
class ReservationModel:
    name: str
    starts_at: datetime
    ends_at: datetime
    nodes: int
    accounts: tuple[str, ...]
    is_maintenance: bool

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        return cls(
            name=as_name(wire.get("name"), LONG),
            starts_at=as_time(wire.get("starts_at")),
            ends_at=as_time(wire.get("ends_at")),
            nodes=as_count(wire.get("nodes")),
            accounts=read_items(wire.get("accounts"), lambda account: as_name(account, LONG)),
            is_maintenance=as_flag(wire.get("is_maintenance")),
        )

    def as_json(self) -> dict[str, object]:
        """As `Partition.reservations` keeps it."""
        times = {"starts_at": self.starts_at.isoformat(), "ends_at": self.ends_at.isoformat()}
        return {**asdict(self), **times, "accounts": list(self.accounts)}


@dataclass(frozen=True)
class FlavourModel:
    slug: str
    position: int
    gpus: int
    gpu_name: str
    gpu_memory_gb: int | None
    is_slice: bool
    cores: int
    memory_gb: int
    minutes_max: int
    weight: Decimal
    expected_wait_seconds: int | None

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        return cls(
            slug=as_name(wire.get("slug"), MIDDLE),
            position=as_count(wire.get("position")),
            gpus=as_count(wire.get("gpus")),
            gpu_name=as_text(wire.get("gpu_name"), MIDDLE),
            gpu_memory_gb=as_known_count(wire.get("gpu_memory_gb")),
            is_slice=as_flag(wire.get("is_slice")),
            cores=as_count(wire.get("cores")),
            memory_gb=as_count(wire.get("memory_gb")),
            minutes_max=as_count(wire.get("minutes_max")),
            weight=as_weight(wire.get("weight")),
            expected_wait_seconds=as_known_count(wire.get("expected_wait_seconds")),
        )


@dataclass(frozen=True)
class PartitionModel:
    name: str
    is_up: bool
    is_unconfirmed: bool
    time_limit_minutes: int | None
    nodes_total: int
    nodes_idle: int
    nodes_down: int
    gpus_total: int
    gpus_used: int
    gpus_free: int
    jobs_pending: int
    jobs_running: int
    reservations: tuple[ReservationModel, ...]
    flavours: tuple[FlavourModel, ...]

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        nodes, gpus, jobs = (as_object(wire.get(name) or {}) for name in ("nodes", "gpus", "jobs"))
        return cls(
            name=as_name(wire.get("name"), MIDDLE),
            is_up=as_bool(wire.get("is_up")),
            is_unconfirmed=as_flag(wire.get("is_unconfirmed")),
            time_limit_minutes=as_known_count(wire.get("time_limit_minutes")),
            nodes_total=as_count(nodes.get("total")),
            nodes_idle=as_count(nodes.get("idle")),
            nodes_down=as_count(nodes.get("down")),
            gpus_total=as_count(gpus.get("total")),
            gpus_used=as_count(gpus.get("used")),
            gpus_free=as_count(gpus.get("free")),
            jobs_pending=as_count(jobs.get("pending")),
            jobs_running=as_count(jobs.get("running")),
            reservations=read_items(wire.get("reservations"), ReservationModel.from_wire),
            flavours=read_items(wire.get("flavours"), FlavourModel.from_wire),
        )


@dataclass(frozen=True)
class UnixAccountModel:
    """A Unix account that the factory lends: of a `pool`, or a `robot`, which `is_shared` among several or not."""

    name: str
    kind: str
    is_shared: bool

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        kind = as_str(wire.get("kind"))
        if kind not in {"pool", "robot"}:
            raise WrongShapeError("an account of a pool or a robot was expected")
        return cls(name=as_name(wire.get("name"), SHORT), kind=kind, is_shared=as_flag(wire.get("is_shared")))


@dataclass(frozen=True)
class CheckModel:
    """How it came out that a job tried an own account out; `reason` is a slug where it failed."""

    unix_account: str
    server: str
    is_passed: bool
    reason: str
    at: datetime

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        outcome = as_str(wire.get("outcome"))
        if outcome not in {"passed", "failed"}:
            raise WrongShapeError("passed or failed was expected")
        return cls(
            unix_account=as_text(wire.get("unix_account"), SHORT),
            server=as_name(wire.get("server"), SHORT),
            is_passed=outcome == "passed",
            reason=as_text(wire.get("reason"), MIDDLE),
            at=as_time(wire.get("at")),
        )


@dataclass(frozen=True)
class QueueAnswer:
    """All that a hub says of its batch system at once; a hub without one says that `has_slurm` is false.

    `answered_at` is when Slurm last answered the hub. Of jobs that ended before `ended_until` all are in `ended`,
    as far as they ended after what was asked for.
    """

    has_slurm: bool = False
    answered_at: datetime | None = None
    is_answering: bool = False
    jobs: tuple[JobModel, ...] = ()
    ended: tuple[JobModel, ...] = ()
    ended_until: datetime | None = None
    refused: tuple[RefusalModel, ...] = ()
    partitions: tuple[PartitionModel, ...] = ()
    unix_accounts: tuple[UnixAccountModel, ...] = ()
    checks: tuple[CheckModel, ...] = ()

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        if as_str(wire.get("scheduler")) != SLURM:
            return cls()
        return cls(
            has_slurm=True,
            answered_at=as_moment(wire.get("answered_at")),
            is_answering=as_bool(wire.get("is_answering")),
            jobs=read_items(wire.get("jobs"), JobModel.from_wire),
            ended=read_items(wire.get("ended"), JobModel.from_wire),
            ended_until=as_moment(wire.get("ended_until")),
            refused=read_items(wire.get("refused"), RefusalModel.from_wire),
            partitions=read_items(wire.get("partitions"), PartitionModel.from_wire),
            unix_accounts=read_items(wire.get("unix_accounts"), UnixAccountModel.from_wire),
            checks=read_items(wire.get("checks"), CheckModel.from_wire),
        )

    def find_refusal(self, server: str) -> str:
        """Why a server's newest start came to no job, as the hub's slug; empty where it was not refused."""
        reasons = [
            each.reason for each in sorted(self.refused, key=lambda each: each.at) if each.server == server
        ]
        return reasons[-1] if reasons else ""
