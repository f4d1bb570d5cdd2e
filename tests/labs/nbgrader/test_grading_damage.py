"""Honest work, damaged and graded in one go in a real box: the points that the release allows are kept.

In the box are the ways of damage after which the notebook that is run is another one than that of undamaged work, and
one of each of the others; `test_preparing` shows that all others are run as if nothing had happened.
"""

from pathlib import Path
from typing import Final

import pytest

from labs.box import BoxEnvironment, BoxLimits
from labs.nbgrader import (
    CellResult,
    DamageKind,
    FeedbackDetail,
    GradingPolicy,
    GradingResult,
    NotebookResult,
    autograde,
    make_release,
)
from labs.states import GradingOutcome
from tests.labs.nbgrader.damages import DAMAGES
from tests.labs.nbgrader.preparing import KNOWN, SOURCE, work_on

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

LIMITS: Final = BoxLimits(cell_seconds=30, total_seconds=120)
POINTS: Final[dict[str, float | None]] = {
    "test-double": 2,
    "test-half": 1,
    "explain": None,
    "compare": None,
    "plan": None,
}
WAYS: Final = {
    name: DAMAGES[name]
    for name in (
        "solution_deleted", "answer_deleted", "test_duplicated", "solution_duplicated", "cell_invented",
        "metadata_stripped", "cut", "renamed", "missing", "emptied",
    )
}  # fmt: skip
# What is lost is lost: the points of the tests of an answer that is gone, and of what a person would have read.
LOST: Final[dict[str, dict[str, float | None]]] = {
    "solution_deleted": {"test-double": 0},
    "answer_deleted": {"explain": 0},
}


@pytest.fixture(scope="module")
def result(lab_python: Path) -> GradingResult:
    names = ["honest", *WAYS]
    environment = BoxEnvironment(lab_python)
    release = make_release({f"{name}.ipynb": SOURCE for name in names}, name="lab", environment=environment)
    submitted = {"honest.ipynb": work_on(release, "honest")}
    for name, way in WAYS.items():
        submitted |= way.damage(name, work_on(release, name))
    policy = GradingPolicy(detail=FeedbackDetail.POINTS)
    return autograde(release, submitted, limits=LIMITS, environment=environment, policy=policy)


def find(result: GradingResult, name: str) -> NotebookResult:
    return next(notebook for notebook in result.notebooks if notebook.name == name)


def show_points(cells: tuple[CellResult, ...]) -> dict[str, float | None]:
    assert all(cell.needs_manual_grade is (cell.auto_score is None) for cell in cells)
    return {cell.grade_id: cell.auto_score for cell in cells}


def test_every_notebook_has_a_result(result: GradingResult) -> None:
    assert {notebook.name for notebook in result.notebooks} == {"honest", *WAYS}
    assert all(len(notebook.cells) == len(POINTS) for notebook in result.notebooks)
    assert find(result, "honest").damage == ()
    assert show_points(find(result, "honest").cells) == POINTS


@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if not way.reason])
def test_damage_is_named_and_costs_no_more_than_what_is_gone(result: GradingResult, name: str) -> None:
    notebook = find(result, name)
    assert notebook.outcome is GradingOutcome.SCORED
    assert WAYS[name].kinds <= {each.kind for each in notebook.damage}
    assert {each.grade_id for each in notebook.damage} <= {"", "bonus", *KNOWN}
    assert show_points(notebook.cells) == {**POINTS, **LOST.get(name, {})}
    assert all(cell.was_run for cell in notebook.cells)


@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if way.reason])
def test_what_is_gone_altogether_waits_for_nobody(result: GradingResult, name: str) -> None:
    notebook = find(result, name)
    assert (notebook.outcome, notebook.reason) == (GradingOutcome.INVALID_NOTEBOOK, WAYS[name].reason)
    assert set(show_points(notebook.cells).values()) == {0}
    assert not any(each.kind is DamageKind.CELL_LOST for each in notebook.damage)
