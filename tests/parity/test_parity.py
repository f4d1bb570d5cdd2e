"""Paja's marks are nbgrader's, cell by cell, but for what `differences.toml` lists with its reason."""

import re
from pathlib import Path

import pytest

from tests.labs.box.people import find_lab_python
from tests.parity.cases import Assignment, list_own, load_own
from tests.parity.comparison import Difference, compare, grade_with_paja, load_differences
from tests.parity.records import read_record
from tests.parity.shared import CASES, PS1, is_there, list_notebooks, list_shared, load_shared


@pytest.mark.live
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", list_own())
def test_our_labs_get_nbgraders_marks(name: str, tmp_path: Path) -> None:
    find_lab_python()
    check(load_own(name), tmp_path)


@pytest.mark.live
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", list_shared())
def test_notebooks_of_others_get_nbgraders_marks(name: str, tmp_path: Path) -> None:
    find_lab_python()
    if not is_there():
        pytest.skip("nbgrader's example course and test notebooks are not beside the project (shared/data)")
    check(load_shared(name), tmp_path)


def check(assignment: Assignment, folder: Path) -> None:
    """Of an own lab the solution, the blank copy and the first variants; the soak grades all of them."""
    chosen = assignment.shorten()
    found = compare(chosen, read_record(chosen), grade_with_paja(chosen, folder))
    cases = {assignment.name, *(f"{assignment.name}/{each.learner}" for each in chosen.submissions)}
    assert found == sorted(each for each in load_differences() if each.case in cases)


def test_every_lab_of_ours_is_handed_in_solved_blank_and_in_five_ways_more() -> None:
    for name in list_own():
        learners = [each.learner for each in load_own(name).submissions]
        assert {"solution", "blank"} <= set(learners)
        assert len(learners) >= 7, name


def test_every_notebook_of_others_is_graded() -> None:
    if not is_there():
        pytest.skip("nbgrader's example course and test notebooks are not beside the project (shared/data)")
    assert set(CASES.glob("*/*.ipynb")) == list_notebooks()
    graded = {each.learner for each in load_shared("ps1").submissions}
    assert graded >= {"blank", "solution", *(folder.name for folder in (PS1 / "submitted").iterdir())}


def test_every_record_is_of_this_nbgrader_and_of_the_files_at_hand() -> None:
    for name in list_own():
        record = read_record(load_own(name))
        assert not record["error"], name


def test_every_meant_difference_is_about_a_case_that_there_is_and_gives_its_reason() -> None:
    known = set(list_own()) | set(list_shared())
    learners = {name: {each.learner for each in load_own(name).submissions} for name in list_own()}
    for difference, reason in load_differences().items():
        name, _, learner = difference.case.partition("/")
        assert name in known
        assert learner in learners.get(name, {learner}), difference
        assert re.fullmatch(r"[A-Z].{30,}\.", reason, re.DOTALL), reason


def test_a_changed_mark_is_a_difference() -> None:
    assignment = load_own("late")
    record = read_record(assignment)
    told = {
        "learners": {
            learner: {
                "notebooks": {
                    name: {
                        "outcome": "scored",
                        "reason": "",
                        "late_penalty": notebook["late_penalty"],
                        "cells": {
                            cell: dict(
                                zip(
                                    ("auto_score", "max_score", "needs_manual_grade", "extra_credit"),
                                    mark,
                                    strict=True,
                                )
                            )
                            for cell, mark in notebook["cells"].items()
                        },
                    }
                    for name, notebook in submission["notebooks"].items()
                }
            }
            for learner, submission in record["submissions"].items()
        },
        "failed": {},
    }
    assert compare(assignment, record, told) == []
    told["learners"]["solution"]["notebooks"]["late"]["cells"]["test-add"]["auto_score"] = 1
    told["learners"]["blank"]["notebooks"]["late"]["late_penalty"] = 1
    assert compare(assignment, record, told) == [
        Difference("late/blank", "late: late penalty", "0", "1"),
        Difference("late/solution", "late: test-add", "2 of 2", "1 of 2"),
    ]


def test_a_record_of_other_files_is_noticed() -> None:
    assignment = load_own("late")
    changed = Assignment("late", {"late.ipynb": b"{}"}, assignment.submissions)
    with pytest.raises(AssertionError, match="another source"):
        read_record(changed)
