"""A notebook's way through its box: who is at fault when no kernel starts, and what uses up a notebook's time."""

from pathlib import Path
from typing import Any, Self

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from labs.box import BoxEnvironment, BoxLimits, Execution, execute_notebook
from labs.box import execution as box_execution
from labs.box.kernel import CellRun, KernelStartError
from labs.exceptions import BoxUnavailableError
from labs.states import GradingOutcome

FILES = {"data.csv": b"1"}
DONE = CellRun(outputs=[], execution_count=1, fault=None, is_error=False, is_kernel_usable=True)


class Clock:
    """In the place of the module `time`."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Kernels:
    """Starts kernels as told, one answer for each start, and takes its time for each start and each cell."""

    def __init__(
        self, clock: Clock, *starts: bool, start_seconds: float = 0, cell_seconds: float = 0
    ) -> None:
        self.clock, self.starts = clock, list(starts)
        self.start_seconds, self.cell_seconds = start_seconds, cell_seconds
        self.files: list[dict[str, bytes]] = []
        self.given: list[float] = []

    def __call__(self, *_arguments: Any, files: dict[str, bytes], **_options: Any) -> Self:
        self.files.append(files)
        self.clock.now += self.start_seconds
        if not self.starts.pop(0):
            raise KernelStartError("no kernel")
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def run_cell(self, _source: str, *, seconds: float) -> CellRun:
        self.given.append(seconds)
        self.clock.now += self.cell_seconds
        return DONE


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(box_execution, "time", clock)
    return clock


def execute(kernels: Kernels, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Execution:
    monkeypatch.setattr(box_execution, "BoxKernel", kernels)
    return execute_notebook(
        new_notebook(cells=[new_code_cell("1"), new_code_cell("2")]),
        files=FILES,
        limits=BoxLimits(cell_seconds=10, total_seconds=15),
        environment=BoxEnvironment(tmp_path / "bin" / "python"),
    )


def test_a_kernel_that_did_not_start_once_is_no_fault_of_the_learner(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kernels = Kernels(clock, False, True, True)
    assert execute(kernels, monkeypatch, tmp_path).outcome is GradingOutcome.SCORED
    assert kernels.files == [FILES, {}, FILES]


def test_files_that_keep_every_kernel_from_starting_are_at_fault(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = execute(Kernels(clock, False, True, False), monkeypatch, tmp_path)
    assert (done.outcome, done.reason) == (GradingOutcome.KERNEL_DIED, "kernel_not_started")
    assert len(done.not_run) == 2


def test_an_environment_in_which_no_kernel_starts_grades_nobody(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(BoxUnavailableError) as refusal:
        execute(Kernels(clock, False, False), monkeypatch, tmp_path)
    assert refusal.value.reason == "kernel_not_started"


def test_a_slow_start_takes_no_time_from_the_cells(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kernels = Kernels(clock, True, start_seconds=80, cell_seconds=8)
    done = execute(kernels, monkeypatch, tmp_path)
    assert kernels.given == [10, 7]
    assert done.seconds == 96
