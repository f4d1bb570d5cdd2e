"""nbgrader's gradebook as a file that lives for one grading run, a copy of the template of its release."""

import math
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from nbgrader.api import Base, Gradebook
from sqlalchemy import create_engine
from sqlalchemy.exc import SAWarning

# About the order in which nbgrader itself links its rows; nothing that we could change.
warnings.filterwarnings("ignore", category=SAWarning, module=r"nbgrader\.api")

# A grading run has one learner; who it is, is none of nbgrader's business.
LEARNER: Final = "learner"
_DUE_AT: Final = datetime(2000, 1, 1)  # noqa: DTZ001 (nbgrader keeps naive times; only the distance counts)


@dataclass(frozen=True)
class Grade:
    """A row of the gradebook, made finite and kept within the cell's points."""

    auto_score: float | None
    max_score: float
    extra_credit: float
    needs_manual_grade: bool


def make_url(path: Path) -> str:
    return f"sqlite:///{path}"


def create_gradebook(path: Path, assignment: str) -> None:
    """An empty gradebook with this assignment.

    The tables are made first: nbgrader would otherwise start the `alembic` command to stamp a version that only
    upgrades of long-lived gradebooks need (5 s, and it has to be on the PATH).
    """
    engine = create_engine(make_url(path))
    Base.metadata.create_all(bind=engine)
    engine.dispose()
    with Gradebook(make_url(path)) as gradebook:
        gradebook.update_or_create_assignment(assignment)


def add_submission(path: Path, assignment: str, *, late_seconds: float) -> None:
    with Gradebook(make_url(path)) as gradebook:
        gradebook.update_or_create_student(LEARNER)
        if late_seconds > 0:
            gradebook.update_or_create_assignment(assignment, duedate=_DUE_AT)
        handed_in = _DUE_AT + timedelta(seconds=max(0.0, late_seconds))
        gradebook.update_or_create_submission(assignment, LEARNER, timestamp=handed_in)


def read_sources(path: Path, assignment: str, notebook: str) -> dict[str, str]:
    """The author's text of every cell that nbgrader restores, hidden tests included."""
    with Gradebook(make_url(path)) as gradebook:
        return {
            cell.name: cell.source or ""
            for cell in gradebook.find_notebook(notebook, assignment).source_cells
        }


def read_grades(path: Path, assignment: str, notebook: str) -> dict[str, Grade]:
    with Gradebook(make_url(path)) as gradebook:
        found = gradebook.find_submission_notebook(notebook, assignment, LEARNER)
        return {grade.name: _read_grade(grade) for grade in found.grades}


def read_late_penalty(path: Path, assignment: str, notebook: str) -> float:
    with Gradebook(make_url(path)) as gradebook:
        found = gradebook.find_submission_notebook(notebook, assignment, LEARNER)
        penalty = found.late_submission_penalty
        return float(penalty) if penalty is not None and math.isfinite(penalty) else 0.0


def zero_grades(path: Path, assignment: str, notebook: str) -> None:
    """As nbgrader for a notebook that was not handed in: no points, and nothing for a person to look at."""
    with Gradebook(make_url(path)) as gradebook:
        for grade in gradebook.find_submission_notebook(notebook, assignment, LEARNER).grades:
            grade.auto_score = 0
            grade.needs_manual_grade = False
        gradebook.db.commit()


def _read_grade(grade: Any) -> Grade:
    max_score = float(grade.max_score)
    score = None if grade.auto_score is None else limit_score(float(grade.auto_score), max_score)
    extra = float(grade.extra_credit or 0)
    return Grade(score, max_score, extra if math.isfinite(extra) else 0.0, bool(grade.needs_manual_grade))


def limit_score(score: float, max_score: float) -> float:
    """Never infinite, never not a number, never outside 0 and `max_score`."""
    return min(max(score, 0.0), max_score) if math.isfinite(score) else 0.0
