"""`manage.py autograde` on a course folder: nbgrader's own example, graded by nbgrader and by Paja."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from django.core.management import CommandError, call_command

from tests.labs.box.attacks import ROOT
from tests.labs.box.people import find_lab_python
from tests.labs.nbgrader.writing import code, graded, solution, write

SHARED = ROOT.parent / "shared" / "data" / "nbgrader-ps1"
Scores = dict[str, dict[str, dict[str, tuple[float | None, float, bool]]]]

GRADES = """
SELECT submitted_assignment.student_id, notebook.name, base_cell.name, grade.auto_score,
       coalesce(grade_cells.max_score, task_cells.max_score), grade.needs_manual_grade
FROM grade
JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN notebook ON submitted_notebook.notebook_id = notebook.id
JOIN base_cell ON grade.cell_id = base_cell.id
LEFT JOIN grade_cells ON grade_cells.id = base_cell.id
LEFT JOIN task_cells ON task_cells.id = base_cell.id
"""


def nbgrader(*arguments: str, folder: Path) -> None:
    """nbgrader's command line; it calls `alembic` by name."""
    variables = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
    }
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def read_gradebook(path: Path) -> Scores:
    scores: Scores = {}
    with sqlite3.connect(path) as gradebook:
        for learner, notebook, cell, auto_score, max_score, is_manual in gradebook.execute(GRADES):
            cells = scores.setdefault(learner, {}).setdefault(notebook, {})
            cells[cell] = (auto_score, max_score, bool(is_manual))
    return scores


def read_json(text: str) -> Scores:
    told = json.loads(text)
    return {
        learner: {
            name: {
                cell: (each["auto_score"], each["max_score"], each["needs_manual_grade"])
                for cell, each in notebook["cells"].items()
            }
            for name, notebook in notebooks["notebooks"].items()
        }
        for learner, notebooks in told["learners"].items()
    }


def autograde(course: Path, *, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a person would: a program of its own, where no database was ever made."""
    variables = {
        **os.environ,
        "PAJA_DATA": str(folder / "no-data"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    variables |= {"PAJA_DEVELOPMENT": "true", "PAJA_DATABASE_URL": ""}
    return subprocess.run(
        [sys.executable, "manage.py", "autograde", str(course), "ps1", "--json"],
        cwd=ROOT,
        env={name: value for name, value in variables.items() if value},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nbgrader's quickstart course; handed in by two of ours and, where they are, the two of the shared data."""
    find_lab_python()
    folder = tmp_path_factory.mktemp("course")
    nbgrader("quickstart", "course", folder=folder)
    course = folder / "course"
    nbgrader("generate_assignment", "ps1", folder=course)
    for learner in ("ada", "ben"):
        shutil.copytree(course / "release" / "ps1", course / "submitted" / learner / "ps1")
    solve(
        course / "source" / "ps1" / "problem1.ipynb", course / "submitted" / "ben" / "ps1" / "problem1.ipynb"
    )
    (course / "submitted" / "ben" / "ps1" / "problem2.ipynb").unlink()
    if SHARED.is_dir():
        shutil.copytree(SHARED / "submitted", course / "submitted", dirs_exist_ok=True)
    return course


def solve(source: Path, submitted: Path) -> None:
    """The author's own solutions in the place of the stubs."""
    read = {path: nbformat.read(path, as_version=4) for path in (source, submitted)}
    texts = {
        cell.metadata.nbgrader.grade_id: cell for cell in read[source].cells if "nbgrader" in cell.metadata
    }
    for cell in read[submitted].cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = texts[cell.metadata.nbgrader.grade_id].source
    nbformat.write(read[submitted], submitted)


@pytest.fixture(scope="module")
def scores(course: Path) -> dict[str, Any]:
    done = autograde(course, folder=course)
    assert done.returncode == 0, done.stderr[-3000:]
    nbgrader("autograde", "ps1", folder=course)
    return {"paja": done.stdout, "nbgrader": read_gradebook(course / "gradebook.db")}


@pytest.mark.live
def test_our_scores_are_nbgraders(scores: dict[str, Any]) -> None:
    ours = read_json(scores["paja"])
    assert ours == scores["nbgrader"]
    assert ours["ben"]["problem1"]["correct_squares"] == (1, 1, False)
    assert ours["ada"]["problem1"]["correct_squares"] == (0, 1, False)


@pytest.mark.live
def test_our_scores_are_nbgraders_for_submissions_of_others(scores: dict[str, Any]) -> None:
    if not SHARED.is_dir():
        pytest.skip("the submissions of nbgrader's user guide are not beside the project (shared/data)")
    ours = read_json(scores["paja"])
    assert {"bitdiddle", "hacker"} <= set(ours)
    assert all(ours[learner] == scores["nbgrader"][learner] for learner in ("bitdiddle", "hacker"))


@pytest.mark.live
def test_each_notebook_says_its_outcome(scores: dict[str, Any]) -> None:
    told = json.loads(scores["paja"])
    assert told["assignment"] == "ps1"
    ben = told["learners"]["ben"]["notebooks"]
    assert (ben["problem1"]["outcome"], ben["problem1"]["reason"], ben["problem1"]["faulty_cell"]) == (
        "scored",
        "",
        None,
    )
    assert (ben["problem2"]["outcome"], ben["problem2"]["reason"]) == ("invalid_notebook", "missing_notebook")


@pytest.mark.live
def test_without_json_a_person_reads_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    find_lab_python()
    notebook = write(code("x = 1"), solution("s", "y = 1"), graded("t", "assert x", 2))
    for folder in ("source/lab", "submitted/ada/lab"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "lab.ipynb").write_bytes(notebook)
    (tmp_path / "submitted" / "ada" / "lab" / "link.txt").symlink_to("/etc/passwd")
    call_command("autograde", str(tmp_path), "lab", "--jobs", "1")
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["learner", "notebook", "outcome"]
    assert row.split() == ["ada", "lab", "Scored", "2", "/", "2", "0"]


@pytest.mark.parametrize(
    ("folders", "assignment", "sentence"),
    [
        ([], "lab", "no assignment lab"),
        (["source/lab"], "", "no assignment"),
        (["source/lab"], "../source/lab", "no assignment"),
        (["source/lab"], "lab", "no notebook in"),
        (["source/lab/lab.ipynb"], "lab", "Nobody has handed in lab"),
    ],
)
def test_what_cannot_be_graded_is_refused_in_a_sentence(
    tmp_path: Path, folders: list[str], assignment: str, sentence: str
) -> None:
    for folder in folders:
        path = tmp_path / folder
        if path.suffix:
            path.parent.mkdir(parents=True)
            path.write_bytes(write())
        else:
            path.mkdir(parents=True)
    with pytest.raises(CommandError, match=sentence):
        call_command("autograde", str(tmp_path), assignment)


def test_a_course_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("autograde", str(tmp_path / "nowhere"), "lab")
