"""Handing tasks to a queue that may be down."""

from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from labs import publishing, tasks
from labs.exceptions import QueueDownError
from labs.publishing import QUIET_SECONDS, Silence, connect_broker, count_messages, publish


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "silence", Silence())


class Broker:
    """Takes tasks, or fails; `asked` counts how often it was tried."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
        self.asked = 0
        self.error = error
        self.now = 1000.0
        monkeypatch.setattr(tasks.spawn_session, "apply_async", self.take)
        monkeypatch.setattr("labs.publishing.time.monotonic", lambda: self.now)

    def take(self, *_args: Any, **_options: Any) -> None:
        self.asked += 1
        if self.error:
            raise self.error


@pytest.mark.parametrize("error", [OperationalError(), ConnectionRefusedError(), TimeoutError()])
def test_a_broker_that_is_down_is_asked_once_and_then_left_in_peace_for_a_while(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    broker = Broker(monkeypatch, error)
    for _ in range(3):
        with pytest.raises(QueueDownError):
            publish(tasks.spawn_session, 1, queue="spawning.kajaani")
    assert broker.asked == 1

    broker.error, broker.now = None, broker.now + QUIET_SECONDS
    publish(tasks.spawn_session, 1, queue="spawning.kajaani")
    assert broker.asked == 2


def test_a_mistake_of_ours_is_not_taken_for_a_broker_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    Broker(monkeypatch, TypeError())
    with pytest.raises(TypeError):
        publish(tasks.spawn_session, 1, queue="spawning.kajaani")


def test_a_request_waits_less_than_a_second_for_the_broker() -> None:
    options = connect_broker().transport_options or {}
    assert max(options["socket_timeout"], options["socket_connect_timeout"]) < 1
    assert options["max_retries"] == 0


def test_messages_that_nobody_has_taken_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Connection("memory://")
    monkeypatch.setattr(publishing, "connect_broker", lambda: broker)
    assert count_messages("spawning.nowhere") == 0
    for _ in range(2):
        publish(tasks.spawn_session, 1, queue="spawning.nowhere")
    assert count_messages("spawning.nowhere") == 2


def test_nothing_is_counted_where_the_broker_is_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broker = Connection(f"redis+socket://{tmp_path}/redis.sock", transport_options={"max_retries": 0})
    monkeypatch.setattr(publishing, "connect_broker", lambda: broker)
    with pytest.raises(QueueDownError):
        count_messages("grading")
    with pytest.raises(QueueDownError):
        publish(tasks.spawn_session, 1, queue="spawning.kajaani")
