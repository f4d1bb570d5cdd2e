"""Notebooks for tests, written in a few words."""

import json
from collections.abc import Sequence
from typing import Any

Cell = dict[str, Any]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def write(*cells: Cell, **changes: Any) -> bytes:
    """A notebook file with these cells."""
    notebook = {"cells": list(cells), "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps({**notebook, **changes}, indent=1).encode()


def code(source: str, **metadata: Any) -> Cell:
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source.splitlines(keepends=True),
        "execution_count": None,
        "outputs": [],
    }


def markdown(source: str, **metadata: Any) -> Cell:
    return {"cell_type": "markdown", "metadata": metadata, "source": source.splitlines(keepends=True)}


def _nbgrader(grade_id: str, **flags: Any) -> dict[str, Any]:
    plain = {"schema_version": 3, "grade": False, "locked": False, "solution": False, "task": False}
    return {"nbgrader": {**plain, "grade_id": grade_id, **flags}}


def solution(grade_id: str, source: str) -> Cell:
    return code(source, **_nbgrader(grade_id, solution=True))


def graded(grade_id: str, source: str, points: float = 1, **flags: Any) -> Cell:
    return code(source, **_nbgrader(grade_id, grade=True, locked=True, points=points, **flags))


def answer(grade_id: str, source: str, points: float = 1) -> Cell:
    return markdown(source, **_nbgrader(grade_id, grade=True, solution=True, points=points))


def task(grade_id: str, source: str, points: float = 1) -> Cell:
    return markdown(source, **_nbgrader(grade_id, task=True, locked=True, points=points))


def edit(content: bytes, texts: dict[str, str], *, without: Sequence[str] = ()) -> bytes:
    """A learner's work on a released notebook: other texts for some cells, and some cells deleted."""
    notebook = json.loads(content)
    names = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
    kept = [(name, cell) for name, cell in zip(names, notebook["cells"], strict=True) if name not in without]
    for name, cell in kept:
        cell["source"] = texts.get(name, cell["source"])
    return json.dumps({**notebook, "cells": [cell for _, cell in kept]}).encode()
