"""The first program inside a box: its child becomes the learner, lays out the files, takes on the limits, starts the
kernel.

It is sent as text to the box's interpreter and must need nothing but the standard library. Its orders come on
standard input: one line of JSON, then the content of the files, one behind the other. A kernel that is forked
(`forking/`) settles in its box by the same function.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import IO, Any

PR_CAPBSET_DROP = 24
LAST_CAPABILITY = 40
CAPABILITY_VERSION_3 = 0x20080522


def become(uid: int | None) -> None:
    """Give up root for good: user, groups, and every capability in every set."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "the capabilities stay")


def lay_out(stream: IO[bytes], folder: Path, files: list[tuple[str, int]]) -> None:
    for name, size in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(stream.read(size))


def limit(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def settle(orders: dict[str, Any], stream: IO[bytes]) -> None:
    """Everything between the box's start and its kernel's."""
    # Before root is given up, since a process that changed its user may not write below its own /proc/self.
    Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(5)
    become(orders["uid"])
    os.umask(0o077)
    Path(orders["work"]).mkdir()
    lay_out(stream, Path(orders["work"]), orders["files"])
    Path(orders["connection_file"]).write_text(json.dumps(orders["connection"]))
    limit(orders["limits"])
    os.chdir(orders["work"])


def stay(kernel: int) -> None:
    """As the box's first process: end with the kernel, and wait for those whose parents have not."""
    # Which the machine then keeps from a first process, as it does all signals from inside.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    while os.wait()[0] != kernel:
        pass


def main() -> None:
    if kernel := os.fork():
        stay(kernel)
        return
    stream = sys.stdin.buffer
    orders = json.loads(stream.readline())
    settle(orders, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execvp(orders["command"][0], orders["command"])  # noqa: S606 (the kernel, in this process's place)


if __name__ == "__main__":
    main()
