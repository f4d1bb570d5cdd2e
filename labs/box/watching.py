"""The limits that hold for a whole tree of processes, which nothing short of cgroups would watch for us."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import psutil

from labs.box.limits import BoxLimits

_WATCH_SECONDS: Final = 0.05
# Looking may take this part of the time, so that watching many processes slows nobody down.
_LONGEST_SHARE: Final = 0.2


class Fault(StrEnum):
    """What a cell can do that ends or disturbs a run."""

    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MANY_PROCESSES = "too_many_processes"
    TOO_MUCH_OUTPUT = "too_much_output"
    KERNEL_DIED = "kernel_died"


class ProcessTree:
    """Everything that descends from the first process of a box."""

    def __init__(self, first_pid: int, limits: BoxLimits) -> None:
        self._first_pid = first_pid
        self._limits = limits
        self._next_look = 0.0

    def find_fault(self, *, at_once: bool = False) -> Fault | None:
        """Whether the tree is over its limits, looked at no more often than every 50 ms unless `at_once`."""
        started_at = time.monotonic()
        if not at_once and started_at < self._next_look:
            return None
        processes = list(self._list())
        tasks = memory = 0
        for process in processes:
            with contextlib.suppress(psutil.Error):
                tasks += process.num_threads()
                memory += process.memory_info().rss
        took = time.monotonic() - started_at
        self._next_look = started_at + max(_WATCH_SECONDS, took / _LONGEST_SHARE)
        if tasks >= self._limits.processes:
            return Fault.TOO_MANY_PROCESSES
        if memory > self._limits.memory_bytes and _measure(processes) > self._limits.memory_bytes:
            return Fault.OUT_OF_MEMORY
        return None

    def _list(self) -> Iterator[psutil.Process]:
        # From what the machine keeps per process, as psutil's children() reads every process there is.
        waiting = _children(self._first_pid)
        while waiting:
            pid = waiting.pop()
            with contextlib.suppress(psutil.Error):
                yield psutil.Process(pid)
                waiting += _children(pid)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _measure(processes: Sequence[psutil.Process]) -> int:
    """Memory with shared pages counted once, which forks of one kernel have many of."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total
