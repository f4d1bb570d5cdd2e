"""Waiting for something to become true. No test sleeps for a time that it hopes is long enough."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def wait_until(find: Callable[[], Answer | None], what: str, *, seconds: float = 60) -> Answer:
    """Ask until the answer is truthy and return it; fail with `what` in words when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := find()):
        if time.monotonic() > deadline:
            raise AssertionError(f"After {seconds:.0f} s still not so: {what}. Last answer: {answer!r}")
        time.sleep(0.05)
    return answer
