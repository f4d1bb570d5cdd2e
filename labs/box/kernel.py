"""An ipykernel in a box: started, asked to run one cell after another, interrupted by message."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from labs.box.limits import MEBIBYTE, BoxEnvironment, BoxLimits
from labs.box.outputs import DisplayPlaces, Output, OutputBudget, OutputCollector
from labs.box.process import BoxProcess
from labs.box.watching import Fault
from labs.box.wire import BrokenMessageError, Channels, Message
from labs.exceptions import LabError

_START_SECONDS: Final = 90
_INTERRUPT_SECONDS: Final = 5
_TICK_SECONDS: Final = 0.05
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

# `-c` and not `-m`: a learner's file called ipykernel_launcher.py must not become the kernel.
_BOOT: Final = (
    "import sys; sys.path[:] = [place for place in sys.path if place]; "
    "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
)
# Python seeds `random` from the machine's entropy and numpy does so when it is imported: both start from a
# fixed seed here, so that the same submission gives the same mark.
_SEEDING: Final = """
def _seed():
    import importlib.abc, importlib.util, random, sys
    random.seed(0)
    class Seeder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name != "numpy.random":
                return None
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec(name)
            run = spec.loader.exec_module
            def run_and_seed(module):
                run(module)
                module.seed(0)
            spec.loader.exec_module = run_and_seed
            return spec
    sys.meta_path.insert(0, Seeder())
_seed()
del _seed
"""


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
        start_seconds: float = _START_SECONDS,
    ) -> None:
        """Raises BoxUnavailableError (no box can be closed here) or KernelStartError."""
        self._limits = limits
        self._budget = OutputBudget(limits.output_bytes)
        self._displays = DisplayPlaces()
        with ExitStack() as stack:
            self._channels = stack.enter_context(Channels())
            command = [str(environment.python), "-c", _BOOT, "-f", "{connection_file}"]
            command += ["--HistoryManager.hist_file=:memory:"]
            self._process = stack.enter_context(
                BoxProcess(
                    environment,
                    limits,
                    files=files,
                    variables=variables,
                    connection=self._channels.connection,
                    command=command,
                )
            )
            self._connect(time.monotonic() + start_seconds)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _connect(self, deadline: float) -> None:
        while (sockets := self._process.find_sockets()) is None:
            self._check_start(deadline)
            time.sleep(0.01)
        try:
            self._channels.connect(sockets)
        except OSError as error:
            raise KernelStartError(f"no kernel at its sockets: {error}") from error
        # A kernel that has answered on all three has no connection left to make, so nothing that learners'
        # code puts in the place of the sockets is ever followed.
        missing = {"shell", "control", "iopub"}
        asked_at = 0.0
        while missing:
            self._check_start(deadline)
            if time.monotonic() - asked_at > 0.5:
                asked_at = time.monotonic()
                for channel in ("shell", "control"):
                    self._channels.send(channel, "kernel_info_request", {})
            missing -= {message.channel for message in self._channels.receive(_TICK_SECONDS)}
        # Last of all, since a starting kernel draws from `random` itself.
        seeding = self._channels.send(
            "shell", "execute_request", {**_REQUEST, "code": _SEEDING, "silent": True}
        )
        is_seeded = False
        while not is_seeded:
            self._check_start(deadline)
            answers = list(self._channels.receive(_TICK_SECONDS))
            is_seeded = any(each.channel == "shell" and each.parent_id == seeding for each in answers)

    def _check_start(self, deadline: float) -> None:
        if not self._process.is_alive or time.monotonic() > deadline:
            raise KernelStartError(f"no kernel: {self._process.drain_stderr()[-2000:]}")

    def run_cell(self, source: str, *, seconds: float) -> CellRun:
        """Run one cell for at most so many seconds (and a few more for its end). Never raises for what it does."""
        share = self._budget.open_share()
        collector = OutputCollector(share, self._displays)
        run = _RunningCell(self._channels, self._process, collector, source).finish(
            time.monotonic() + seconds
        )
        self._budget.remaining += share.remaining
        return run


class _RunningCell:
    """One cell between its request and its end, which is a reply, an idle kernel, a fault, or the time."""

    def __init__(
        self, channels: Channels, process: BoxProcess, collector: OutputCollector, source: str
    ) -> None:
        self._channels = channels
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
            self._reply = message.read_content()

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
