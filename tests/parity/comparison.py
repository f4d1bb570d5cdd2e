"""Paja's marks beside nbgrader's: graded by `manage.py autograde`, compared cell by cell, meant differences listed."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from tests.parity.cases import DUE_AT, Assignment

DIFFERENCES = Path(__file__).parent / "differences.toml"
EVERYTHING = "*"


@dataclass(frozen=True, order=True)
class Difference:
    """A cell (`notebook: grade_id`, or `*` for the whole submission) for which the two do not say the same."""

    case: str
    cell: str
    nbgrader: str
    ours: str


def grade_with_paja(assignment: Assignment, folder: Path, *, jobs: int = 1) -> dict[str, Any]:
    """What the command prints as JSON, or `{"error": …}` where it refuses the assignment."""
    course = folder / "course"
    assignment.write(course)
    out = StringIO()
    options = ["--json", "--jobs", str(jobs), "--cell-seconds", str(assignment.cell_seconds)]
    if assignment.late:
        options += ["--due", DUE_AT.isoformat(), "--late", assignment.late]
    try:
        call_command("autograde", str(course), assignment.name, *options, stdout=out, stderr=StringIO())
    except CommandError as error:
        return {"error": str(error)}
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def compare(assignment: Assignment, record: Mapping[str, Any], told: Mapping[str, Any]) -> list[Difference]:
    """Every difference of this assignment's submissions, sorted."""
    if record["error"] or "error" in told:
        theirs = f"not released: {_shorten(record['error'])}" if record["error"] else "released"
        ours = "not released" if "error" in told else "released"
        is_same = bool(record["error"]) == ("error" in told)
        return [] if is_same else [Difference(assignment.name, EVERYTHING, theirs, ours)]
    found: list[Difference] = []
    for submission in assignment.submissions:
        case = f"{assignment.name}/{submission.learner}"
        theirs = record["submissions"][submission.learner]
        ours = told["learners"].get(submission.learner)
        if ours is None:
            failed = told["failed"].get(submission.learner, "not graded")
            found.append(Difference(case, EVERYTHING, "graded", f"failed: {failed}"))
        elif theirs["error"]:
            gave_up = f"gave up: {_shorten(theirs['error'])}"
            found.append(Difference(case, EVERYTHING, gave_up, describe_submission(ours)))
        else:
            found += _compare_notebooks(case, theirs["notebooks"], ours["notebooks"])
    return sorted(found)


def _compare_notebooks(case: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted(theirs.keys() | ours.keys()):
        left = _list_marks(theirs[name]) if name in theirs else {}
        right = _list_marks(_as_recorded(ours[name])) if name in ours else {}
        for cell in sorted(left.keys() | right.keys()):
            if left.get(cell) != right.get(cell):
                place = f"{name}: {cell}"
                yield Difference(case, place, left.get(cell, "no such cell"), right.get(cell, "no such cell"))


def _as_recorded(notebook: Mapping[str, Any]) -> dict[str, Any]:
    cells = {
        cell: [each["auto_score"], each["max_score"], each["needs_manual_grade"], each["extra_credit"]]
        for cell, each in notebook["cells"].items()
    }
    return {"late_penalty": notebook["late_penalty"], "cells": cells}


def _list_marks(notebook: Mapping[str, Any]) -> dict[str, str]:
    marks = {cell: describe_mark(*mark) for cell, mark in notebook["cells"].items()}
    return marks | {"late penalty": f"{round(notebook['late_penalty'], 6):g}"}


def describe_mark(auto: float | None, most: float, is_manual: bool, extra: float) -> str:
    """`1 of 2`, `by hand of 2`, `0 of 2, by hand`: points, the most there are, whether a person is asked."""
    points = ("by hand" if is_manual else "none") if auto is None else f"{round(auto, 6):g}"
    told = f"{points} of {most:g}"
    if auto is not None and is_manual:
        told += ", by hand"
    return told + (f", {extra:g} extra" if extra else "")


def describe_submission(told: Mapping[str, Any]) -> str:
    """Points of all automatic cells and how many cells wait for a person, per notebook."""
    parts = []
    for notebook in told["notebooks"].values():
        cells = notebook["cells"].values()
        points = sum(cell["auto_score"] or 0 for cell in cells)
        waiting = sum(cell["needs_manual_grade"] for cell in cells)
        outcome = notebook["reason"] or notebook["outcome"]
        parts.append(f"{points:g} points, {waiting} by hand, {outcome}")
    return "; ".join(parts)


def _shorten(error: str) -> str:
    return error.partition(":")[0]


def load_differences() -> dict[Difference, str]:
    """The meant ones, each with its reason."""
    told = tomllib.loads(DIFFERENCES.read_text())
    return {
        Difference(*each): group["reason"].strip() for group in told["group"] for each in group["differences"]
    }
