"""One box as a tree of processes: started, watched, and killed as a whole."""

import contextlib
import json
import logging
import os
import platform
import re
import secrets
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Final, Self

import psutil

from labs.box.bubblewrap import HOME, RUN, WORK, Identity, build_command, read_info
from labs.box.limits import MEBIBYTE, BoxEnvironment, BoxLimits
from labs.box.seccomp import build_filter
from labs.box.watching import Fault, ProcessTree
from labs.exceptions import BoxUnavailableError

logger = logging.getLogger(__name__)

_LAUNCHER: Final = Path(__file__).with_name("launch.py").read_text()
_INFO_SECONDS: Final = 60
_KILL_SECONDS: Final = 60
# Libraries reserve far more address space than they ever use, so this only stops the absurd at once; what is
# really used, the watcher counts.
_ADDRESS_SPACE_FACTOR: Final = 2
_ADDRESS_SPACE_SLACK: Final = 2048 * MEBIBYTE
_OPEN_FILES: Final = 512
# The machine stops a little above the limit at which the watcher calls it a fault, so that there is one to see.
_SPARE_TASKS: Final = 4
_DIAGNOSIS_BYTES: Final = 8192

# systemd's list of user ids (UIDS-GIDS) leaves everything from here up unused; a container's own map may end
# earlier, hence the second choice.
_UID_RANGES: Final = ((1_879_048_192, 16_777_216), (20_000, 40_000))
_BOX_UID: Final = 1000


