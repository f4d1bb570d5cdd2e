"""A box's own file tree as its worker sees it: through the box's root, held open, and never by following a link."""

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Final, Self

from labs.box.bubblewrap import OWN_FOLDERS, RUN

# The ports of a connection file, which over ipc are names: `<ip>-1` … `<ip>-5`.
SOCKETS: Final = (1, 2, 3, 4, 5)


class BoxRoot:
    """What of a running box can be reached from outside. Nothing of it is ever visible on the machine's disk."""

    def __init__(self, root: int, token: str) -> None:
        """Raises OSError where this is not the root of a box."""
        self._token = token
        with contextlib.ExitStack() as stack:
            self._run = _open_below(root, RUN, stack)
            self._folders = [_open_below(root, folder, stack) for folder in OWN_FOLDERS]
            if not stat.S_ISREG(os.lstat(f"{token}.json", dir_fd=self._run).st_mode):
                raise OSError("no mark of the launcher")
            self._open = stack.pop_all()

    @classmethod
    def find(cls, first_pid: int, token: str) -> Self | None:
        """The root of the box with this first process, as soon as its launcher has left its mark there.

        The first process shows the machine's own root until bubblewrap has moved it into the new one.
        """
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            root = os.open(f"/proc/{first_pid}/root", os.O_PATH | os.O_DIRECTORY)
            stack.callback(os.close, root)
            return cls(root, token)
        return None

    @property
    def has_sockets(self) -> bool:
        """Whether the kernel has made all of its sockets."""
        try:
            modes = [os.lstat(f"{self._token}-{port}", dir_fd=self._run).st_mode for port in SOCKETS]
        except OSError:
            return False
        return all(stat.S_ISSOCK(mode) for mode in modes)

    @contextlib.contextmanager
    def open_socket(self, port: int) -> Iterator[str]:
        """A path to connect to that leads to this socket of the box and nowhere else, whatever stands at its name.

        Raises OSError for anything but a socket: a link would lead into the machine's own files.
        """
        descriptor = os.open(f"{self._token}-{port}", os.O_PATH | os.O_NOFOLLOW, dir_fd=self._run)
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                raise OSError(f"no socket at port {port}")
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)

    def unlink_sockets(self) -> None:
        """Take the sockets and their key away: what is connected stays so, and nobody else ever connects."""
        for name in [f"{self._token}.json", *(f"{self._token}-{port}" for port in SOCKETS)]:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._run)

    def count_files(self) -> int:
        """How many files, folders and links there are: each is memory of the machine that no size shows."""
        counts = [os.fstatvfs(folder) for folder in self._folders]
        return sum(each.f_files - each.f_ffree for each in counts)

    def close(self) -> None:
        self._open.close()


def _open_below(folder: int, path: str, stack: contextlib.ExitStack) -> int:
    """Open a folder below another one, following no link on the way; it stays open as long as the stack."""
    descriptor = folder
    for part in path.strip("/").split("/"):
        descriptor = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
        stack.callback(os.close, descriptor)
    return descriptor
