"""The twin run: honest work is never accused, and work that passes whatever it is asked is."""

import ast
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_output

from labs.box import BoxEnvironment, BoxLimits, Execution, name_cell
from labs.nbgrader.messages import parse_cell
from labs.nbgrader.results import STANDARD_POLICY, ReleasedLab
from labs.nbgrader.running import Run
from labs.nbgrader.twin.trial import SLACK, Trial, try_notebook
from labs.states import GradingOutcome
from tests.labs.nbgrader.twin.authors import AuthorTest, load
from tests.labs.nbgrader.writing import code, graded, solution, write

HONEST = "def double(x):\n    return 2 * x"
VISIBLE = "assert double(1) == 2"
HIDDEN = "assert double(21) == 42"
TEST = f"{VISIBLE}\n### BEGIN HIDDEN TESTS\n{HIDDEN}\n### END HIDDEN TESTS"


class FakeBox:
    """Runs cells in this process; `is_quiet` swallows what they raise, and `faults` has a cell die in these runs."""

    def __init__(self, *, is_quiet: bool = False, faults: dict[int, str] | None = None) -> None:
        self.is_quiet = is_quiet
        self.faults = faults or {}
        self.runs: list[list[str]] = []
        self.limits: list[BoxLimits] = []

    def execute(self, notebook: nbformat.NotebookNode, *, limits: BoxLimits, **_others: Any) -> Execution:
        lost = self.faults.get(len(self.runs))
        self.runs.append([cell.source for cell in notebook.cells])
        self.limits.append(limits)
        done = nbformat.from_dict(json.loads(json.dumps(notebook)))
        names: dict[str, Any] = {"__name__": "__main__"}
        for place, cell in enumerate(done.cells):
            is_lost = name_cell(cell, place) == lost
            cell.outputs = (
                [new_output("error", ename="KernelDied")] if is_lost else self._run_cell(cell.source, names)
            )
        if lost is None:
            return Execution(done, GradingOutcome.SCORED, None, (), 0.1)
        return Execution(done, GradingOutcome.KERNEL_DIED, lost, (), 0.1, "kernel_died", (lost,))

    def _run_cell(self, source: str, names: dict[str, Any]) -> list[nbformat.NotebookNode]:
        tree = parse_cell(source)
        assert tree is not None
        last = tree.body[-1] if tree.body else None
        shown = ast.Expression(last.value) if isinstance(last, ast.Expr) else None
        tree.body = tree.body[:-1] if shown else tree.body
        try:
            exec(compile(tree, "<cell>", "exec"), names)
            value = eval(compile(shown, "<cell>", "eval"), names) if shown else None
        except Exception as error:
            return [] if self.is_quiet else [new_output("error", ename=type(error).__name__, evalue="")]
        return [] if value is None else [new_output("execute_result", {"text/plain": repr(value)})]


def trying(
    box: FakeBox, *cells: dict[str, Any], seed: int = 0, released: bytes = b"", language: str = "python"
) -> Trial:
    kernel = {"kernelspec": {"name": "x", "display_name": "X", "language": language}}
    source = write(*cells, metadata=kernel)
    release = ReleasedLab("lab", {"lab.ipynb": released or source}, b"", {"lab.ipynb": source}, ())
    run = Run(
        release,
        {},
        BoxLimits(cell_seconds=10, total_seconds=100),
        BoxEnvironment(Path("python")),
        STANDARD_POLICY,
        execute_with=box.execute,
        chance=random.Random(seed),
    )
    return try_notebook(run, "lab", nbformat.reads(source.decode(), as_version=4))


@pytest.mark.parametrize("case", [*load("plain"), *load("partial")], ids=lambda case: case.name)
def test_honest_work_is_never_accused(case: AuthorTest) -> None:
    box = FakeBox()
    trial = trying(box, code(case.honest), graded("test", case.test, 100))
    assert trial.evidence == ()
    assert not trial.untried
    assert len(box.runs) == 2


@pytest.mark.parametrize("case", load("plain")[::4], ids=lambda case: case.name)
def test_work_whose_errors_nobody_sees_is_accused(case: AuthorTest) -> None:
    trial = trying(FakeBox(is_quiet=True), code(case.honest), graded("test", case.test, 100))
    assert trial.tampered == {"test"}


@pytest.mark.parametrize("seed", range(6))
def test_the_evidence_is_the_authors_line_and_the_altered_one(seed: int) -> None:
    box = FakeBox(is_quiet=True)
    trial = trying(box, graded("one", TEST), graded("two", "assert True is False"), seed=seed)
    first, second = trial.evidence
    assert (first.grade_id, second.grade_id) == ("one", "two")
    assert first.expected in (VISIBLE, HIDDEN)
    assert first.altered != first.expected
    assert any(first.altered in source for run in box.runs for source in run)


def test_only_what_gave_points_can_be_tampered_with() -> None:
    box = FakeBox()
    cells = [code("def double(x): return 2 if x == 1 else 0"), graded("test", TEST), graded("right", VISIBLE)]
    assert trying(box, *cells).evidence == ()


