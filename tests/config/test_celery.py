"""What a worker does before it forks, and what its processes do first."""

import gc
from types import SimpleNamespace
from typing import Any

import pytest

from config import celery
from config.celery import load_pipeline, start_fork_server
from labs import box
from labs.nbgrader import warming


def worker(*queues: str) -> Any:
    return SimpleNamespace(
        app=SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=queues)))
    )


@pytest.mark.parametrize(
    ("queues", "times"),
    [(["grading"], 1), (["sweeping", "grading"], 1), (["spawning.kajaani"], 0)],
)
def test_a_worker_that_grades_is_warm_before_it_forks(
    queues: list[str], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed: list[int] = []
    monkeypatch.setattr(warming, "warm_up", lambda: warmed.append(gc.get_freeze_count()))
    try:
        load_pipeline(worker(*queues))
        assert len(warmed) == times
        assert bool(gc.get_freeze_count()) is bool(times)
    finally:
        gc.unfreeze()


@pytest.mark.parametrize(("queues", "times"), [(["grading"], 1), (["sweeping"], 0), (["grading.kajaani"], 0)])
def test_a_process_that_grades_starts_what_kernels_are_forked_from(
    queues: list[str], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[box.BoxEnvironment] = []
    monkeypatch.setattr(box, "start_forking", started.append)
    monkeypatch.setattr(celery, "app", worker(*queues).app)
    start_fork_server()
    assert len(started) == times
