"""One box as a tree of processes: started, watched, and killed as a whole."""

import contextlib
import json
import logging
import os
import secrets
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Final, Self

from labs.box import seeding
from labs.box.bubblewrap import HOME, RUN, WORK, build_command, read_info
from labs.box.ceilings import make_ceilings
from labs.box.cgroups import ControlGroup, find_home
from labs.box.identity import Identity, find_identity, make_etc
from labs.box.limits import BoxEnvironment, BoxLimits
from labs.box.root import BoxRoot
from labs.box.seccomp import build_filter
from labs.box.watching import Fault, ProcessTree, find_children
from labs.exceptions import BoxUnavailableError

logger = logging.getLogger(__name__)

_LAUNCHER: Final = Path(__file__).with_name("launch.py").read_text()
_INFO_SECONDS: Final = 60
_TELL_SECONDS: Final = 60
_KILL_SECONDS: Final = 60
_DIAGNOSIS_BYTES: Final = 8192


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
        self._root: BoxRoot | None = None
        self._pidfd: int | None = None
        self._kernel: int | None = None
        self._group: ControlGroup | None = None
        identity = find_identity()
        orders = {
            "uid": identity.unix_uid,
            "work": WORK,
            "files": [[name, len(content)] for name, content in files.items()],
            "connection_file": f"{RUN}/{self._token}.json",
            "connection": {**connection, "ip": f"{RUN}/{self._token}"},
            "limits": make_ceilings(limits),
            "command": [part.replace("{connection_file}", f"{RUN}/{self._token}.json") for part in command],
        }
        with contextlib.ExitStack() as stack:
            info = self._start(environment, identity, variables, stack)
            try:
                self._open_first_process(info)
                self._tell([json.dumps(orders).encode() + b"\n", *files.values()])
            except BaseException:
                self.kill()
                raise

    def _start(
        self,
        environment: BoxEnvironment,
        identity: Identity,
        variables: Mapping[str, str],
        stack: contextlib.ExitStack,
    ) -> IO[bytes]:
        """Start bubblewrap with the launcher in it; returns what bubblewrap says about itself."""
        info_read, info_write = os.pipe()
        info = stack.enter_context(open(info_read, "rb", buffering=0))  # noqa: PTH123, SIM115
        etc = {**make_etc(identity.uid, HOME), seeding.SITE: seeding.SITE_TEXT}
        texts = {path: _pipe_with(stack, text) for path, text in etc.items()}
        program = _pipe_with(stack, build_filter())
        argv = build_command(
            environment,
            self._limits,
            identity,
            variables=variables,
            texts=texts,
            info_fd=info_write,
            seccomp_fd=program,
            command=[str(environment.python), "-I", "-S", "-c", _LAUNCHER],
        )
        self._group = make_group(self._limits)
        try:
            # No variable of ours: the box's first process shows its environment to everything in the box. And a pipe
            # for its orders, no file: what it has open, learners' code may open too.
            self._bubblewrap = subprocess.Popen(
                [*(self._group.enter_command() if self._group else []), *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={},
                cwd="/",
                pass_fds=[info_write, *texts.values(), program],
            )
        except OSError as error:
            if self._group is not None:
                self._group.remove()
            raise BoxUnavailableError(f"bubblewrap does not start: {error}") from error
        finally:
            os.close(info_write)
        return info

    def _tell(self, parts: Sequence[bytes]) -> None:
        """Write the launcher's orders as it takes them. One that dies meanwhile is found out when it is waited for."""
        assert self._bubblewrap.stdin is not None  # noqa: S101 (it was asked for)
        deadline = time.monotonic() + _TELL_SECONDS
        with self._bubblewrap.stdin as stream, contextlib.suppress(BrokenPipeError):
            os.set_blocking(stream.fileno(), False)
            for part in parts:
                left = memoryview(part)
                while left:
                    if not _wait_for(stream.fileno(), select.POLLOUT, deadline - time.monotonic()):
                        raise BoxUnavailableError(f"the launcher takes no orders: {self.drain_stderr()}")
                    left = left[os.write(stream.fileno(), left) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def find_sockets(self) -> BoxRoot | None:
        """The box's root, once all sockets of the kernel are in it."""
        if self._root is None:
            self._root = BoxRoot.find(self._first_pid, self._token)
        if self._root is None or not self._root.has_sockets:
            return None
        if self._kernel is None:
            # Before learners' code runs there is one process besides the first: the kernel, in the launcher's place.
            with contextlib.suppress(ProcessLookupError):
                self._kernel = os.pidfd_open(min(find_children(self._first_pid)))
        return self._root

    def interrupt(self) -> None:
        """Send the kernel the signal that the interrupt key of a terminal sends."""
        if self._kernel is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._kernel, signal.SIGINT)

    @property
    def is_alive(self) -> bool:
        return self._bubblewrap.poll() is None

    @property
    def _stderr(self) -> IO[bytes]:
        assert self._bubblewrap.stderr is not None  # noqa: S101 (it was asked for)
        return self._bubblewrap.stderr

    def drain_stderr(self) -> str:
        """What the box has said for the log so far: a few kilobytes of it, the rest is read and thrown away."""
        if _wait_for(self._stderr.fileno(), select.POLLIN, 0):
            said = os.read(self._stderr.fileno(), 65536)
            self._diagnosis = (self._diagnosis + said)[:_DIAGNOSIS_BYTES]
        return self._diagnosis.decode(errors="replace").strip()

    def find_fault(self, *, at_once: bool = False) -> Fault | None:
        """See ProcessTree; what the box says on stderr is read along, or it would wait for a reader."""
        self.drain_stderr()
        if self._group is not None and self._group.was_out_of_memory:
            return Fault.OUT_OF_MEMORY
        if self._group is not None and self._group.was_out_of_tasks:
            return Fault.TOO_MANY_PROCESSES
        return self._tree.find_fault(self._root.count_files() if self._root else 0, at_once=at_once)

    def kill(self) -> None:
        """End every process of the box and wait until they are gone. May be called again."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            # The first process of a namespace is dead only when all the others are.
            _wait_for(self._pidfd, select.POLLIN, _KILL_SECONDS)
        for descriptor in (self._pidfd, self._kernel):
            if descriptor is not None:
                os.close(descriptor)
        self._pidfd = self._kernel = None
        if self._root is not None:
            self._root.close()
            self._root = None
        self._bubblewrap.kill()
        try:
            self._bubblewrap.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            logger.exception("a box was killed and has not ended yet")
        self._stderr.close()
        if self._group is not None:
            self._group.remove()

    def _open_first_process(self, info: IO[bytes]) -> None:
        text = b""
        deadline = time.monotonic() + _INFO_SECONDS
        while (pid := read_info(text.decode(errors="replace"))) is None:
            is_ready = _wait_for(info.fileno(), select.POLLIN, deadline - time.monotonic())
            more = info.read(4096) if is_ready else b""
            if not more:
                raise BoxUnavailableError(f"bubblewrap closes no box here: {self.drain_stderr()}")
            text += more
        self._first_pid = pid
        self._tree = ProcessTree(pid, self._limits)
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            raise BoxUnavailableError(f"bubblewrap closes no box here: {self.drain_stderr()}") from None


def make_group(limits: BoxLimits) -> ControlGroup | None:
    """A group for a box, where this machine lets its worker make one."""
    home = find_home()
    if home is None:
        return None
    try:
        return ControlGroup.make(home, limits)
    except OSError:
        logger.warning("no control group for a box: its memory is bounded by watching", exc_info=True)
        return None


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


def _wait_for(descriptor: int, event: int, seconds: float) -> bool:
    """Whether it became ready for this, or ended, within so many seconds."""
    poll = select.poll()  # select() knows no descriptor above 1023
    poll.register(descriptor, event)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _pipe_with(stack: contextlib.ExitStack, content: bytes) -> int:
    """A descriptor to read this from; small enough for a pipe to hold it (64 KiB)."""
    read_end, write_end = os.pipe()
    stack.callback(os.close, read_end)
    with open(write_end, "wb") as file:  # noqa: PTH123
        file.write(content)
    return read_end
