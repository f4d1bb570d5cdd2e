"""Who grades, and what each worker does."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labs.models import GradingRun
from labs.services.grading_workers import WorkerAtWork, find_workers
from labs.states import GradingStatus
from labs.work.grading import LOST_AFTER
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOW = timezone.now()
SECOND = timedelta(seconds=1)


def hold(worker: str, *, alive: timedelta = SECOND) -> GradingRun:
    run: GradingRun = make.GradingRunFactory.create(
        status=GradingStatus.RUNNING,
        outcome="",
        finished_at=None,
        claimed_at=NOW - 30 * SECOND,
        heartbeat_at=NOW - alive,
        worker=worker,
    )
    return run


def test_a_worker_is_listed_with_what_it_does_and_has_done() -> None:
    run = hold("host:2")
    busy, at_rest = find_workers(NOW, {"host:2": 4, "host:3": 1})
    assert busy == WorkerAtWork(
        name="host:2",
        ended_count=4,
        lab_id=run.submission.lab_id,
        since=run.claimed_at,
        heartbeat_at=run.heartbeat_at,
    )
    assert at_rest == WorkerAtWork(name="host:3", ended_count=1)


@pytest.mark.parametrize("silent", [LOST_AFTER - SECOND, LOST_AFTER + SECOND])
def test_a_worker_that_gives_no_sign_of_life_is_lost(silent: timedelta) -> None:
    hold("host:1", alive=silent)
    (worker,) = find_workers(NOW, {})
    assert worker.is_lost is (silent > LOST_AFTER)
