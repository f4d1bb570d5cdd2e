"""What plain nbgrader gives: a program of its own, which releases and grades in a course folder as nbgrader does.

    python -m tests.parity.plain_nbgrader COURSE_FOLDER < plan.json

The plan is a list of `{"name", "upgrade", "late", "due", "cell_seconds", "learners", "is_released"}`. One line of JSON
comes back for each release (`learner` is null) and each submission: `{"assignment", "learner", "error"}`, the error
empty or nbgrader's last word, else with `points`. Everything stands in the folder's gradebook.
"""

import json
import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from nbformat import read, write
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.nbgraderformat import MetadataValidator
from traitlets.config import Config

# Below the first line, a log's lines are indented.
_ERROR: Final = re.compile(r"^\s*(?:[\w.]+\.)?([A-Z]\w*(?:Error|Exception|Entry)(?::.*)?)$", re.MULTILINE)


def main(course: Path) -> None:
    plan = json.loads(sys.stdin.read())
    # nbgrader and its kernels may write what they like, but not between our lines.
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for assignment in plan:
        for learner, error in _grade_assignment(course, assignment):
            line = {"assignment": assignment["name"], "learner": learner, "error": error}
            if learner and not error:
                line["points"] = _read_points(course, assignment["name"], learner)
            told.write(json.dumps(line) + "\n")
            told.flush()


def _grade_assignment(course: Path, assignment: dict[str, Any]) -> Any:
    name = assignment["name"]
    api = NbGraderAPI(config=_configure(course, assignment))
    if not assignment["is_released"]:
        if assignment["upgrade"]:
            _upgrade(course / "source" / name)
        released = api.generate_assignment(name)
        yield None, "" if released["success"] else _find_error(released)
        if not released["success"]:
            return
        if assignment["late"]:
            with Gradebook(api.coursedir.db_url) as gradebook:
                gradebook.update_or_create_assignment(name, duedate=datetime.fromisoformat(assignment["due"]))
    for learner in assignment["learners"]:
        if assignment["upgrade"]:
            _upgrade(course / "submitted" / learner / name)
        graded = api.autograde(name, learner)
        yield learner, "" if graded["success"] else _find_error(graded)


def _read_points(course: Path, assignment: str, learner: str) -> dict[str, float | None]:
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        notebooks = gradebook.find_submission(assignment, learner).notebooks
        return {grade.name: grade.auto_score for notebook in notebooks for grade in notebook.grades}


def _configure(course: Path, assignment: dict[str, Any]) -> Config:
    config = Config()
    config.CourseDirectory.root = str(course)
    config.Exchange.root = str(course / "exchange")
    config.ExecutePreprocessor.timeout = assignment["cell_seconds"]
    config.Execute.timeout = assignment["cell_seconds"]
    if assignment["late"]:
        config.LateSubmissionPlugin.penalty_method = assignment["late"]
    return config


def _upgrade(folder: Path) -> None:
    """As `nbgrader update`, which an instructor is told to run on notebooks of an old schema."""
    for path in sorted(folder.glob("*.ipynb")):
        try:
            notebook = MetadataValidator().upgrade_notebook_metadata(read(path, as_version=4))
            write(notebook, path)
        except Exception:
            continue  # it stays as it is, and nbgrader meets it again


def _find_error(done: dict[str, Any]) -> str:
    """The last exception that its log tells of, without the paths of this machine."""
    said = [
        match for match in _ERROR.findall(done.get("log", "")) if not match.startswith("NbGraderException")
    ]
    said = said or _ERROR.findall(done.get("error", "")) or ["failed"]
    return re.sub(r"'?/[^ ']*/([^/ ']*)'?", r"\1", said[-1])[:200]


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
