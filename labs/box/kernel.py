"""A kernel in a box: started, asked to run one cell after another, interrupted."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final, Self

from labs.box.forking.servers import open_with_server
from labs.box.kernelspecs import KernelSpec, get_python
from labs.box.limits import MEBIBYTE, BoxEnvironment, BoxLimits
from labs.box.outputs import DisplayPlaces, Output, OutputBudget, OutputCollector
from labs.box.process import BoxProcess
from labs.box.root import BoxRoot
from labs.box.seeding import STATEMENTS
from labs.box.watching import Fault
from labs.box.wire import BrokenMessageError, Channels, Message
from labs.exceptions import LabError

_START_SECONDS: Final = 90
_INTERRUPT_SECONDS: Final = 5
_TICK_SECONDS: Final = 0.05
_LISTEN_SECONDS: Final = 0.01
# How long a welcome may take before a kernel is asked for another sign, and the longest between two questions.
_WELCOME_SECONDS: Final = 0.2
_LONGEST_PAUSE: Final = 2.0
# What a kernel that is gone had still sent.
_LAST_WORDS_SECONDS: Final = 2
# Beyond what is kept (`output_bytes`), this much is read and thrown away before a cell counts as flooding.
_FLOOD_BYTES: Final = 64 * MEBIBYTE
_FLOOD_MESSAGES: Final = 20_000

_REQUEST: Final = {
    "silent": False,
    "store_history": True,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}

# As nbgrader reports a cell out of time (nbgrader.preprocessors.Execute.error_on_timeout).
_TIMEOUT_ERROR: Final = ("CellTimeoutError", "", ["CellTimeoutError: No reply from kernel before timeout"])


class KernelStartError(LabError):
    """The box closed but no kernel came up in it: the learner's files or the environment are at fault."""

    reason = "kernel_not_started"


@dataclass(frozen=True)
class CellRun:
    """What came of one cell. With a fault other than a time-out that could be interrupted, the kernel is gone."""

    outputs: list[Output]
    execution_count: int | None
    fault: Fault | None
    is_error: bool
    is_kernel_usable: bool


class BoxKernel:
    """A kernel with the working folder of one notebook. On leaving its `with`, nothing of it is left."""

    def __init__(
        self,
        environment: BoxEnvironment,
        limits: BoxLimits,
        *,
        files: Mapping[str, bytes],
        variables: Mapping[str, str],
        kernel: KernelSpec | None = None,
        start_seconds: float = _START_SECONDS,
    ) -> None:
        """Without a kernel Python's. Raises BoxUnavailableError (no box can be closed here) or KernelStartError."""
        kernel = kernel or get_python(environment)
        self._limits = limits
        self._interrupts_by_signal = kernel.interrupt_mode == "signal"
        self._budget = OutputBudget(limits.output_bytes)
        self._displays = DisplayPlaces()
        self._was_asked = False
        with ExitStack() as stack:
            self._channels = stack.enter_context(Channels())
            open_process = partial(
                BoxProcess,
                environment,
                limits,
                files=files,
                variables={**kernel.env, **variables},
                connection=self._channels.connection,
                command=kernel.argv,
            )
            is_python = kernel == get_python(environment)
            forked = open_with_server(environment, open_process) if is_python else None
            process = forked or open_process()
            self._process = stack.enter_context(process)
            deadline = time.monotonic() + start_seconds
            root = self._connect(deadline)
            if self._was_asked or not process.is_seeded:
                self._seed(STATEMENTS.get(kernel.language.lower(), ""), deadline)
            # Only now: a kernel looks for the file of its sockets once more after they are bound.
            root.unlink_sockets()
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _connect(self, deadline: float) -> BoxRoot:
        while (root := self._process.wait_for_sockets(_TICK_SECONDS)) is None:
            self._check_start(deadline)
        try:
            self._channels.connect(root.open_socket)
        except OSError as error:
            raise KernelStartError(f"no kernel at its sockets: {error}") from error
        self._wait_for_channels(deadline)
        return root

    def _wait_for_channels(self, deadline: float) -> None:
        """Until the kernel has taken every connection, and what it publishes arrives.

        Kernels of today welcome who listens (`iopub_welcome`); the others are asked something, ever more rarely.
        """
        wanted, is_heard = {"shell", "iopub", "control"}, False
        asks_at, pause = time.monotonic() + _WELCOME_SECONDS, _WELCOME_SECONDS
        while not (is_heard and self._channels.ready >= wanted):
            self._check_start(deadline)
            is_heard |= "iopub" in [message.channel for message in self._channels.receive(_LISTEN_SECONDS)]
            if not is_heard and time.monotonic() > asks_at:
                self._channels.send("shell", "kernel_info_request", {})
                self._was_asked = True
                pause = min(2 * pause, _LONGEST_PAUSE)
                asks_at = time.monotonic() + pause

    def _seed(self, statements: str, deadline: float) -> None:
        request = {**_REQUEST, "code": statements, "silent": True}
        asked = self._channels.send("shell", "execute_request", request)
        is_seeded = False
        while not is_seeded:
            self._check_start(deadline)
            answers = list(self._channels.receive(_TICK_SECONDS))
            is_seeded = any(each.channel == "shell" and each.parent_id == asked for each in answers)

    def _check_start(self, deadline: float) -> None:
        if not self._process.is_alive or time.monotonic() > deadline:
            raise KernelStartError(f"no kernel: {self._process.drain_stderr()[-2000:]}")

    def run_cell(self, source: str, *, seconds: float) -> CellRun:
        """Run one cell for at most so many seconds (and a few more for its end). Never raises for what it does."""
        share = self._budget.open_share()
        collector = OutputCollector(share, self._displays)
        running = _RunningCell(
            self._channels, self._process, collector, source, interrupts_by_signal=self._interrupts_by_signal
        )
        run = running.finish(time.monotonic() + seconds)
        self._budget.remaining += share.remaining
        return run


