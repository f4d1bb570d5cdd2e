"""Many at once, each on a connection of its own. Needs a database with real concurrency."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection

T = TypeVar("T")


def require_row_locks() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer: tests/test_postgres.py runs this on PostgreSQL")


def at_once(*actions: Callable[[], T]) -> list[T]:
    """The answers of actions that begin together."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[], T]) -> T:
        try:
            barrier.wait()
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))
