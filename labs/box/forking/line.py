"""The line between a worker and a kernel that is being forked into a box; closed before learners' code runs."""

import array
import select
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from labs.box.descriptors import wait_for
from labs.box.forking.server import ForkServer, ForkServerError

_HERE_SECONDS: Final = 30


class KernelLine:
    """What is said on it: the fork that it is there, the worker its orders, the fork that its sockets are bound."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.is_bound = False
        self.is_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        return self._ours.fileno()

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()

    def ask(self, server: ForkServer, box: int, errors: int) -> int:
        """Have a kernel forked into the box; returns its pidfd. It waits for its orders, and nothing of it has run.

        Raises ForkServerError where none comes: nothing of a learner is to blame for that.
        """
        server.fork(box, self._theirs.fileno(), errors)
        self._theirs.close()
        deadline = time.monotonic() + _HERE_SECONDS
        if not wait_for(self.fileno(), select.POLLIN, deadline - time.monotonic()):
            raise ForkServerError("no fork reports from a box")
        pidfd = self._receive_descriptor()
        if pidfd is None:
            raise ForkServerError(f"no kernel is forked into a box: {server.diagnosis}")
        return pidfd

    def _receive_descriptor(self) -> int | None:
        descriptors = array.array("i")
        said, ancillary, _, _ = self._ours.recvmsg(
            4, socket.CMSG_LEN(descriptors.itemsize), socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(content)
        return descriptors[0] if said == b"here" and len(descriptors) == 1 else None

    def hear_bound(self, seconds: float) -> bool:
        """Whether the kernel's sockets are bound, waiting at most so long."""
        if not self.is_bound and not self.is_ended and wait_for(self.fileno(), select.POLLIN, seconds):
            said = self._ours.recv(5)
            self.is_bound, self.is_ended = said == b"bound", not said
        return self.is_bound


def read_pid(pidfd: int) -> int:
    """The process id that this pidfd is of, as the worker sees it; -1 when the process is gone."""
    lines = Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines()
    return next(int(line.partition(":")[2]) for line in lines if line.startswith("Pid:"))
