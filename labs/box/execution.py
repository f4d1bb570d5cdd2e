"""One notebook through one box: every cell run once, whatever some of them do to the kernel."""

import logging
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from labs.box.file_names import check_file_names
from labs.box.kernel import BoxKernel, CellRun, KernelStartError
from labs.box.kernelspecs import KernelSpec, choose_kernel
from labs.box.limits import BoxEnvironment, BoxLimits
from labs.box.watching import Fault
from labs.exceptions import BoxUnavailableError
from labs.states import GradingOutcome

if TYPE_CHECKING:
    from nbformat import NotebookNode

logger = logging.getLogger(__name__)

_OUTCOMES: Final = {
    Fault.TIMEOUT: GradingOutcome.TIMEOUT,
    Fault.OUT_OF_MEMORY: GradingOutcome.OUT_OF_MEMORY,
    Fault.TOO_MANY_PROCESSES: GradingOutcome.KERNEL_DIED,
    Fault.TOO_MUCH_OUTPUT: GradingOutcome.KERNEL_DIED,
    Fault.KERNEL_DIED: GradingOutcome.KERNEL_DIED,
}
# Tags that nbclient reads, with nbclient's meaning.
_SKIP_TAG: Final = "skip-execution"
_MAY_RAISE_TAG: Final = "raises-exception"


@dataclass(frozen=True)
class Execution:
    """A notebook after its run.

    `outcome` is scored when every cell could be run. Otherwise `faulty_cell` names the first cell at fault (by
    its grade id, else its cell id, else `cell-<number>`), `reason` is its fault as a slug, and `not_run` names
    the cells that could not be run because of it; `faults` names all cells at fault. Every cell at fault or not
    run shows an error among its outputs, so that a missing result never looks like a pass.
    """

    notebook: "NotebookNode"
    outcome: GradingOutcome
    faulty_cell: str | None
    not_run: tuple[str, ...]
    seconds: float
    reason: str = ""
    faults: tuple[str, ...] = ()


@dataclass
class _Pass:
    """One kernel's way through the notebook; `lost_at` is the cell that took the kernel with it."""

    runs: dict[int, CellRun] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)
    lost_at: int | None = None
    is_out_of_time: bool = False
    stopped_at: int | None = None


def execute_notebook(
    notebook: "NotebookNode",
    *,
    files: Mapping[str, bytes],
    limits: BoxLimits,
    environment: BoxEnvironment,
    allow_errors: bool = True,
    variables: Mapping[str, str] | None = None,
) -> Execution:
    """Run a copy of the notebook in a box with these files beside it, as long as `limits.total_seconds` allows.

    Only cells use up time: how long a kernel takes to start is the machine's affair.
    A time-out costs its cell. A cell that takes the kernel with it is left out of one second run, whose results
    are kept for the cells behind it. The kernel is the one that the notebook's metadata names. Nothing that the
    notebook does raises; BoxUnavailableError means that this machine can box nothing, or (`unknown_kernel`) has no
    such kernel.
    """
    if refused := check_file_names(files):
        raise ValueError(f"not names of files below a folder: {refused[:3]}")
    kernel = choose_kernel(environment, notebook.metadata)
    if kernel is None:
        raise BoxUnavailableError("the labs' environment has no such kernel", reason="unknown_kernel")
    runner = _Runner(notebook, files, limits, environment, kernel, allow_errors, variables or {})
    return runner.execute()


def name_cell(cell: Mapping[str, Any], index: int) -> str:
    """What a cell is called towards people: its grade id, else its cell id, else its number from 1."""
    nbgrader = cell.get("metadata", {}).get("nbgrader", {})
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, Mapping) else None
    return str(grade_id or cell.get("id") or f"cell-{index + 1}")


