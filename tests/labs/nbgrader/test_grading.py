"""A lab of many notebooks, each handed in in its own condition, graded in one go in a real box."""

import json
from pathlib import Path

import pytest

from labs.box import BoxEnvironment, BoxLimits
from labs.exceptions import InvalidNotebookError
from labs.nbgrader import (
    CellKind,
    Damage,
    DamageKind,
    FeedbackDetail,
    GradingPolicy,
    GradingResult,
    NotebookResult,
    ReleasedLab,
    autograde,
    check_work,
    make_release,
)
from labs.states import GradingOutcome
from tests.labs.nbgrader.writing import answer, code, edit, graded, markdown, solution, task, write

LIMITS = BoxLimits(cell_seconds=30, total_seconds=120)
SECRET = "hidden_expectation_4711"
STUB = "raise NotImplementedError()"
NOTEBOOK = write(
    markdown("# Double it"),
    code("import os\nrows = open('data/rows.csv').read()"),
    solution("double", "### BEGIN SOLUTION\ndef double(x):\n    return 2 * x\n### END SOLUTION"),
    graded(
        "test-double",
        "assert double(1) == 2, 'twice one is two'\n"
        f"### BEGIN HIDDEN TESTS\n{SECRET} = 8\n"
        f"assert double(4) == {SECRET}, 'what of larger numbers?'\n### END HIDDEN TESTS",
        2,
    ),
    graded("test-part", "double(1) / 4", 1),
    answer("explain", "It doubles.", 3),
    task("plan", "Plan.\n=== BEGIN MARK SCHEME ===\nsecret scheme\n=== END MARK SCHEME ===", 4),
)
NAMES = ("blank", "broken", "cheated", "copied", "deleted", "missing", "odd", "sly", "wrong")
# Equal to whatever it is compared with.
SLY = (
    "class Yes(float):\n    def __eq__(self, other):\n        return True\ndef double(x):\n    return Yes(2)"
)


@pytest.fixture(scope="module")
def release(lab_python: Path) -> ReleasedLab:
    source = {f"{name}.ipynb": NOTEBOOK for name in NAMES} | {"data/rows.csv": b"1\n2\n"}
    return make_release(source, name="doubles", environment=BoxEnvironment(lab_python))


@pytest.fixture(scope="module")
def result(release: ReleasedLab, lab_python: Path) -> GradingResult:
    given = release.learner_files["wrong.ipynb"]
    right = {"double": "def double(x):\n    return 2 * x", "explain": "Because."}
    cheat = {"test-double": "pass", "plan": "done", "double": "def double(x): return 0"}
    submitted = {
        "blank.ipynb": given,
        "broken.ipynb": given[:20],
        "cheated.ipynb": _tag(edit(given, cheat), "test-part", "skip-execution"),
        "copied.ipynb": _add_copies(edit(given, right), "test-double"),
        "deleted.ipynb": edit(given, right, without=["test-double"]),
        "odd.ipynb": edit(given, {"double": "def double(x): return float('nan') if x == 1 else 8"}),
        "sly.ipynb": edit(given, {"double": SLY}),
        "wrong.ipynb": edit(given, {"double": "def double(x): return 2"}),
        "data/rows.csv": b"the author's file counts",
        "../outside.txt": b"",
        "notes.txt": b"mine",
    }
    return autograde(release, submitted, limits=LIMITS, environment=BoxEnvironment(lab_python))


def _add_copies(content: bytes, grade_id: str) -> bytes:
    notebook = json.loads(content)
    copies = [
        cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    ]
    return json.dumps(
        {**notebook, "cells": [*notebook["cells"], *copies, graded("unknown", "1/0", 9)]}
    ).encode()


def _tag(content: bytes, grade_id: str, tag: str) -> bytes:
    notebook = json.loads(content)
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id:
            cell["metadata"]["tags"] = [tag]
    return json.dumps(notebook).encode()


def find(result: GradingResult, name: str) -> NotebookResult:
    return next(notebook for notebook in result.notebooks if notebook.name == name)


def points(result: GradingResult, name: str) -> dict[str, tuple[float | None, bool]]:
    return {cell.grade_id: (cell.auto_score, cell.needs_manual_grade) for cell in find(result, name).cells}


