"""Whether what a process forks would be apart from it and from each other, as its worker sees it."""

import os
import time
from pathlib import Path

_LOOKS, _LOOK_SECONDS = 20, 0.05


def find_obstacle(pid: int) -> str:
    """What this process has that a fork must not inherit, or cannot; empty where there is nothing, or no process."""
    if not _has_one_thread(pid):
        return "starts threads"
    if _has_shared_memory(pid):
        # One box would write there what the next one reads; semaphores are such memory too.
        return "makes memory that all forks would share"
    return ""


def _has_one_thread(pid: int) -> bool:
    """A thread that has ended may still be on its way out."""
    for _ in range(_LOOKS):
        try:
            if len(os.listdir(f"/proc/{pid}/task")) == 1:  # noqa: PTH208
                return True
        except OSError:
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _has_shared_memory(pid: int) -> bool:
    # Not by the rights in `maps`: what is shared and not written to now may become so, files for reading never.
    try:
        flags = Path(f"/proc/{pid}/smaps").read_text()
    except FileNotFoundError:
        return Path(f"/proc/{pid}").exists()
    except OSError:
        return True
    return any(line.startswith("VmFlags:") and "sh" in line.split() for line in flags.splitlines())
