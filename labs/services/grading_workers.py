"""Who grades: workers that hold a run, and those that have ended one lately."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from labs.models import GradingRun
from labs.states import GradingStatus
from labs.work.grading import LOST_AFTER

RUNNING_SHOWN: Final = 200


@dataclass(frozen=True)
class WorkerAtWork:
    """A worker that holds a run, or has ended one within the hour; `factory_id` where a factory's grader runs it."""

    name: str
    ended_count: int
    lab_id: int | None = None
    factory_id: int | None = None
    since: datetime | None = None
    heartbeat_at: datetime | None = None
    is_lost: bool = False


def find_workers(now: datetime, ended: Mapping[str, int]) -> tuple[WorkerAtWork, ...]:
    """By name; `ended` counts what each has ended within the hour."""
    counts = dict(ended)
    running = GradingRun.objects.filter(status=GradingStatus.RUNNING).order_by("claimed_at")
    names = ("worker", "release__lab", "factory", "claimed_at", "heartbeat_at")
    workers = [
        WorkerAtWork(
            name=name,
            ended_count=counts.pop(name, 0),
            lab_id=lab_id,
            factory_id=factory_id,
            since=claimed_at,
            heartbeat_at=heartbeat_at,
            is_lost=heartbeat_at is None or now - heartbeat_at > LOST_AFTER,
        )
        for name, lab_id, factory_id, claimed_at, heartbeat_at in running.values_list(*names)[:RUNNING_SHOWN]
    ]
    workers += [WorkerAtWork(name, count) for name, count in counts.items()]
    return tuple(sorted(workers, key=lambda worker: worker.name))
