"""The way of a forked process into a box that bubblewrap has closed. Standard library only: it runs in the server."""

import ctypes
import os
from collections.abc import Iterable

# linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_MOUNTS, _CGROUP, _UTS, _IPC, _USER, _PROCESSES, _NETWORK = (
    0x00020000,
    0x02000000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 4, 38, 22, 2

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


class _FilterProgram(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def set_process_namespace(box: int) -> None:
    """Let what this process forks from now on be processes of the box that this pidfd is of."""
    _set_namespaces(box, _PROCESSES)


def enter_namespaces(box: int, *, has_user_namespace: bool) -> None:
    """All the other namespaces of the box. At once, since those of mounts and users belong to different levels."""
    user = _USER if has_user_namespace else 0
    _set_namespaces(box, user | _MOUNTS | _NETWORK | _IPC | _UTS | _CGROUP)


def become_readable() -> None:
    """Own one's files in /proc again, which whoever changes rights loses, and a program started anew has."""
    _prctl(_PR_SET_DUMPABLE, 1)


def load_filter(instructions: bytes) -> None:
    """Never new privileges, and from now on only the system calls that the filter lets through."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    program = _FilterProgram(len(instructions) // 8, instructions)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


def close_descriptors(kept: Iterable[int]) -> None:
    """Close everything but these and the three standard ones."""
    start = 3
    for descriptor in sorted(kept):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def _set_namespaces(box: int, kinds: int) -> None:
    if _libc.setns(box, kinds):
        raise OSError(ctypes.get_errno(), "the box's namespaces cannot be entered")


def _prctl(option: int, first: int, second: int = 0) -> None:
    if _libc.prctl(option, first, second, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option} is refused")