pytestmark = pytest.mark.live


def test_a_release_hides_what_is_hidden_and_knows_every_cell_with_points(release: ReleasedLab) -> None:
    given = release.learner_files["wrong.ipynb"].decode()
    assert SECRET not in given
    assert "secret scheme" not in given
    assert "return 2 * x" not in given
    assert release.learner_files["data/rows.csv"] == b"1\n2\n"
    cells = [cell for cell in release.grade_cells if cell.notebook == "wrong"]
    assert [(cell.grade_id, cell.kind, cell.max_score, cell.is_manual) for cell in cells] == [
        ("test-double", CellKind.AUTOGRADED, 2, False),
        ("test-part", CellKind.AUTOGRADED, 1, False),
        ("explain", CellKind.MANUAL, 3, True),
        ("plan", CellKind.TASK, 4, True),
    ]
    assert [cell.position for cell in release.grade_cells] == list(range(4 * len(NAMES)))


def test_right_work_gets_its_points_once_and_leaves_the_rest_to_a_person(result: GradingResult) -> None:
    # In this notebook the test stands twice, and beside it a cell that the release does not know.
    assert points(result, "copied") == {
        "test-double": (2, False),
        "test-part": (0.5, False),
        "explain": (None, True),
        "plan": (None, True),
    }


def test_blank_work_gets_none(result: GradingResult) -> None:
    assert points(result, "blank") == {
        "test-double": (0, False),
        "test-part": (0, False),
        "explain": (0, False),
        "plan": (None, True),
    }


def test_a_damaged_and_a_missing_notebook_cost_the_others_nothing(result: GradingResult) -> None:
    for name, reason in {"broken": "broken_json", "missing": "missing_notebook"}.items():
        notebook = find(result, name)
        assert (notebook.outcome, notebook.reason) == (GradingOutcome.INVALID_NOTEBOOK, reason)
        assert set(points(result, name).values()) == {(0, False)}
        assert not any(cell.was_run for cell in notebook.cells)
    assert find(result, "copied").outcome is GradingOutcome.SCORED


def test_a_test_that_the_learner_changed_or_kept_from_running_is_the_authors_again(
    result: GradingResult,
) -> None:
    assert points(result, "cheated")["test-double"] == (0, False)
    assert points(result, "cheated")["test-part"] == (0, False)


def test_a_deleted_test_is_put_back_and_run(result: GradingResult) -> None:
    assert points(result, "deleted")["test-double"] == (2, False)
    assert find(result, "deleted").damage == (Damage(DamageKind.CELL_DELETED, "test-double"),)
    assert all(cell.was_run for cell in find(result, "deleted").cells)


def test_a_result_that_is_no_number_of_points_is_never_full_credit(result: GradingResult) -> None:
    assert points(result, "odd")["test-part"] == (None, True)


def test_feedback_shows_the_authors_words_and_nothing_of_the_hidden_test(result: GradingResult) -> None:
    notebook = find(result, "wrong")
    assert {cell.grade_id: cell.message for cell in notebook.cells}[
        "test-double"
    ] == "what of larger numbers?"
    shown = repr(notebook.feedback)
    assert "twice one is two" in shown
    for hidden in (SECRET, "secret scheme", "what of larger numbers?", "BEGIN HIDDEN"):
        assert hidden not in shown
    errors = [
        output for cell in notebook.feedback for output in cell.outputs if output["output_type"] == "error"
    ]
    assert errors == []


def test_a_test_that_takes_a_wrong_expectation_was_tampered_with(result: GradingResult) -> None:
    notebook = find(result, "sly")
    assert (notebook.outcome, notebook.reason) == (GradingOutcome.TAMPERED, "tampered")
    assert points(result, "sly")["test-double"] == (None, True)
    assert points(result, "sly")["test-part"] == (0.5, False)
    assert [cell.grade_id for cell in notebook.cells if cell.is_tampered] == ["test-double"]
    (evidence,) = notebook.evidence
    assert (evidence.grade_id, evidence.expected) == ("test-double", f"{SECRET} = 8")
    assert evidence.altered.startswith(f"{SECRET} = ")
    assert evidence.altered != evidence.expected
    assert SECRET not in repr(notebook.feedback)
    assert result.outcome is GradingOutcome.TAMPERED


