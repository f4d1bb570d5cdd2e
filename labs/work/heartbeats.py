"""Saying every few seconds that a worker is alive, while it does what takes minutes."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS: Final = 3.0


@contextmanager
def heartbeat(say_alive: Callable[[], object], *, name: str) -> Iterator[None]:
    """Call `say_alive`, which writes a row, every HEARTBEAT_SECONDS from a thread until the body ends."""
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(HEARTBEAT_SECONDS):
                beat_once(say_alive, name=name)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def beat_once(say_alive: Callable[[], object], *, name: str) -> None:
    """A database that is away for a moment must not make the work look dead for good."""
    try:
        say_alive()
    except DatabaseError:
        logger.exception("%s: no heartbeat", name)
        connection.close()
