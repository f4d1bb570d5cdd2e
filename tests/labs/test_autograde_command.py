"""`manage.py autograde` on course folders as they are found; that its marks are nbgrader's is shown in tests/parity."""

import json
import os
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.labs.box.attacks import ROOT
from tests.labs.box.people import find_lab_python
from tests.labs.nbgrader.writing import answer, code, edit, graded, markdown, solution, write

SOURCE = write(
    code("import math"),
    solution("double", "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"),
    graded(
        "test",
        "assert double(2) == 4\n### BEGIN HIDDEN TESTS\nassert double(3) == 6\n### END HIDDEN TESTS",
        2,
    ),
    answer("why", "### BEGIN SOLUTION\nBecause.\n### END SOLUTION"),
)
R = {"name": "ir", "display_name": "R", "language": "R"}
RELEASED = {"test": "assert double(2) == 4"}
BLANK = {
    **RELEASED,
    "double": "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
    "why": "YOUR ANSWER HERE",
}
RIGHT = {**RELEASED, "double": "def double(x):\n    return x + x", "why": "Two of them."}


def hand_in(
    course: Path, learner: str, content: bytes | None, *, assignment: str = "ps1", name: str = "p1"
) -> Path:
    folder = course / "submitted" / learner / assignment
    folder.mkdir(parents=True)
    if content is not None:
        (folder / f"{name}.ipynb").write_bytes(content)
    return folder


def make_course(course: Path, *, assignment: str = "ps1", source: bytes = SOURCE) -> Path:
    folder = course / "source" / assignment
    folder.mkdir(parents=True)
    (folder / "p1.ipynb").write_bytes(source)
    return folder


def grade(course: Path, *options: str, assignment: str = "ps1") -> dict[str, Any]:
    out = StringIO()
    call_command("autograde", str(course), assignment, "--json", *options, stdout=out, stderr=StringIO())
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def find_points(told: dict[str, Any], learner: str, name: str = "p1") -> dict[str, float | None]:
    cells = told["learners"][learner]["notebooks"][name]["cells"]
    return {cell: each["auto_score"] for cell, each in cells.items()}


