"""The limits that hold for a whole tree of processes, which nothing short of cgroups would watch for us."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import psutil

from labs.box.limits import BoxLimits

_WATCH_SECONDS: Final = 0.05
# Looking may take this part of the time, so that watching many processes slows nobody down.
_LONGEST_SHARE: Final = 0.2

# Memory of the machine's kernel that no process's size shows: a page for a file besides its content, and what a
# socket holds at most before its reader comes. A kernel and its libraries have a few dozen sockets.
_FILE_BYTES: Final = 4096
_SOCKET_BYTES: Final = 1024 * 1024
_FREE_SOCKETS: Final = 64
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


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

    def find_fault(self, files: int = 0, *, at_once: bool = False) -> Fault | None:
        """Whether the tree is over its limits, looked at no more often than every 50 ms unless `at_once`.

        `files` is how many there are in the box.
        """
        started_at = time.monotonic()
        if not at_once and started_at < self._next_look:
            return None
        processes = list(self._list())
        beside = files * _FILE_BYTES + max(0, self._count_sockets() - _FREE_SOCKETS) * _SOCKET_BYTES
        sizes = [_read_size(pid) for pid in processes]
        tasks, memory = sum(threads for threads, _ in sizes), sum(resident for _, resident in sizes)
        took = time.monotonic() - started_at
        self._next_look = started_at + max(_WATCH_SECONDS, took / _LONGEST_SHARE)
        if tasks >= self._limits.processes:
            return Fault.TOO_MANY_PROCESSES
        most = self._limits.memory_bytes - beside
        if memory > most and (most < 0 or _measure(processes) > most):
            return Fault.OUT_OF_MEMORY
        return None

    def _count_sockets(self) -> int:
        """Of the box's own network, which is nobody else's: the third word of "sockets: used 12"."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(_read(f"/proc/{self._first_pid}/net/sockstat").split(maxsplit=3)[2])
        return 0

    def _list(self) -> Iterator[int]:
        # From what the machine keeps per process, as psutil's children() reads every process there is.
        waiting = find_children(self._first_pid)
        while waiting:
            pid = waiting.pop()
            yield pid
            waiting += find_children(pid)


def find_children(pid: int) -> list[int]:
    """The process ids of a process's children; none when it is gone."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 (asked for at every cell)
            with contextlib.suppress(OSError):
                found += map(int, _read(f"/proc/{pid}/task/{task}/children").split())
    return found


def _read_size(pid: int) -> tuple[int, int]:
    """Threads and resident bytes of a process, by one file of proc(5); nothing when it is gone."""
    with contextlib.suppress(OSError, IndexError):
        # Behind the program's name, which may hold anything; of all words these two are the 20th and the 24th.
        words = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        return int(words[17]), int(words[21]) * _PAGE_BYTES
    return 0, 0


def _read(path: str) -> bytes:
    # Without a buffer and a decoder: a box is looked at after each of its cells.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 65536)
    finally:
        os.close(descriptor)


def _measure(processes: Sequence[int]) -> int:
    """Memory with shared pages counted once, which forks of one kernel have many of."""
    total = 0
    for pid in processes:
        with contextlib.suppress(psutil.Error):
            total += psutil.Process(pid).memory_full_info().pss
    return total
