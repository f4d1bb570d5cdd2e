"""Outputs of the scoring run into points: what it printed is hostile, and nbgrader's rule is kept for the rest."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from labs.box import BoxEnvironment, BoxLimits, Execution
from labs.nbgrader import CellKind, CellResult, FeedbackDetail, GradingPolicy, ReleasedLab, make_release
from labs.nbgrader.running import Run
from labs.nbgrader.scoring import MAX_ERROR, find_points, read_cells, score_notebook, tell_errors
from labs.states import GradingOutcome
from tests.labs.nbgrader.writing import answer, edit, graded, solution, task, write

ENVIRONMENT = BoxEnvironment(Path("python"))
NOTEBOOK = write(
    solution("own", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"),
    graded("test", "assert x == 1, 'x has to be 1'", 2),
    graded("free", "x", 0),
    answer("explain", "Because.", 3),
    graded("code", "### BEGIN SOLUTION\ny = 1\n### END SOLUTION", 4, solution=True),
    task("plan", "Plan.", 5),
)


def result(text: str) -> Any:
    return new_output("execute_result", {"text/plain": text})


ERROR = new_output("error", ename="AssertionError", evalue="x has to be 1")
NOISE = new_output("stream", name="stdout", text="5")
WARNING = new_output("stream", name="stderr", text="careful")


@pytest.mark.parametrize(
    ("outputs", "points"),
    [
        ([], 2),
        ([NOISE], 2),
        ([result("1.5")], 1.5),
        ([result("0")], 0),
        ([result("'fine'")], 2),
        ([result("None")], 2),
        ([ERROR], 0),
        ([WARNING], 0),
        ([result("1"), WARNING], 1),
        ([result("1"), result("2")], 1),
        # Not as nbgrader:
        ([result("2"), ERROR], 0),
        ([result("-1"), ERROR], 0),
        ([result("3")], None),
        ([result("-1")], None),
        ([result("nan")], None),
        ([result("inf")], None),
        ([result("1e999")], None),
        ([new_output("execute_result", {"image/png": "x"})], None),
        ([result("")], None),
    ],
)
def test_points_come_from_the_outputs_of_a_test(
    outputs: list[nbformat.NotebookNode], points: float | None
) -> None:
    cell = nbformat.from_dict({**graded("test", "assert x", 2), "outputs": outputs})
    assert find_points(cell) == points


@pytest.fixture(scope="module")
def release() -> ReleasedLab:
    return make_release({"lab.ipynb": NOTEBOOK}, name="lab", environment=ENVIRONMENT)


def score(
    release: ReleasedLab,
    answers: dict[str, str],
    outputs: dict[str, list[Any]],
    *,
    withheld: frozenset[str] = frozenset(),
    policy: GradingPolicy | None = None,
    late_seconds: float = 0,
) -> tuple[dict[str, CellResult], float]:
    run = Run(release, {}, BoxLimits(), ENVIRONMENT, policy or GradingPolicy(), late_seconds)
    notebook = nbformat.reads(edit(release.learner_files["lab.ipynb"], answers).decode(), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = outputs.get(cell.metadata.nbgrader.grade_id, [])
    score_notebook(run, "lab", notebook, withheld=withheld)
    execution = Execution(notebook, GradingOutcome.SCORED, None, (), 0.1)
    cells = read_cells(run, "lab", execution, tampered=withheld)
    return {cell.grade_id: cell for cell in cells}, run.marks_of("lab").late_penalty


def test_what_reads_as_it_was_released_is_unanswered(release: ReleasedLab) -> None:
    cells, _ = score(release, {"code": "y = 2"}, {})
    assert {name: cell.is_unanswered for name, cell in cells.items()} == {
        "test": False,
        "free": False,
        "explain": True,
        "code": False,
        "plan": False,
    }
    assert (cells["explain"].auto_score, cells["explain"].needs_manual_grade) == (0, False)
    assert (cells["code"].auto_score, cells["code"].needs_manual_grade) == (None, True)
    assert (cells["plan"].auto_score, cells["plan"].needs_manual_grade) == (None, True)


def test_a_test_without_points_has_none(release: ReleasedLab) -> None:
    assert score(release, {}, {})[0]["free"].auto_score == 0
    assert score(release, {}, {"free": [ERROR]})[0]["free"].auto_score == 0
    assert score(release, {}, {"free": [result("1")]})[0]["free"].auto_score is None


def test_points_that_are_withheld_wait_for_a_person(release: ReleasedLab) -> None:
    cells, _ = score(release, {}, {}, withheld=frozenset({"test"}))
    test = cells["test"]
    assert (test.auto_score, test.needs_manual_grade, test.is_tampered) == (None, True, True)
    assert not cells["free"].is_tampered


@pytest.mark.parametrize(
    ("detail", "message"),
    [
        (FeedbackDetail.POINTS, ""),
        (FeedbackDetail.MESSAGES, "x has to be 1"),
        (FeedbackDetail.FULL, "x has to be 1"),
    ],
)
def test_an_author_may_keep_messages_to_themselves(
    release: ReleasedLab, detail: FeedbackDetail, message: str
) -> None:
    policy = GradingPolicy(detail=detail)
    assert score(release, {}, {"test": [ERROR]}, policy=policy)[0]["test"].message == message


@pytest.mark.parametrize(
    "said", ["x has to be", "x has to be 1!", "assert x == 1, 'x has to be 1'", "X HAS TO BE 1", ""]
)
def test_only_the_authors_whole_words_are_a_message(release: ReleasedLab, said: str) -> None:
    error = new_output("error", ename="AssertionError", evalue=said)
    assert score(release, {}, {"test": [error]})[0]["test"].message == ""


def test_where_nothing_is_hidden_a_cell_says_its_error_and_before_that_what_its_author_says() -> None:
    def shown(grade_id: str, evalue: str) -> Any:
        error = new_output("error", ename="NameError", evalue=evalue)
        return nbformat.from_dict({**graded(grade_id, "assert x", 0), "id": grade_id, "outputs": [error]})

    cells = {"own": "Mind the rows.", "plain": "", "long": "", "not-run": "", "sound": ""}
    notebook = new_notebook(
        cells=[
            new_code_cell("1"),
            *[shown(name, "no x" * (99 if name == "long" else 1)) for name in cells][:4],
        ]
    )
    results = [
        CellResult(
            name,
            CellKind.AUTOGRADED,
            0,
            0,
            0,
            needs_manual_grade=False,
            was_run=name != "not-run",
            message=said,
        )
        for name, said in cells.items()
    ]
    said = {cell.grade_id: cell.message for cell in tell_errors(results, notebook)}
    assert len(said.pop("long")) == MAX_ERROR
    assert said == {"own": "Mind the rows.", "plain": "NameError: no x", "not-run": "", "sound": ""}


@pytest.mark.parametrize(
    ("method", "late_seconds", "penalty"), [("none", 60, 0), ("zero", 60, 2), ("zero", 0, 0)]
)
def test_a_late_penalty_is_nbgraders(
    release: ReleasedLab, method: str, late_seconds: float, penalty: float
) -> None:
    policy = GradingPolicy(late_penalty=method)
    assert score(release, {}, {}, policy=policy, late_seconds=late_seconds)[1] == penalty


def test_a_late_penalty_takes_nothing_that_was_withheld(release: ReleasedLab) -> None:
    policy = GradingPolicy(late_penalty="zero")
    withheld = frozenset({"test"})
    assert score(release, {}, {}, policy=policy, late_seconds=9, withheld=withheld)[1] == 0
