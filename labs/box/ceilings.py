"""The limits that the machine itself holds every process of a box to."""

import contextlib
import os
import platform
import re
from typing import Final

import psutil

from labs.box.limits import MEBIBYTE, BoxLimits

# Libraries reserve far more address space than they ever use, so this only stops the absurd at once; what is
# really used, the watcher counts.
_ADDRESS_SPACE_FACTOR: Final = 2
_ADDRESS_SPACE_SLACK: Final = 2048 * MEBIBYTE
_OPEN_FILES: Final = 512
# Timers and queued signals are memory of the machine's kernel, and a user's boxes share one account with the worker.
_PENDING_SIGNALS: Final = 256
# The machine stops a little above the limit at which the watcher calls it a fault, so that there is one to see.
_SPARE_TASKS: Final = 4


def make_ceilings(limits: BoxLimits, *, has_devices: bool = False) -> dict[str, int]:
    """With devices there is none for address space: the drivers of accelerators reserve that of all their memory."""
    space = limits.memory_bytes * _ADDRESS_SPACE_FACTOR + _ADDRESS_SPACE_SLACK
    return {
        **({} if has_devices else {"RLIMIT_AS": space}),
        "RLIMIT_NPROC": limits.processes + _SPARE_TASKS + _other_tasks(),
        "RLIMIT_FSIZE": limits.disk_bytes,
        "RLIMIT_NOFILE": _OPEN_FILES,
        "RLIMIT_SIGPENDING": _PENDING_SIGNALS,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_RTPRIO": 0,
        "RLIMIT_CORE": 0,
    }


def _other_tasks() -> int:
    """What RLIMIT_NPROC counts besides the box: before Linux 5.14, all that the user runs on the machine."""
    release = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])
    if os.geteuid() == 0 or release >= (5, 14):
        return 0
    tasks = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            tasks += process.num_threads() if process.uids().real == os.getuid() else 0
    return tasks
