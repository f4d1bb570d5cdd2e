"""What a hub with Slurm says of it, by the piece: as models for FakeHub."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from labs.jupyterhub import FlavourModel, JobModel, PartitionModel, QueueAnswer

SUBMITTED_AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def make_job(server: str, **fields: Any) -> JobModel:
    """A job that waits, third among ours."""
    defaults: dict[str, Any] = {
        "job_id": "1001",
        "user": "p-00000001",
        "kind": "session",
        "state": "PENDING",
        "reason": "Resources",
        "place": 3,
        "partition": "small-g",
        "flavour": "one-gpu",
        "unix_account": "train01",
        "gpus": 1,
        "weight": Decimal("0.500"),
        "submitted_at": SUBMITTED_AT,
        "started_at": None,
        "expected_start_at": None,
        "ends_at": None,
    }
    return JobModel(server=server, **{**defaults, **fields})


def make_flavour(slug: str = "one-gpu", **fields: Any) -> FlavourModel:
    defaults: dict[str, Any] = {
        "position": 0,
        "gpus": 1,
        "gpu_name": "MI250X",
        "gpu_memory_gb": 64,
        "is_slice": False,
        "cores": 7,
        "memory_gb": 60,
        "minutes_max": 480,
        "weight": Decimal("0.500"),
        "expected_wait_seconds": 360,
    }
    return FlavourModel(slug=slug, **{**defaults, **fields})


def make_partition(name: str = "small-g", **fields: Any) -> PartitionModel:
    defaults: dict[str, Any] = {
        "is_up": True,
        "is_unconfirmed": False,
        "time_limit_minutes": 4320,
        "nodes_total": 2,
        "nodes_idle": 1,
        "nodes_down": 0,
        "gpus_total": 16,
        "gpus_used": 5,
        "gpus_free": 11,
        "jobs_pending": 0,
        "jobs_running": 5,
        "reservations": (),
        "flavours": (make_flavour(),),
    }
    return PartitionModel(name=name, **{**defaults, **fields})


def make_answer(**fields: Any) -> QueueAnswer:
    """Of a Slurm that has just answered."""
    defaults: dict[str, Any] = {"answered_at": SUBMITTED_AT, "is_answering": True}
    return QueueAnswer(has_slurm=True, **{**defaults, **fields})
