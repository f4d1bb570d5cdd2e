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
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from labs.box import seeding
from labs.box.bubblewrap import HOME, RUN, WORK, build_command, read_info
from labs.box.ceilings import make_ceilings
from labs.box.cgroups import ControlGroup, make_group
from labs.box.descriptors import pipe_with, wait_for
from labs.box.forking.line import KernelLine, read_pid
from labs.box.forking.server import ForkServer, ForkServerError
from labs.box.identity import Identity, find_identity, make_etc
from labs.box.limits import BoxEnvironment, BoxLimits
from labs.box.root import BoxRoot
from labs.box.seccomp import build_filter
from labs.box.watching import Fault, ProcessTree, find_children
from labs.exceptions import BoxUnavailableError

logger = logging.getLogger(__name__)

_LAUNCHER: Final = Path(__file__).with_name("launch.py").read_text()
# The first process of a box into which a kernel is forked: says that the box is closed, then waits for its end.
# Children that it adopts need nobody to ask after them, as it ignores their ends.
_WAITER: Final = "echo; exec env -i --ignore-signal=CHLD sleep infinity >/dev/null 2>/dev/null"
_INFO_SECONDS: Final = 60
_TELL_SECONDS: Final = 60
_KILL_SECONDS: Final = 60
_END_SECONDS: Final = 1
_LOOK_SECONDS: Final = 0.005
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
        server: ForkServer | None = None,
    ) -> None:
        """Raises BoxUnavailableError when this machine cannot close a box. `files` are below the working folder.

        With a server the kernel is forked from it, not started by its command: then ForkServerError, too.
        """
        self._limits = limits
        self._server = server
        self._line: KernelLine | None = None
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
            "seeds": seeding.STATEMENTS["python"],
            "connection_file": f"{RUN}/{self._token}.json",
            "connection": {**connection, "ip": f"{RUN}/{self._token}"},
            "limits": make_ceilings(limits, has_devices=bool(environment.devices)),
            "command": [part.replace("{connection_file}", f"{RUN}/{self._token}.json") for part in command],
        }
        with contextlib.ExitStack() as stack:
            info, errors = self._start(environment, identity, variables, stack)
            try:
                self._open_first_process(info)
                if server is not None:
                    self._fork_kernel(server, errors, orders, variables, files)
                else:
                    assert self._bubblewrap.stdin is not None  # noqa: S101 (it was asked for)
                    with self._bubblewrap.stdin as stream:
                        self._tell(stream.fileno(), [json.dumps(orders).encode() + b"\n", *files.values()])
            except BaseException:
                self.kill()
                raise

    def _start(
        self,
        environment: BoxEnvironment,
        identity: Identity,
        variables: Mapping[str, str],
        stack: contextlib.ExitStack,
    ) -> tuple[IO[bytes], int]:
        """Start bubblewrap with the launcher in it; returns what it says about itself, and where to say errors."""
        info_read, info_write = os.pipe()
        info = stack.enter_context(open(info_read, "rb", buffering=0))  # noqa: PTH123, SIM115
        etc = {**make_etc(identity.uid, HOME), seeding.SITE: seeding.SITE_TEXT}
        texts = {path: pipe_with(stack, text) for path, text in etc.items()}
        program = pipe_with(stack, build_filter())
        self._errors, errors = os.pipe()
        stack.callback(os.close, errors)
        launcher = [str(environment.python), "-I", "-S", "-c", _LAUNCHER]
        argv = build_command(
            environment,
            self._limits,
            identity,
            variables=variables,
            texts=texts,
            info_fd=info_write,
            seccomp_fd=program,
            command=["/bin/sh", "-c", _WAITER] if self._server else launcher,
        )
        self._group = make_group(self._limits)
        try:
            # No variable of ours: the box's first process shows its environment to everything in the box. And a pipe
            # for its orders, no file: what it has open, learners' code may open too.
            self._bubblewrap = subprocess.Popen(
                [
                    *(self._group.enter_command() if self._group else []),
                    *(self._server.enter_command() if self._server else []),
                    *argv,
                ],
                stdin=subprocess.DEVNULL if self._server else subprocess.PIPE,
                stdout=subprocess.PIPE if self._server else subprocess.DEVNULL,
                stderr=errors,
                bufsize=0,
                env={},
                cwd="/",
                pass_fds=[info_write, *texts.values(), program],
            )
        except OSError as error:
            os.close(self._errors)
            if self._group is not None:
                self._group.remove()
            raise BoxUnavailableError(f"bubblewrap does not start: {error}") from error
        finally:
            os.close(info_write)
        return info, errors

    def _fork_kernel(
        self,
        server: ForkServer,
        errors: int,
        orders: Mapping[str, object],
        variables: Mapping[str, str],
        files: Mapping[str, bytes],
    ) -> None:
        """Have the server's fork enter the box, under the box's limits before it hears of the learner's files."""
        assert self._bubblewrap.stdout is not None  # noqa: S101 (it was asked for)
        assert self._pidfd is not None  # noqa: S101 (opened just now)
        with self._bubblewrap.stdout as waiter:
            if not wait_for(waiter.fileno(), select.POLLIN, _INFO_SECONDS) or not waiter.read(1):
                raise BoxUnavailableError(f"bubblewrap closes no box here: {self.drain_stderr()}")
        self._line = KernelLine()
        self._kernel = self._line.ask(server, self._pidfd, errors)
        if self._group is not None:
            try:
                self._group.add(read_pid(self._kernel))
            except OSError as error:
                raise ForkServerError(
                    f"a fork cannot be taken into the box's control group: {error}"
                ) from error
        program = build_filter()
        told = {**orders, "variables": {**variables}, "filter_size": len(program)}
        self._tell(self._line.fileno(), [json.dumps(told).encode() + b"\n", program, *files.values()])

    def _tell(self, descriptor: int, parts: Sequence[bytes]) -> None:
        """Write the launcher's orders as it takes them. One that dies meanwhile is found out when it is waited for."""
        deadline = time.monotonic() + _TELL_SECONDS
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            os.set_blocking(descriptor, False)
            for part in parts:
                left = memoryview(part)
                while left:
                    if not wait_for(descriptor, select.POLLOUT, deadline - time.monotonic()):
                        raise BoxUnavailableError(f"the launcher takes no orders: {self.drain_stderr()}")
                    left = left[os.write(descriptor, left) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def wait_for_sockets(self, seconds: float) -> BoxRoot | None:
        """The box's root, once all sockets of the kernel are in it; None where they are not after so long."""
        if self._line is not None and not self._line.hear_bound(seconds):
            return None
        until = time.monotonic() + seconds
        while (root := self._find_sockets()) is None and self.is_alive and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        return root

    def _find_sockets(self) -> BoxRoot | None:
        if self._root is None:
            self._root = BoxRoot.find(self._first_pid, self._token)
        if self._root is None or not self._root.has_sockets:
            return None
        if self._kernel is None:
            # Before learners' code runs there is one process besides the first: the kernel, in the launcher's place.
            with contextlib.suppress(ProcessLookupError):
                self._kernel = os.pidfd_open(min(find_children(self._first_pid)))
        return self._root

    @property
    def is_seeded(self) -> bool:
        """Whether its generators of numbers have been seeded by whoever started it."""
        return self._line is not None

    def interrupt(self) -> None:
        """Send the kernel the signal that the interrupt key of a terminal sends."""
        if self._kernel is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._kernel, signal.SIGINT)

    @property
    def is_alive(self) -> bool:
        """Whether the kernel is: a box whose first process only waits does not end with it."""
        if self._kernel is not None and wait_for(self._kernel, select.POLLIN, 0):
            return False
        return self._bubblewrap.poll() is None

    def drain_stderr(self) -> str:
        """What the box has said for the log so far: a few kilobytes of it, the rest is read and thrown away."""
        if wait_for(self._errors, select.POLLIN, 0):
            said = os.read(self._errors, 65536)
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
            wait_for(self._pidfd, select.POLLIN, _KILL_SECONDS)
        for descriptor in (self._pidfd, self._kernel):
            if descriptor is not None:
                os.close(descriptor)
        self._pidfd = self._kernel = None
        if self._root is not None:
            self._root.close()
            self._root = None
        if self._line is not None:
            self._line.close()
        self._end_bubblewrap()
        if self._errors >= 0:
            os.close(self._errors)
            self._errors = -1
        if self._group is not None:
            self._group.remove()

    def _end_bubblewrap(self) -> None:
        """It ends by itself behind its box, and takes the box's first process off the machine's list."""
        try:
            self._bubblewrap.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._bubblewrap.kill()
            try:
                self._bubblewrap.wait(_KILL_SECONDS)
            except subprocess.TimeoutExpired:
                logger.exception("a box was killed and has not ended yet")

    def _open_first_process(self, info: IO[bytes]) -> None:
        text = b""
        deadline = time.monotonic() + _INFO_SECONDS
        while (pid := read_info(text.decode(errors="replace"))) is None:
            is_ready = wait_for(info.fileno(), select.POLLIN, deadline - time.monotonic())
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