def test_nobody_else_is_accused(result: GradingResult) -> None:
    assert [each.name for each in result.notebooks if each.evidence] == ["sly"]


def test_an_answer_that_reads_as_released_is_unanswered(result: GradingResult) -> None:
    unanswered = {
        name: [cell.is_unanswered for cell in find(result, name).cells] for name in ("blank", "copied")
    }
    assert unanswered == {"blank": [False, False, True, False], "copied": [False] * 4}


@pytest.mark.parametrize(
    ("detail", "message"), [(FeedbackDetail.POINTS, ""), (FeedbackDetail.MESSAGES, "what of larger numbers?")]
)
def test_an_author_may_show_less_than_outputs(lab_python: Path, detail: FeedbackDetail, message: str) -> None:
    environment = BoxEnvironment(lab_python)
    printing = write(code("print('seen')"), *json.loads(NOTEBOOK)["cells"][2:4])
    small = make_release({"lab.ipynb": printing}, name="small", environment=environment)
    submitted = {"lab.ipynb": edit(small.learner_files["lab.ipynb"], {"double": "def double(x): return 2"})}
    graded = autograde(
        small, submitted, limits=LIMITS, environment=environment, policy=GradingPolicy(detail=detail)
    )
    (notebook,) = graded.notebooks
    assert [cell.message for cell in notebook.cells] == [message]
    assert [cell.source for cell in notebook.feedback][:2] == ["print('seen')", "def double(x): return 2"]
    assert SECRET not in repr(notebook.feedback)
    assert [cell.outputs for cell in notebook.feedback] == [()] * 3


def test_a_check_runs_what_the_learner_can_see_and_nothing_else(
    release: ReleasedLab, lab_python: Path
) -> None:
    given = release.learner_files["wrong.ipynb"]
    peeking = "def double(x):\n    print(In[-1])\n    return 2"
    submitted = {"wrong.ipynb": edit(given, {"double": peeking}), "blank.ipynb": given}
    checked = check_work(release, submitted, limits=LIMITS, environment=BoxEnvironment(lab_python))
    assert set(checked.phase_seconds) == {"prepared", "executed", "scored", "rendered"}
    assert points(checked, "wrong") == {"test-double": (2, False), "test-part": (0.5, False)}
    assert points(checked, "blank") == {"test-double": (0, False), "test-part": (0, False)}
    assert points(checked, "missing") == points(checked, "blank")
    assert find(checked, "missing").reason == "missing_notebook"
    shown = repr([each.feedback for each in checked.notebooks])
    assert "twice one is two" in shown
    for hidden in (SECRET, "secret scheme", "what of larger numbers?"):
        assert hidden not in shown


def test_a_check_leaves_out_cells_without_a_test_that_is_seen(lab_python: Path) -> None:
    environment = BoxEnvironment(lab_python)
    hidden = "# tested later\n### BEGIN HIDDEN TESTS\nassert x == 1\n### END HIDDEN TESTS"
    source = {
        "lab.ipynb": write(solution("own", "x = 1"), graded("seen", "assert x"), graded("unseen", hidden))
    }
    small = make_release(source, name="small", environment=environment)
    checked = check_work(small, small.learner_files, limits=LIMITS, environment=environment)
    assert [cell.grade_id for cell in checked.notebooks[0].cells] == ["seen"]


def test_what_takes_time_is_told_by_phase(result: GradingResult) -> None:
    assert set(result.phase_seconds) == {"prepared", "executed", "scored", "rendered"}


def test_a_source_that_nbgrader_refuses_is_refused_with_its_name(lab_python: Path) -> None:
    source = {"lab.ipynb": write(graded("x", "1"), graded("x", "2"))}
    with pytest.raises(InvalidNotebookError, match=r"^lab\.ipynb: ") as refusal:
        make_release(source, name="lab", environment=BoxEnvironment(lab_python))
    assert refusal.value.reason == "not_releasable"
