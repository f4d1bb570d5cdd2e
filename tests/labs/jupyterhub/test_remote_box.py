"""A box on a factory's node as the pipeline sees it: its runs, and every way in which they are lost."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from labs.box import BoxEnvironment, BoxLimits, Execution
from labs.box.orders import Order, order_from_json
from labs.exceptions import BoxUnavailableError, HubUnavailableError
from labs.jupyterhub import RemoteBox
from labs.jupyterhub.remote_box import BUSY_FOR, UNREACHABLE_FOR, Runner
from labs.states import GradingOutcome
from tests.fakes.runner import (
    BusyRunner,
    FakeRunner,
    ForgetfulRunner,
    LyingRunner,
    NeverDoneRunner,
    SilentRunner,
)

LIMITS = BoxLimits(cell_seconds=5, total_seconds=10)


@dataclass
class Clock:
    """Time that passes with every look and every sleep."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        self.now += 0.1
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def count_cells(order: Order) -> Execution:
    for number, cell in enumerate(order.notebook.cells):
        cell.outputs, cell.execution_count = [new_output("stream", name="stdout", text=f"{number}")], number
    return Execution(order.notebook, GradingOutcome.SCORED, None, (), 0.1)


def execute(runner: Runner | Callable[[], Runner], clock: Clock | None = None) -> Execution:
    clock = clock or Clock()
    connect = runner if callable(runner) else lambda: runner
    box = RemoteBox(connect, clock=clock, sleep=clock.sleep)
    return box.execute(
        make_notebook(),
        files={"data.csv": b"a;b"},
        limits=LIMITS,
        environment=BoxEnvironment("/none"),  # type: ignore[arg-type]
        variables={"NBGRADER_EXECUTION": "autograde"},
    )


def make_notebook() -> NotebookNode:
    notebook: NotebookNode = new_notebook(cells=[new_code_cell("a"), new_code_cell("b")])
    return notebook


def test_a_notebook_is_run_elsewhere_as_it_would_be_here() -> None:
    runner = FakeRunner(count_cells, looks=3)

    execution = execute(runner)

    assert [cell.outputs[0].text for cell in execution.notebook.cells] == ["0", "1"]
    [(key, body)] = runner.orders.items()
    order = order_from_json(body)
    assert (order.files, order.limits, order.variables) == (
        {"data.csv": b"a;b"}, LIMITS, {"NBGRADER_EXECUTION": "autograde"},
    )  # fmt: skip
    assert order.allow_errors
    assert runner.ended == [key]  # its box is free at once


@pytest.mark.parametrize("runner", [SilentRunner(5), BusyRunner(5)])
def test_a_runner_that_is_soon_back_or_free_costs_only_time(runner: FakeRunner) -> None:
    assert execute(runner).outcome is GradingOutcome.SCORED


@pytest.mark.parametrize(
    ("runner", "reason"),
    [
        (SilentRunner(10**6), "grader_silent"),
        (BusyRunner(10**6), "grader_busy"),
        (ForgetfulRunner(), "grader_lost"),
        (NeverDoneRunner(), "grader_silent"),
        (LyingRunner(), "grader_answer"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_run_that_is_lost_is_a_fault_of_ours_and_is_ended(runner: FakeRunner, reason: str) -> None:
    clock = Clock()
    with pytest.raises(BoxUnavailableError) as caught:
        execute(runner, clock)

    assert caught.value.reason == reason
    assert len(runner.ended) == 1
    assert clock.now < UNREACHABLE_FOR + BUSY_FOR


def test_a_grader_that_has_ended_is_not_waited_for() -> None:
    def connect() -> Runner:
        raise BoxUnavailableError(reason="grader_lost")

    clock = Clock()
    with pytest.raises(BoxUnavailableError):
        execute(connect, clock)
    assert clock.slept == []


def test_a_token_that_is_not_to_be_had_for_a_moment_is_asked_for_again() -> None:
    runner = FakeRunner()
    faults = iter([HubUnavailableError(), HubUnavailableError()])

    def connect() -> Runner:
        if fault := next(faults, None):
            raise fault
        return runner

    assert execute(connect).outcome is GradingOutcome.SCORED
