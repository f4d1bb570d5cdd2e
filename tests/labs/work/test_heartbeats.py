"""A worker that says that it is alive."""

import threading
from unittest.mock import Mock

import pytest
from django.db import OperationalError

from labs.work import heartbeats
from labs.work.heartbeats import heartbeat


@pytest.fixture(autouse=True)
def _connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "connection", Mock())
    monkeypatch.setattr(heartbeats, "HEARTBEAT_SECONDS", 0.001)


def test_it_beats_until_the_work_ends() -> None:
    beats = threading.Semaphore(0)
    with heartbeat(beats.release, name="run-1"):
        assert all(beats.acquire(timeout=10) for _ in range(3))
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat-run-1"]


def test_a_heartbeat_that_cannot_be_written_is_only_one_that_is_missing() -> None:
    tried = threading.Semaphore(0)

    def refuse() -> None:
        tried.release()
        raise OperationalError("database is locked")

    with heartbeat(refuse, name="run-1"):
        assert all(tried.acquire(timeout=10) for _ in range(3))
