"""Plain nbgrader, asked for its marks: course folders written, its program run, its gradebook read."""

import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.development.programs import LAB_PYTHON
from tests.parity.cases import DUE_AT, ROOT, Assignment

# More than any submission takes; whoever says nothing for so long hangs.
PATIENCE_SECONDS = 180
HUNG = "hung"
GRADES = """
SELECT submitted_assignment.student_id, notebook.name, base_cell.name, grade.auto_score,
       coalesce(grade_cells.max_score, task_cells.max_score), grade.needs_manual_grade, grade.extra_credit
FROM grade
JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN assignment ON submitted_assignment.assignment_id = assignment.id
JOIN notebook ON submitted_notebook.notebook_id = notebook.id
JOIN base_cell ON grade.cell_id = base_cell.id
LEFT JOIN grade_cells ON grade_cells.id = base_cell.id
LEFT JOIN task_cells ON task_cells.id = base_cell.id
WHERE assignment.name = ?
"""
PENALTIES = """
SELECT submitted_assignment.student_id, notebook.name, submitted_notebook.late_submission_penalty
FROM submitted_notebook
JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN assignment ON submitted_assignment.assignment_id = assignment.id
JOIN notebook ON submitted_notebook.notebook_id = notebook.id
WHERE assignment.name = ?
"""
Wrap = Callable[[list[str]], list[str]]


def ask_nbgrader(
    assignments: Sequence[Assignment], folder: Path, say: Callable[[str], None]
) -> Iterator[tuple[Assignment, dict[str, Any]]]:
    """Each with what `records.py` keeps. `folder` is used up; assignments share one process and gradebook."""
    course = folder / "course"
    for assignment in assignments:
        assignment.write(course)
    plan = [_plan(assignment) for assignment in assignments]
    errors = run_plan(plan, course, kernels=write_kernelspecs(folder), say=say)
    for assignment in assignments:
        yield assignment, read_answers(course / "gradebook.db", assignment.name, errors[assignment.name])


def _plan(assignment: Assignment) -> dict[str, Any]:
    return {
        "name": assignment.name,
        "upgrade": assignment.upgrade,
        "late": assignment.late,
        "due": DUE_AT.isoformat(),
        "cell_seconds": assignment.cell_seconds,
        "learners": [submission.learner for submission in assignment.submissions],
        "is_released": False,
    }


def write_kernelspecs(folder: Path) -> Path:
    """The kernel that learners have, under the two names that nbgrader's notebooks ask for."""
    command = [str(LAB_PYTHON), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    for name in ("python", "python3"):
        place = folder / "jupyter" / "kernels" / name
        place.mkdir(parents=True)
        spec = {"argv": command, "display_name": name, "language": "python"}
        (place / "kernel.json").write_text(json.dumps(spec))
    return folder / "jupyter"


def run_plan(
    plan: list[dict[str, Any]],
    course: Path,
    *,
    kernels: Path,
    say: Callable[[str], None] = lambda _: None,
    wrap: Wrap = lambda command: command,
    patience: float = PATIENCE_SECONDS,
) -> dict[str, dict[str | None, str]]:
    """What nbgrader said of each release (None) and submission; it is started anew behind one that hangs."""
    errors: dict[str, dict[str | None, str]] = {each["name"]: {} for each in plan}
    while left := _find_left(plan, errors):
        for told in _run(left, course, kernels, wrap, patience):
            errors[told["assignment"]][told["learner"]] = told["error"]
            say(f"{told['assignment']}: {told['learner'] or 'released'} {told['error']}".rstrip())
        if (still := _find_left(plan, errors)) == left:
            first = still[0]
            learner = first["learners"][0] if first["is_released"] else None
            errors[first["name"]][learner] = HUNG
            say(f"{first['name']}: {learner} {HUNG}")
    return errors


def _find_left(plan: list[dict[str, Any]], errors: dict[str, dict[str | None, str]]) -> list[dict[str, Any]]:
    left = []
    for assignment in plan:
        told = errors[assignment["name"]]
        learners = [learner for learner in assignment["learners"] if learner not in told]
        if learners and not told.get(None):
            left.append({**assignment, "learners": learners, "is_released": None in told})
    return left


def _run(
    plan: list[dict[str, Any]], course: Path, kernels: Path, wrap: Wrap, patience: float
) -> Iterable[dict[str, Any]]:
    command = wrap([sys.executable, "-m", "tests.parity.plain_nbgrader", str(course)])
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=make_variables(course, kernels),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True).start()
    try:
        process.stdin.write(json.dumps(plan))
        process.stdin.close()
        while line := lines.get(timeout=patience):
            yield json.loads(line)
    except (queue.Empty, BrokenPipeError):
        pass
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read_lines(stream: Iterable[str], lines: "queue.Queue[str]") -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def make_variables(course: Path, kernels: Path) -> dict[str, str]:
    """nbgrader calls `alembic` by name; its kernels find nothing of this machine's Jupyter."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(course),
        "JUPYTER_PATH": str(kernels),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
    }


def read_answers(gradebook: Path, name: str, errors: dict[str | None, str]) -> dict[str, Any]:
    if errors.get(None):
        return {"error": errors[None]}
    submissions: dict[str, Any] = {learner: {"error": error} for learner, error in errors.items() if learner}
    with sqlite3.connect(gradebook) as rows:
        for learner, notebook, penalty in rows.execute(PENALTIES, (name,)):
            if not errors[learner]:
                told = submissions[learner].setdefault("notebooks", {})
                told[notebook] = {"late_penalty": penalty or 0.0, "cells": {}}
        for learner, notebook, cell, auto, most, is_manual, extra in rows.execute(GRADES, (name,)):
            if not errors[learner]:
                told = submissions[learner]["notebooks"][notebook]["cells"]
                told[cell] = [auto, most, bool(is_manual), extra or 0.0]
    return {"error": "", "submissions": submissions}