class _RunningCell:
    """One cell between its request and its end, which is a reply, an idle kernel, a fault, or the time."""

    def __init__(
        self,
        channels: Channels,
        process: BoxProcess,
        collector: OutputCollector,
        source: str,
        *,
        interrupts_by_signal: bool,
    ) -> None:
        self._channels = channels
        self._interrupts_by_signal = interrupts_by_signal
        self._process = process
        self._collector = collector
        self._is_idle = False
        self._reply: dict[str, object] | None = None
        self._id = channels.send("shell", "execute_request", {**_REQUEST, "code": source})

    def finish(self, deadline: float) -> CellRun:
        while not self._is_over:
            self._listen()
            if fault := self._find_fault():
                return self._end(fault, is_kernel_usable=False)
            if time.monotonic() > deadline:
                return self._interrupt()
        fault = self._process.find_fault(at_once=True)
        if fault is None and self._is_leaving:
            fault = Fault.KERNEL_DIED
        return self._end(fault, is_kernel_usable=fault is None)

    @property
    def _is_over(self) -> bool:
        return self._reply is not None and self._is_idle

    @property
    def _is_leaving(self) -> bool:
        """Whether the cell called `exit()`: the kernel still answers, and dies during the next cell."""
        payload = (self._reply or {}).get("payload")
        said = [part for part in payload if isinstance(part, dict)] if isinstance(payload, list) else []
        return any(part.get("source") == "ask_exit" and not part.get("keepkernel") for part in said)

    def _listen(self) -> None:
        for message in self._channels.receive(_TICK_SECONDS):
            if message.parent_id != self._id:
                continue
            try:
                self._take(message)
            except BrokenMessageError:
                continue

    def _take(self, message: Message) -> None:
        if message.channel == "iopub":
            if message.kind == "status":
                self._is_idle = message.read_content().get("execution_state") == "idle"
            else:
                self._collector.add(message)
        elif message.channel == "shell" and message.kind == "execute_reply":
            try:
                self._reply = message.read_content()
            except BrokenMessageError:
                # The cell has ended, and what it said of itself is too much to be read: never a pass.
                self._reply = {"status": "error"}

    def _find_fault(self) -> Fault | None:
        if fault := self._process.find_fault():
            return fault
        channels = self._channels
        if channels.is_flooded:
            return Fault.TOO_MUCH_OUTPUT
        if channels.received_bytes > _FLOOD_BYTES or channels.received_messages > _FLOOD_MESSAGES:
            return Fault.TOO_MUCH_OUTPUT
        if self._process.is_alive and not channels.is_cut:
            return None
        self._hear_last_words()
        return Fault.KERNEL_DIED

    def _hear_last_words(self) -> None:
        deadline = time.monotonic() + _LAST_WORDS_SECONDS
        heard = -1
        while heard != self._channels.received_messages and time.monotonic() < deadline:
            heard = self._channels.received_messages
            self._listen()

    def _interrupt(self) -> CellRun:
        if self._interrupts_by_signal:
            self._process.interrupt()
        else:
            self._channels.send("control", "interrupt_request", {})
        deadline = time.monotonic() + _INTERRUPT_SECONDS
        while not self._is_over and time.monotonic() < deadline:
            self._listen()
            if self._find_fault():
                return self._end(Fault.TIMEOUT, is_kernel_usable=False)
        is_usable = self._is_over and self._process.find_fault(at_once=True) is None
        return self._end(Fault.TIMEOUT, is_kernel_usable=is_usable)

    def _end(self, fault: Fault | None, *, is_kernel_usable: bool) -> CellRun:
        reply = self._reply or {}
        is_error = reply.get("status") == "error"
        is_out_of_memory = is_error and reply.get("ename") == "MemoryError"
        if fault is None and is_out_of_memory:
            fault = Fault.OUT_OF_MEMORY
        if is_error:
            try:
                self._collector.add_reply_error(reply)
            except BrokenMessageError:
                self._collector.add_error("Error", "", [])
        elif reply.get("status") == "aborted":
            self._collector.add_error("CellNotRun", "", [])
        if fault is Fault.TIMEOUT:
            self._collector.add_error(*_TIMEOUT_ERROR)
        elif fault is not None and is_kernel_usable is False:
            self._collector.add_error("KernelDied", fault.value, [])
        return CellRun(
            outputs=self._collector.outputs,
            execution_count=self._collector.execution_count,
            fault=fault,
            is_error=is_error or fault is not None,
            is_kernel_usable=is_kernel_usable,
        )