def call_program(course: Path, assignment: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a person would: a program of its own, where no database was ever made."""
    variables = {
        **os.environ,
        "PAJA_DATA": str(folder / "no-data"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    variables |= {"PAJA_DEVELOPMENT": "true", "PAJA_DATABASE_URL": ""}
    return subprocess.run(
        [sys.executable, "manage.py", "autograde", str(course), assignment, "--json"],
        cwd=ROOT,
        env={name: value for name, value in variables.items() if value},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.live
def test_a_course_folder_full_of_oddities_is_graded_to_its_end(tmp_path: Path) -> None:
    find_lab_python()
    course = tmp_path / "My course"
    name = "Problem set [1] ä"
    source = make_course(course, assignment=name)
    for path in (".ipynb_checkpoints/p1-checkpoint.ipynb", "old/p1.ipynb", "._p1.ipynb", "images/a.png"):
        (source / path).parent.mkdir(exist_ok=True)
        (source / path).write_bytes(b"junk")
    (course / "gradebook.db").write_bytes(b"not a database")
    shutil.copytree(source, course / "release" / name)
    hand_in(course, "ada", edit(SOURCE, RIGHT), assignment=name)
    hand_in(course, "s0123456", edit(SOURCE, BLANK), assignment=name)
    hand_in(course, "broken", b'{"cells": [', assignment=name)
    hand_in(course, "empty-handed", None, assignment=name)
    hand_in(course, "without-test", edit(SOURCE, RIGHT, without=["test"]), assignment=name)
    (course / "submitted" / "__MACOSX").mkdir()
    done = call_program(course, name, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert set(told["learners"]) == {"ada", "s0123456", "broken", "empty-handed", "without-test"}
    assert told["failed"] == {}
    assert find_points(told, "ada") == {"test": 2, "why": None}
    assert find_points(told, "s0123456") == {"test": 0, "why": 0}
    reasons = {learner: each["notebooks"]["p1"]["reason"] for learner, each in told["learners"].items()}
    assert (reasons["broken"], reasons["empty-handed"], reasons["ada"]) == (
        "broken_json",
        "missing_notebook",
        "",
    )
    mended = told["learners"]["without-test"]["notebooks"]["p1"]
    assert mended["damage"] == [{"kind": "cell_deleted", "grade_id": "test"}]
    assert find_points(told, "without-test") == {"test": 2, "why": None}


@pytest.mark.live
def test_each_cell_tells_all_that_is_known_of_it(tmp_path: Path) -> None:
    find_lab_python()
    make_course(tmp_path)
    hand_in(tmp_path, "ada", edit(SOURCE, RIGHT))
    notebook = grade(tmp_path)["learners"]["ada"]["notebooks"]["p1"]
    assert {key: notebook[key] for key in ("outcome", "reason", "faulty_cell", "damage", "late_penalty")} == {
        "outcome": "scored",
        "reason": "",
        "faulty_cell": None,
        "damage": [],
        "late_penalty": 0,
    }
    assert notebook["cells"]["test"] == {
        "kind": "autograded",
        "auto_score": 2,
        "max_score": 2,
        "extra_credit": 0,
        "needs_manual_grade": False,
        "was_run": True,
        "is_unanswered": False,
        "is_tampered": False,
    }
    assert notebook["cells"]["why"]["needs_manual_grade"]


@pytest.mark.live
def test_without_json_a_person_reads_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    find_lab_python()
    source = make_course(tmp_path)
    folder = hand_in(tmp_path, "ada", edit(SOURCE, RIGHT))
    (folder / "link.txt").symlink_to("/etc/passwd")
    (folder / "timestamp.txt").write_text("2026-01-01 12:00:01 UTC")
    assert source.is_dir()
    call_command(
        "autograde", str(tmp_path), "ps1", "--jobs", "1", "--due", "2026-01-01T12:00", "--late", "zero"
    )
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["learner", "notebook", "outcome"]
    assert row.split() == ["ada", "p1", "Scored", "0", "/", "3", "1", "-2"]


@pytest.mark.live
def test_what_comes_late_is_late_by_its_timestamp(tmp_path: Path) -> None:
    find_lab_python()
    make_course(tmp_path)
    for learner, time in {
        "ada": "2026-01-01 12:00:00 UTC",
        "ben": "2026-01-01 14:00:01 Europe/Helsinki",
    }.items():
        (hand_in(tmp_path, learner, edit(SOURCE, RIGHT)) / "timestamp.txt").write_text(time)
    (hand_in(tmp_path, "eve", edit(SOURCE, RIGHT)) / "timestamp.txt").write_text("long ago")
    (tmp_path / "nbgrader_config.py").write_text('c.LateSubmissionPlugin.penalty_method = "zero"')
    out = StringIO()
    with pytest.raises(CommandError, match="could not be graded: eve: no time: 'long ago'"):
        call_command(
            "autograde",
            str(tmp_path),
            "ps1",
            "--json",
            "--due",
            "2026-01-01T12:00Z",
            stdout=out,
            stderr=StringIO(),
        )
    told = json.loads(out.getvalue())
    penalties = {name: each["notebooks"]["p1"]["late_penalty"] for name, each in told["learners"].items()}
    assert penalties == {"ada": 0, "ben": 2}
    assert set(told["failed"]) == {"eve"}


@pytest.mark.live
def test_the_courses_own_settings_are_honoured_without_being_run(tmp_path: Path) -> None:
    find_lab_python()
    source = write(
        solution("double", "# START\ndouble = len\n# STOP"),
        graded(
            "test", "from helper import two\nassert seven == 7 and two == 2\n# SECRET\nassert double\n# OPEN"
        ),
        answer("why", "Because."),
    )
    place = make_course(tmp_path, source=source)
    (place / "helper.py").write_text("two = 1")
    header = write(graded("in-header", "seven = 7", 0))
    (tmp_path / "header.ipynb").write_bytes(header)
    (tmp_path / "nbgrader_config.py").write_text(
        "raise SystemExit('never run')\n"
        "c.IncludeHeaderFooter.header = 'header.ipynb'\n"
        "c.ClearSolutions.begin_solution_delimeter = 'START'\n"
        "c.ClearSolutions.end_solution_delimeter = 'STOP'\n"
        "c.ClearSolutions.text_stub = 'your turn'\n"
        "c.ClearHiddenTests.begin_test_delimeter = 'SECRET'\n"
        "c.ClearHiddenTests.end_test_delimeter = 'OPEN'\n"
        "c.Autograde.exclude_overwriting = {'ps1': ['helper.py']}\n"
        "c.MyOwnPlugin.colour = 'red'\n"
    )
    texts = {"double": "double = 1", "why": "your turn"}
    handed_in = json.loads(edit(source, texts))
    handed_in["cells"].insert(0, json.loads(header)["cells"][0])
    folder = hand_in(tmp_path, "ada", json.dumps(handed_in).encode())
    (folder / "helper.py").write_text("two = 2")
    out, err = StringIO(), StringIO()
    call_command("autograde", str(tmp_path), "ps1", "--json", stdout=out, stderr=err)
    assert find_points(json.loads(out.getvalue()), "ada") == {"in-header": 0, "test": 1, "why": 0}
    assert "Not honoured in this course's nbgrader_config: MyOwnPlugin.colour" in err.getvalue()


@pytest.mark.live
def test_a_practice_lab_has_nothing_to_grade_and_says_so(tmp_path: Path) -> None:
    find_lab_python()
    make_course(tmp_path, source=write(markdown("Read."), code("1 / 0")))
    hand_in(tmp_path, "ada", write(markdown("Read."), code("1 / 1")))
    out, err = StringIO(), StringIO()
    call_command("autograde", str(tmp_path), "ps1", "--json", stdout=out, stderr=err)
    told = json.loads(out.getvalue())
    assert told["is_practice"]
    assert told["learners"]["ada"]["notebooks"]["p1"]["cells"] == {}
    assert "there is nothing to grade" in err.getvalue()


@pytest.mark.live
@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        pytest.param(b"{", "p1.ipynb:1: This is not JSON", id="cut"),
        pytest.param(write(graded("", "assert True")), "p1.ipynb:.*has no grade id", id="nameless"),
        pytest.param(write(graded("a", ""), graded("a", "")), "p1.ipynb:.* is used by 2 cells", id="twice"),
        pytest.param(write(metadata={"kernelspec": R}), "p1.ipynb: ", id="another-language"),
    ],
)
def test_an_assignment_that_cannot_be_released_is_refused_in_a_sentence(
    tmp_path: Path, source: bytes, sentence: str
) -> None:
    find_lab_python()
    make_course(tmp_path, source=source)
    hand_in(tmp_path, "ada", SOURCE)
    with pytest.raises(CommandError, match=sentence) as refused:
        grade(tmp_path)
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize(
    ("folders", "assignment", "sentence"),
    [
        ([], "lab", "no assignment lab"),
        (["source/lab", "source/other"], "labs", "It has these: lab, other"),
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


def test_a_due_time_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no time of ISO 8601: tomorrow"):
        call_command("autograde", str(tmp_path), "lab", "--due", "tomorrow")
