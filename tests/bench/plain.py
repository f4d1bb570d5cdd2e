"""Plain nbgrader, timed: its own commands in a course folder, for all learners at once."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bench.machine import Measured, count_busy_seconds
from tests.parity import reference
from tests.parity.cases import Assignment


def measure_nbgrader(assignment: Assignment, folder: Path) -> tuple[Measured, Measured]:
    """`nbgrader autograde`, and `nbgrader generate_feedback` after it. The release before them is not counted."""
    course, learners = folder / "plain", [each.learner for each in assignment.submissions]
    assignment.write(course)
    variables = reference.make_variables(course, reference.write_kernelspecs(folder))
    time_command("generate_assignment", assignment.name, course, variables)
    autograde = time_command("autograde", assignment.name, course, variables)
    feedback = time_command("generate_feedback", assignment.name, course, variables)
    errors: dict[str | None, str] = dict.fromkeys([None, *learners], "")
    told = reference.read_answers(course / "gradebook.db", assignment.name, errors)
    autograde.marks = {learner: each.get("notebooks", {}) for learner, each in told["submissions"].items()}
    autograde.cell_seconds = {
        learner: sum(
            map(count_cell_seconds, (course / "autograded" / learner / assignment.name).glob("*.ipynb"))
        )
        for learner in learners
    }
    return autograde, feedback


def time_command(command: str, name: str, course: Path, variables: Mapping[str, str]) -> Measured:
    log = course.parent / f"{command}.log"
    argv = [str(Path(sys.executable).with_name("nbgrader")), command, name]
    before, started_at = count_busy_seconds(), time.monotonic()
    with log.open("wb") as out:
        done = subprocess.run(
            argv, cwd=course, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False
        )
    measured = Measured(time.monotonic() - started_at, count_busy_seconds() - before)
    if done.returncode != 0:
        raise RuntimeError(f"nbgrader {command} ended with {done.returncode}:\n{log.read_text()[-2000:]}")
    return measured


def count_cell_seconds(path: Path) -> float:
    """What its cells took by themselves, from the times that nbclient notes in their metadata."""
    return sum(
        find_seconds(cell["metadata"].get("execution", {})) for cell in json.loads(path.read_text())["cells"]
    )


def find_seconds(noted: Mapping[str, Any]) -> float:
    began, ended = noted.get("iopub.execute_input"), noted.get("shell.execute_reply")
    if not began or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
