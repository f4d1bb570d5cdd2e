"""Real servers for `live` tests, started and ended here. What is missing is a failure in CI, else a skip."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from deploy.ports import is_free

T = TypeVar("T")
OFFSETS = (0, 10, 11, 12, 20, 21, 22)


def require(is_there: bool, what: str) -> None:
    """Skip with the sentence `what` where something is missing; in CI fail with it."""
    if is_there:
        return
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def find_base_port() -> int:
    """A port for Paja whose hubs' ports are free too, below those that Linux gives to whoever calls."""
    for base in range(10_000 + os.getpid() % 500 * 30, 32_700, 30):
        if all(is_free(base + offset) for offset in OFFSETS):
            return base
    raise RuntimeError("no free ports")


def wait_for(look: Callable[[], T], *, seconds: float, what: str) -> T:
    """The first true answer of `look`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"{what}: not within {seconds} s")
