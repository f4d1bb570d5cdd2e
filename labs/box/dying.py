"""A process that ends when its parent does, however that one ends."""

import ctypes
import os
import signal
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> None:
    """Have the machine kill this process as soon as its parent, or the thread that started it, is gone."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # gone before it was asked for
        os.kill(os.getpid(), signal.SIGKILL)
