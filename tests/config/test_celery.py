"""What a worker does before it forks."""

import gc
from types import SimpleNamespace
from typing import Any

import pytest

from config.celery import load_pipeline
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
