"""A worker process that hangs over one piece of work ends itself, so that Celery puts another one in its place."""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

STDERR: Final = 2  # `sys.stderr` of a worker is a logger


@dataclass
class ThisProcess:
    """Whether nothing is lost when this process ends: so for a worker of a pool, never for one that serves pages."""

    is_expendable: bool = False


this_process = ThisProcess()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End the process, after a word on its stderr of where it hung, where the body takes longer than that.

    A thread of Python could not: it never runs while a regular expression or a library holds the interpreter.
    """
    if not this_process.is_expendable:
        yield
        return
    faulthandler.dump_traceback_later(seconds, exit=True, file=STDERR)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