class _Runner:
    def __init__(
        self,
        notebook: "NotebookNode",
        files: Mapping[str, bytes],
        limits: BoxLimits,
        environment: BoxEnvironment,
        kernel: KernelSpec,
        allow_errors: bool,
        variables: Mapping[str, str],
    ) -> None:
        self._notebook = deepcopy(notebook)
        self._files = files
        self._limits = limits
        self._environment = environment
        self._kernel = kernel
        self._allow_errors = allow_errors
        self._variables = variables
        self._started_at = time.monotonic()
        self._remaining = limits.total_seconds

    def execute(self) -> Execution:
        wanted = [index for index, cell in enumerate(self._notebook.cells) if is_run(cell)]
        try:
            first = self._go(wanted)
        except KernelStartError:
            return self._report(wanted, _Pass(), is_started=False)
        if first.lost_at is None or first.is_out_of_time:
            return self._report(wanted, first)
        try:
            second = self._go([index for index in wanted if index != first.lost_at])
        except KernelStartError:
            logger.warning("the second run of a notebook got no kernel", exc_info=True)
            return self._report(wanted, first)
        return self._report(wanted, _merge(first, second))

    def _go(self, wanted: list[int]) -> _Pass:
        way = _Pass()
        if not wanted:
            return way
        with self._start() as kernel:
            for index in wanted:
                cell = self._notebook.cells[index]
                run = self._run_cell(kernel, cell.source)
                way.runs[index] = run
                if run.fault is not None:
                    way.faults[index] = run.fault
                    way.is_out_of_time = self._remaining <= 0
                    way.lost_at = None if run.is_kernel_usable else index
                if way.lost_at is not None or way.is_out_of_time or self._must_stop(cell, run):
                    way.stopped_at = index
                    break
        return way

    def _run_cell(self, kernel: BoxKernel, source: str) -> CellRun:
        started_at = time.monotonic()
        run = kernel.run_cell(source, seconds=max(0, min(self._limits.cell_seconds, self._remaining)))
        self._remaining -= time.monotonic() - started_at
        return run

    def _start(self) -> BoxKernel:
        """Raises KernelStartError where the learner's files keep a kernel from starting: twice, and only with them."""
        try:
            return self._open(self._files, self._variables)
        except KernelStartError:
            logger.warning("a kernel did not start and is asked once more", exc_info=True)
        try:
            with self._open({}, {}):
                pass
        except KernelStartError as error:
            raise BoxUnavailableError(f"the lab environment: {error}", reason="kernel_not_started") from error
        return self._open(self._files, self._variables)

    def _open(self, files: Mapping[str, bytes], variables: Mapping[str, str]) -> BoxKernel:
        return BoxKernel(
            self._environment, self._limits, files=files, variables=variables, kernel=self._kernel
        )

    def _must_stop(self, cell: Mapping[str, Any], run: CellRun) -> bool:
        may_raise = self._allow_errors or _MAY_RAISE_TAG in find_tags(cell)
        return run.is_error and not may_raise

    def _report(self, wanted: list[int], way: _Pass, *, is_started: bool = True) -> Execution:
        not_run = []
        for index in wanted:
            cell = self._notebook.cells[index]
            cell.outputs = []
            if run := way.runs.get(index):
                cell.execution_count = run.execution_count
                cell.outputs = _to_nodes(run)
            else:
                cell.outputs = _not_run_outputs()
                not_run.append(name_cell(cell, index))
        fault_at = min(way.faults, default=None)
        outcome, reason = GradingOutcome.SCORED, ""
        if not is_started:
            outcome, reason = GradingOutcome.KERNEL_DIED, KernelStartError.reason
        elif fault_at is not None:
            outcome, reason = _OUTCOMES[way.faults[fault_at]], way.faults[fault_at].value
        elif not self._allow_errors:
            fault_at = way.stopped_at
        faulty = None if fault_at is None else name_cell(self._notebook.cells[fault_at], fault_at)
        faults = tuple(name_cell(self._notebook.cells[index], index) for index in sorted(way.faults))
        seconds = time.monotonic() - self._started_at
        return Execution(self._notebook, outcome, faulty, tuple(not_run), seconds, reason, faults)


def _merge(first: _Pass, second: _Pass) -> _Pass:
    """Up to the cell that was lost the first run counts, behind it the second."""
    behind = max(first.runs)
    return _Pass(
        runs=first.runs | {index: run for index, run in second.runs.items() if index > behind},
        faults=first.faults | {index: fault for index, fault in second.faults.items() if index > behind},
        stopped_at=second.stopped_at,
    )


def is_run(cell: Mapping[str, Any]) -> bool:
    """Whether a run of its notebook runs this cell."""
    return cell["cell_type"] == "code" and bool(cell["source"].strip()) and _SKIP_TAG not in find_tags(cell)


def find_tags(cell: Mapping[str, Any]) -> list[object]:
    tags = cell["metadata"].get("tags", [])
    return tags if isinstance(tags, list) else []


def _to_nodes(run: CellRun) -> "list[NotebookNode]":
    from nbformat import from_dict

    return [from_dict(output) for output in run.outputs]


def _not_run_outputs() -> "list[NotebookNode]":
    from nbformat.v4 import new_output

    return [new_output("error", ename="CellNotRun", evalue="", traceback=["CellNotRun"])]