class BoxProcess:
    """A running box. Use it in `with`: on leaving, every process in it is dead, whatever they do against it."""

    def __init__(
        self,
        environment: BoxEnvironment,
        limits: BoxLimits,
        *,
        files: Mapping[str, bytes],
        variables: Mapping[str, str],
        connection: Mapping[str, object],
        command: Sequence[str],
    ) -> None:
        """Raises BoxUnavailableError when this machine cannot close a box. `files` are below the working folder."""
        self._limits = limits
        self._diagnosis = b""
        self._token = secrets.token_hex(8)
        self._root: int | None = None
        self._pidfd: int | None = None
        identity = find_identity()
        orders = {
            "uid": identity.unix_uid,
            "work": WORK,
            "files": [[name, len(content)] for name, content in files.items()],
            "connection_file": self.connection_file,
            "connection": {**connection, "ip": f"{RUN}/{self._token}"},
            "limits": _resource_limits(limits),
            "command": [part.replace("{connection_file}", self.connection_file) for part in command],
        }
        with contextlib.ExitStack() as stack:
            told = stack.enter_context(tempfile.TemporaryFile())
            told.write(json.dumps(orders).encode() + b"\n")
            told.writelines(files.values())
            told.seek(0)
            info = self._start(environment, identity, variables, told, stack)
            try:
                self._open_first_process(info)
            except BaseException:
                self.kill()
                raise

    def _start(
        self,
        environment: BoxEnvironment,
        identity: Identity,
        variables: Mapping[str, str],
        told: IO[bytes],
        stack: contextlib.ExitStack,
    ) -> IO[bytes]:
        """Start bubblewrap with the launcher in it; returns what bubblewrap says about itself."""
        info_read, info_write = os.pipe()
        info = stack.enter_context(open(info_read, "rb", buffering=0))  # noqa: PTH123, SIM115
        texts = {path: _pipe_with(stack, text) for path, text in _etc(identity.uid).items()}
        program = build_filter()
        seccomp = [_pipe_with(stack, program)] if program else []
        argv = build_command(
            environment,
            self._limits,
            identity,
            variables=variables,
            texts=texts,
            info_fd=info_write,
            seccomp_fd=seccomp[0] if seccomp else None,
            command=[str(environment.python), "-I", "-S", "-c", _LAUNCHER],
        )
        try:
            # No variable of ours: the box's first process shows its environment to everything in the box.
            self._bubblewrap = subprocess.Popen(
                argv,
                stdin=told,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={},
                cwd="/",
                pass_fds=[info_write, *texts.values(), *seccomp],
            )
        except OSError as error:
            raise BoxUnavailableError(f"bubblewrap does not start: {error}") from error
        finally:
            os.close(info_write)
        return info

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def connection_file(self) -> str:
        return f"{RUN}/{self._token}.json"

    def find_sockets(self) -> str | None:
        """The path, outside, that the kernel's sockets start with, once the last of them is bound.

        It leads through the box's own root, held open, so nothing of the box is ever visible on the machine's
        disk. Only to be followed before learners' code runs: after that, they could have put links there.
        """
        if self._root is None:
            self._root = self._find_root()
        if self._root is None:
            return None
        prefix = f"/proc/self/fd/{self._root}{RUN}/{self._token}"
        return prefix if os.path.lexists(f"{prefix}-5") else None

    def _find_root(self) -> int | None:
        # The first process shows the machine's root until bubblewrap has moved it into the new one.
        with contextlib.suppress(OSError):
            root = os.open(f"/proc/{self._first_pid}/root", os.O_PATH | os.O_DIRECTORY)
            if os.path.lexists(f"/proc/self/fd/{root}{self.connection_file}"):
                return root
            os.close(root)
        return None

    @property
    def is_alive(self) -> bool:
        return self._bubblewrap.poll() is None

    @property
    def _stderr(self) -> IO[bytes]:
        assert self._bubblewrap.stderr is not None  # noqa: S101 (it was asked for)
        return self._bubblewrap.stderr

    def drain_stderr(self) -> str:
        """What the box has said for the log so far: a few kilobytes of it, the rest is read and thrown away."""
        if select.select([self._stderr], [], [], 0)[0]:
            said = os.read(self._stderr.fileno(), 65536)
            self._diagnosis = (self._diagnosis + said)[:_DIAGNOSIS_BYTES]
        return self._diagnosis.decode(errors="replace").strip()

    def find_fault(self, *, at_once: bool = False) -> Fault | None:
        """See ProcessTree; what the box says on stderr is read along, or it would wait for a reader."""
        self.drain_stderr()
        return self._tree.find_fault(at_once=at_once)

    def kill(self) -> None:
        """End every process of the box and wait until they are gone. May be called again."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            # The first process of a namespace is dead only when all the others are.
            select.select([self._pidfd], [], [], _KILL_SECONDS)
            os.close(self._pidfd)
            self._pidfd = None
        if self._root is not None:
            os.close(self._root)
            self._root = None
        self._bubblewrap.kill()
        try:
            self._bubblewrap.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            logger.exception("a box was killed and has not ended yet")
        self._stderr.close()

    def _open_first_process(self, info: IO[bytes]) -> None:
        text = b""
        deadline = time.monotonic() + _INFO_SECONDS
        while (pid := read_info(text.decode(errors="replace"))) is None:
            ready = select.select([info], [], [], max(0, deadline - time.monotonic()))[0]
            more = info.read(4096) if ready else b""
            if not more:
                raise BoxUnavailableError(f"bubblewrap closes no box here: {self.drain_stderr()}")
            text += more
        self._first_pid = pid
        self._tree = ProcessTree(pid, self._limits)
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            raise BoxUnavailableError(f"bubblewrap closes no box here: {self.drain_stderr()}") from None


def find_identity() -> Identity:
    """Root becomes a user id that nobody else has, another one for each box; a user stays who they are."""
    if os.geteuid() != 0:
        return Identity(uid=_BOX_UID)
    mapped = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    for start, count in _UID_RANGES:
        if any(first <= start and start + count <= first + length for first, _, length in mapped):
            uid = start + secrets.randbelow(count)
            return Identity(uid=uid, unix_uid=uid)
    raise BoxUnavailableError("this root has no user ids to give to a box", reason="no_unix_users")


def check_file_names(files: Mapping[str, bytes]) -> list[str]:
    """The names that cannot be files below a working folder: absolute, leading out of it, empty or unspeakable."""
    return [name for name in files if not _is_plain(name)]


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return False
    parts_fit = all(len(part.encode()) <= 255 for part in path.parts)
    is_below = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return is_below and parts_fit and b"\0" not in encoded and len(encoded) <= 1024 and str(path) == name


def _resource_limits(limits: BoxLimits) -> dict[str, int]:
    return {
        "RLIMIT_AS": limits.memory_bytes * _ADDRESS_SPACE_FACTOR + _ADDRESS_SPACE_SLACK,
        "RLIMIT_NPROC": limits.processes + _SPARE_TASKS + _other_tasks(),
        "RLIMIT_FSIZE": limits.disk_bytes,
        "RLIMIT_NOFILE": _OPEN_FILES,
        "RLIMIT_MSGQUEUE": 0,
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


def _etc(uid: int) -> dict[str, bytes]:
    """The few files of /etc without which libraries stumble; the learner is the only account."""
    return {
        "/etc/passwd": f"learner:x:{uid}:{uid}:Learner:{HOME}:/bin/sh\n".encode(),
        "/etc/group": f"learner:x:{uid}:\n".encode(),
        "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
        "/etc/hosts": b"127.0.0.1 localhost box\n",
    }


def _pipe_with(stack: contextlib.ExitStack, content: bytes) -> int:
    """A descriptor to read this from; small enough for a pipe to hold it (64 KiB)."""
    read_end, write_end = os.pipe()
    stack.callback(os.close, read_end)
    with open(write_end, "wb") as file:  # noqa: PTH123
        file.write(content)
    return read_end
