"""The steps that ask no gradebook on disk do what nbgrader's own do with one."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.nbgraderformat import ValidationError
from nbgrader.nbgraderformat.common import SchemaMismatchError
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from traitlets.config import Config

from labs.nbgrader.gradebook import KeptNotebook, Marks, make_url, open_marks, read_gradebook
from labs.nbgrader.mending.recognising import read_id
from labs.nbgrader.notebooks import read_submission
from labs.nbgrader.release import make_resources
from labs.nbgrader.results import ReleasedLab
from labs.nbgrader.scoring import save_grades
from labs.nbgrader.steps import RestoreCells, assign_late_penalty, check_metadata, restore_kernelspec
from tests.labs.nbgrader.preparing import SOURCE, release_without_box, work_on
from tests.labs.nbgrader.writing import edit, graded, write

# About the order in which nbgrader itself links its rows.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

LEARNER = "ada"
DAY = 24 * 60 * 60


@pytest.fixture(scope="module")
def lab() -> ReleasedLab:
    return release_without_box({"lab.ipynb": SOURCE})


@pytest.fixture(scope="module")
def kept(lab: ReleasedLab) -> KeptNotebook:
    return read_gradebook(lab.gradebook)["lab"]


class PlainNbgrader:
    """nbgrader's own steps over a gradebook file."""

    def __init__(self, lab: ReleasedLab, folder: Path, *, days_late: int = 0) -> None:
        path = folder / "gradebook.db"
        path.write_bytes(lab.gradebook)
        self._url = make_url(path)
        self._resources = make_resources(lab.name, "lab", path)
        self._resources["nbgrader"]["student"] = LEARNER
        with Gradebook(self._url) as gradebook:
            gradebook.update_or_create_student(LEARNER)
            gradebook.update_or_create_assignment(lab.name, duedate="2000-01-01")
            gradebook.update_or_create_submission(lab.name, LEARNER, timestamp=f"2000-01-0{1 + days_late}")

    def apply(self, notebook: NotebookNode, *steps: Any) -> NotebookNode:
        done = deepcopy(notebook)
        for step in steps:
            done = step(done, self._resources)[0]
        return done

    def read_marks(self) -> tuple[dict[str, tuple[float | None, bool]], float]:
        with Gradebook(self._url) as gradebook:
            found = gradebook.find_submission_notebook("lab", "lab", LEARNER)
            return _list_grades(found), float(found.late_submission_penalty or 0)


def _list_grades(marks: Any) -> dict[str, tuple[float | None, bool]]:
    return {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in marks.grades}


def show(marks: Marks) -> dict[str, tuple[float | None, bool]]:
    return {name: (grade.auto_score, grade.needs_manual_grade) for name, grade in marks.grades.items()}


def find_cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    found: NotebookNode = next(cell for cell in notebook.cells if read_id(cell) == grade_id)
    return found


def read_work(lab: ReleasedLab) -> NotebookNode:
    notebook, _kinds = read_submission(work_on(lab))
    return notebook


def _rewrite_test(notebook: NotebookNode) -> None:
    find_cell(notebook, "test-double").source = "pass"


def _raise_points(notebook: NotebookNode) -> None:
    find_cell(notebook, "test-half").metadata.nbgrader["points"] = 99.0


def _unlock(notebook: NotebookNode) -> None:
    find_cell(notebook, "plan").metadata.nbgrader["locked"] = False


def _invent(notebook: NotebookNode) -> None:
    find_cell(notebook, "half").metadata.nbgrader["grade_id"] = "mine"


def _choose_kernel(notebook: NotebookNode) -> None:
    notebook.metadata.kernelspec["name"] = "bash"


@pytest.mark.parametrize(
    "change",
    [_rewrite_test, _raise_points, _unlock, _invent, _choose_kernel, lambda _notebook: None],
)
def test_what_a_learner_may_not_change_is_restored_as_by_nbgrader(
    change: Callable[[NotebookNode], None], lab: ReleasedLab, kept: KeptNotebook, tmp_path: Path
) -> None:
    notebook = read_work(lab)
    change(notebook)
    expected = PlainNbgrader(lab, tmp_path).apply(notebook, OverwriteKernelspec(), OverwriteCells())
    restored, _resources = RestoreCells(kept)(notebook, {})
    restore_kernelspec(restored, kept)
    assert restored == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("points", "many"),
        ("points", None),
        ("points", -1),
        ("grade", "yes"),
        ("schema_version", 2),
        ("schema_version", 4),
        ("grade_id", "test-half"),
        ("grade_id", ""),
        ("solution", None),
        ("colour", "red"),
        ("checksum", "0"),
    ],
)
def test_metadata_that_nbgrader_refuses_is_refused(lab: ReleasedLab, field: str, value: object) -> None:
    notebook = read_work(lab)
    meta = find_cell(notebook, "test-double").metadata.nbgrader
    if value is None:
        del meta[field]
    else:
        meta[field] = value
    with pytest.raises((ValidationError, SchemaMismatchError, KeyError)) as plain:
        CheckCellMetadata()(notebook, {})
    with pytest.raises(type(plain.value)):
        check_metadata(notebook)


OUTPUTS: list[list[Any]] = [
    [],
    [new_output("execute_result", {"text/plain": "0.5"})],
    [new_output("error", ename="AssertionError", evalue="no")],
    [new_output("stream", name="stdout", text="hello")],
]


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("method", ["none", "zero"])
@pytest.mark.parametrize("days_late", [0, 2])
def test_marks_and_penalties_are_nbgraders(
    outputs: list[Any], method: str, days_late: int, lab: ReleasedLab, kept: KeptNotebook, tmp_path: Path
) -> None:
    notebook = read_work(lab)
    find_cell(notebook, "test-double").outputs = outputs
    find_cell(notebook, "compare").source = "YOUR ANSWER HERE"
    plain = PlainNbgrader(lab, tmp_path, days_late=days_late)
    late = AssignLatePenalties(config=Config({"LateSubmissionPlugin": {"penalty_method": method}}))
    plain.apply(notebook, SaveAutoGrades(), late)
    marks = open_marks(kept)
    save_grades(notebook, marks, withheld=())
    assign_late_penalty(marks, method=method, late_seconds=days_late * DAY)
    assert (show(marks), marks.late_penalty) == plain.read_marks()


def test_of_a_gradebook_each_notebook_has_its_own(lab: ReleasedLab) -> None:
    other = edit(SOURCE, {}, without=["test-half"])
    both = read_gradebook(release_without_box({"one.ipynb": SOURCE, "two.ipynb": other}).gradebook)
    assert set(both["one"].graded_cells) - set(both["two"].graded_cells) == {"test-half"}
    assert both["one"].find_graded_cell("plan").max_score == 4
    assert "HIDDEN TESTS" in both["two"].find_source_cell("test-double").source
    for find in (both["two"].find_source_cell, both["two"].find_graded_cell):
        with pytest.raises(MissingEntry):
            find("test-half", "two", "lab")


def test_a_notebook_without_a_kernel_keeps_none() -> None:
    source = write(graded("test", "1"), metadata={})
    kept = KeptNotebook("", {}, {})
    notebook, _kinds = read_submission(source)
    restore_kernelspec(notebook, kept)
    assert notebook.metadata.kernelspec == {}
