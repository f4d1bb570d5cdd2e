"""How often a notebook is run for its points and for what is shown, with a box that only notes what it is asked."""

import random
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from labs.box import BoxLimits, Execution
from labs.nbgrader import grading
from labs.nbgrader.grading import autograde, check_work
from labs.nbgrader.results import (
    Damage,
    DamageKind,
    FeedbackDetail,
    GradingPolicy,
    NotebookResult,
    ReleasedLab,
)
from labs.nbgrader.running import Run
from labs.states import GradingOutcome
from tests.labs.nbgrader.preparing import NO_BOX, release_without_box
from tests.labs.nbgrader.writing import answer, code, edit, graded, solution, task, write

VISIBLE = "assert x == 1"
HIDDEN = f"{VISIBLE}\n### BEGIN HIDDEN TESTS\nassert x != 2\n### END HIDDEN TESTS"
SCHEME = "Plan.\n=== BEGIN MARK SCHEME ===\nsecret scheme\n=== END MARK SCHEME ==="
OWN = solution("own", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION")


@dataclass
class NotingBox:
    """Each run prints its number; the tests fail or not; `change` is what comes back otherwise."""

    passes: bool = True
    change: Callable[[NotebookNode], None] = lambda _notebook: None
    runs: list[list[str]] = field(default_factory=list)

    def execute(self, notebook: NotebookNode, **_given: Any) -> Execution:
        self.runs.append([cell.source for cell in notebook.cells if cell.cell_type == "code"])
        done = deepcopy(notebook)
        for cell in done.cells:
            if cell.cell_type == "code":
                cell.outputs = [new_output("stream", name="stdout", text=f"run {len(self.runs)}")]
                is_altered = cell.source.startswith("assert") and cell.source not in (VISIBLE, HIDDEN)
                if "assert" in cell.source and (is_altered or not self.passes):
                    cell.outputs.append(new_output("error", ename="AssertionError", evalue=""))
        self.change(done)
        return Execution(done, GradingOutcome.SCORED, None, (), 0.0)


def grade(
    lab: ReleasedLab, box: NotingBox, *, detail: FeedbackDetail = FeedbackDetail.FULL
) -> NotebookResult:
    submitted = {"lab.ipynb": edit(lab.learner_files["lab.ipynb"], {"own": "x = 1"})}
    policy = GradingPolicy(detail=detail)
    result = autograde(
        lab, submitted, limits=BoxLimits(), environment=NO_BOX, policy=policy, execute_with=box.execute
    )
    return result.notebooks[0]


class RunBeforeTwin(random.Random):
    """Any chance but the coin that decides which of the two runs comes first."""

    getrandbits = random.Random.getrandbits

    def random(self) -> float:
        return 0.9


@pytest.fixture(autouse=True)
def _chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "Run", partial(Run, chance=RunBeforeTwin(1)))


RUNS: Mapping[str, tuple[list[dict[str, Any]], bool, FeedbackDetail, int]] = {
    "tests that hide nothing": ([OWN, graded("test", VISIBLE)], True, FeedbackDetail.FULL, 2),
    "hidden tests": ([OWN, graded("test", HIDDEN)], True, FeedbackDetail.FULL, 3),
    "hidden tests, outputs not shown": ([OWN, graded("test", HIDDEN)], True, FeedbackDetail.MESSAGES, 2),
    "no points to doubt": ([OWN, graded("test", VISIBLE)], False, FeedbackDetail.FULL, 1),
    "no points to doubt, hidden tests": ([OWN, graded("test", HIDDEN)], False, FeedbackDetail.FULL, 2),
    "no tests": ([code("x = 1"), answer("why", "Why?")], True, FeedbackDetail.FULL, 1),
    "hidden text, but no hidden code": ([code("x = 1"), task("plan", SCHEME)], True, FeedbackDetail.FULL, 1),
}


@pytest.mark.parametrize("case", RUNS)
def test_a_notebook_is_run_no_more_often_than_its_mark_and_what_is_shown_need(case: str) -> None:
    cells, passes, detail, count = RUNS[case]
    box = NotingBox(passes)
    grade(release_without_box({"lab.ipynb": write(*cells)}), box, detail=detail)
    assert len(box.runs) == count


def test_what_is_shown_was_printed_by_a_run_in_which_nothing_was_hidden() -> None:
    box = NotingBox()
    notebook = grade(release_without_box({"lab.ipynb": write(OWN, graded("test", HIDDEN))}), box)
    assert [any("x != 2" in source for source in run) for run in box.runs] == [True, True, False]
    assert {output["text"] for cell in notebook.feedback for output in cell.outputs} == {"run 3"}
    assert "x != 2" not in repr(notebook.feedback)


def test_a_scheme_for_marking_costs_no_run_and_is_not_shown() -> None:
    box = NotingBox()
    notebook = grade(release_without_box({"lab.ipynb": write(OWN, task("plan", SCHEME))}), box)
    assert [cell.source for cell in notebook.feedback][-1] == "Plan."
    assert {output["text"] for cell in notebook.feedback for output in cell.outputs} == {"run 1"}


def test_damage_is_told_also_where_nothing_can_be_scored() -> None:
    def break_metadata(notebook: NotebookNode) -> None:
        notebook.cells[-1].metadata.nbgrader["points"] = "many"

    lab = release_without_box({"lab.ipynb": write(OWN, graded("test", VISIBLE))})
    submitted = {"lab.ipynb": edit(lab.learner_files["lab.ipynb"], {}, without=["test"])}
    for way in (autograde, check_work):
        box = NotingBox(change=break_metadata)
        result = way(lab, submitted, limits=BoxLimits(), environment=NO_BOX, execute_with=box.execute)
        notebook = result.notebooks[0]
        assert (notebook.outcome, notebook.reason) == (GradingOutcome.INVALID_NOTEBOOK, "damaged_cells")
        assert notebook.damage == (Damage(DamageKind.CELL_DELETED, "test"),)


def test_each_phase_has_its_time() -> None:
    lab = release_without_box({"lab.ipynb": write(OWN, graded("test", HIDDEN))})
    for way in (autograde, check_work):
        result = way(
            lab,
            lab.learner_files,
            limits=BoxLimits(),
            environment=NO_BOX,
            execute_with=NotingBox().execute,
        )
        assert list(result.phase_seconds) == ["prepared", "executed", "scored", "rendered"]