def test_what_the_learner_was_not_given_is_altered() -> None:
    released = write(graded("test", VISIBLE))
    for seed in range(10):
        trial = trying(
            FakeBox(is_quiet=True), code(HONEST), graded("test", TEST), seed=seed, released=released
        )
        assert [found.expected for found in trial.evidence] == [HIDDEN]


def test_nobody_can_foresee_which_run_is_the_twin() -> None:
    firsts = []
    for seed in range(40):
        box = FakeBox()
        trying(box, code(HONEST), graded("test", TEST), seed=seed)
        assert len(box.runs) == 2
        firsts.append(box.runs[0][1] == TEST)
        assert (box.runs[1][1] == TEST) is not firsts[-1]
    assert {True, False} == set(firsts)


def test_a_run_without_points_needs_no_twin() -> None:
    counts = set()
    for seed in range(20):
        box = FakeBox()
        trial = trying(box, graded("test", TEST), seed=seed)
        assert trial.evidence == ()
        counts.add((box.runs[0][0] == TEST, len(box.runs)))
    assert counts == {(True, 1), (False, 2)}


@pytest.mark.parametrize(
    "cells",
    [
        [code(HONEST), solution("own", "x = 1")],
        [code(HONEST), graded("test", TEST, 0)],
        [code(HONEST), {**graded("test", TEST), "cell_type": "raw"}],
        [code(HONEST), graded("answer", "x = 1", solution=True)],
        [code(HONEST), graded("test", "%%capture\nassert double(1) == 2")],
    ],
)
def test_a_notebook_without_points_from_tests_is_run_once(cells: list[dict[str, Any]]) -> None:
    box = FakeBox(is_quiet=True)
    cells = [
        {name: value for name, value in cell.items() if cell["cell_type"] == "code" or "out" not in name}
        for cell in cells
    ]
    box.execute = _once(box)  # type: ignore[method-assign]
    assert trying(box, *cells) == Trial(DONE)
    assert len(box.runs) == 1


DONE = Execution(nbformat.v4.new_notebook(), GradingOutcome.SCORED, None, (), 0.1)


def _once(box: FakeBox) -> Callable[..., Execution]:
    def execute(notebook: nbformat.NotebookNode, **_others: Any) -> Execution:
        box.runs.append([cell.source for cell in notebook.cells])
        return DONE

    return execute


def test_a_cell_that_its_author_keeps_from_running_is_not_tried() -> None:
    test = graded("test", TEST)
    test["metadata"]["tags"] = ["skip-execution"]
    box = FakeBox(is_quiet=True)
    assert trying(box, code(HONEST), test).evidence == ()
    assert len(box.runs) == 1


def test_a_notebook_in_another_language_has_no_twin() -> None:
    box = FakeBox(is_quiet=True)
    assert trying(box, graded("test", "x = 1"), language="R").evidence == ()
    assert len(box.runs) == 1


def _find_seed(*, is_real_first: bool) -> int:
    return next(seed for seed in range(50) if _begins_with_run(seed) is is_real_first)


def _begins_with_run(seed: int) -> bool:
    box = FakeBox()
    trying(box, code(HONEST), graded("test", TEST), seed=seed)
    return box.runs[0][1] == TEST


def test_a_twin_has_half_as_much_time_again() -> None:
    box = FakeBox()
    trying(box, code(HONEST), graded("test", TEST), seed=_find_seed(is_real_first=True))
    assert [limits.total_seconds for limits in box.limits] == [100, SLACK * 100]
    assert [limits.cell_seconds for limits in box.limits] == [10, SLACK * 10]


CELLS = (code(HONEST), graded("one", TEST), solution("own", "x = 1"), graded("two", HIDDEN))


def test_a_twin_that_died_once_is_run_once_more() -> None:
    box = FakeBox(faults={1: "own"})
    trial = trying(box, *CELLS, seed=_find_seed(is_real_first=True))
    assert len(box.runs) == 3
    assert (trial.evidence, trial.untried, trial.fault) == ((), frozenset(), None)


def test_what_comes_after_the_death_of_every_twin_is_untried() -> None:
    box = FakeBox(faults={1: "own", 2: "own"})
    trial = trying(box, *CELLS, seed=_find_seed(is_real_first=True))
    assert len(box.runs) == 3
    assert trial.execution.outcome is GradingOutcome.SCORED
    assert (trial.evidence, trial.untried) == ((), frozenset({"two"}))
    assert trial.fault is not None
    assert trial.fault.reason == "kernel_died"


def test_a_death_does_not_hide_what_was_seen_before_it() -> None:
    box = FakeBox(is_quiet=True, faults={1: "two", 2: "two"})
    trial = trying(box, *CELLS, seed=_find_seed(is_real_first=True))
    assert trial.tampered == {"one"}
    assert trial.untried == {"two"}


def test_a_death_that_the_run_met_too_proves_as_much_as_before() -> None:
    box = FakeBox(faults={0: "own", 1: "own"})
    trial = trying(box, *CELLS, seed=_find_seed(is_real_first=True))
    assert len(box.runs) == 2
    assert (trial.evidence, trial.untried) == ((), frozenset())
