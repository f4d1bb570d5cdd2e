"""Handing a task to a queue. Whoever asks for it must not wait for a broker that is down."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from celery import Task, current_app
from kombu import Connection, Producer
from kombu.exceptions import ChannelError, LimitExceeded, OperationalError
from kombu.pools import producers

from labs.exceptions import QueueDownError

PUBLISH_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 5.0


@dataclass
class Silence:
    """Until when (`time.monotonic`) this process does not ask a broker that did not answer."""

    until: float = 0.0


silence = Silence()


def publish(task: "Task[Any, Any]", *args: object, queue: str, **options: Any) -> None:
    """Queue a task, or raise QueueDownError within a second; for QUIET_SECONDS after that, at once."""
    with _ask_broker(task.name) as producer:
        task.apply_async(args, queue=queue, producer=producer, **options)


def count_messages(queue: str) -> int:
    """How many tasks stand in a queue and no worker has taken yet; QueueDownError as for `publish`."""
    with _ask_broker(queue) as producer:
        channel: Any = producer.channel
        try:
            found = channel.queue_declare(queue=queue, passive=True)
        except ChannelError:  # a queue that is empty is not there
            return 0
        return int(found.message_count)


@contextmanager
def _ask_broker(name: str) -> Iterator[Producer]:
    if time.monotonic() < silence.until:
        raise QueueDownError(f"{name}: the broker did not answer just now")
    broker = connect_broker()
    faults: tuple[type[BaseException], ...] = (OperationalError, LimitExceeded, OSError)
    faults += broker.connection_errors
    try:
        with producers[broker].acquire(block=True, timeout=PUBLISH_SECONDS) as producer:
            yield producer
    except faults as error:
        silence.until = time.monotonic() + QUIET_SECONDS
        raise QueueDownError(f"{name}: {error}") from error


@cache
def connect_broker() -> Connection:
    """Celery's own connections wait 5 s for an answer and try three times, which is right for a worker."""
    options = {
        **current_app.conf.broker_transport_options,
        "socket_connect_timeout": PUBLISH_SECONDS,
        "socket_timeout": PUBLISH_SECONDS,
        "max_retries": 0,
    }
    return current_app.connection_for_write(transport_options=options)
