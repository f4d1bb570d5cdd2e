"""nbgrader's gradebook: of a release a file, made once and read once; of a submission the marks, in memory."""

import math
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Base, Gradebook, MissingEntry, Notebook
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool


@dataclass(frozen=True)
class KeptCell:
    """A cell that nbgrader restores, hidden tests included; in its words."""

    name: str
    cell_type: str
    source: str
    locked: bool
    checksum: str


@dataclass(frozen=True)
class GradedCell:
    """A cell with points."""

    name: str
    max_score: float


@dataclass(frozen=True)
class KeptNotebook:
    """What nbgrader keeps of a released notebook, to be asked by its steps as they ask its gradebook.

    `kernelspec` is JSON, empty where the author's notebook names no kernel.
    """

    kernelspec: str
    source_cells: Mapping[str, KeptCell]
    graded_cells: Mapping[str, GradedCell]

    def find_source_cell(self, name: str, *_where: str) -> KeptCell:
        if name not in self.source_cells:
            raise MissingEntry(f"no source cell {name!r}")
        return self.source_cells[name]

    def find_graded_cell(self, name: str, *_where: str) -> GradedCell:
        if name not in self.graded_cells:
            raise MissingEntry(f"no graded cell {name!r}")
        return self.graded_cells[name]


@dataclass
class Grade:
    """As a row of nbgrader's gradebook: what nobody looked at waits for a person."""

    max_score: float
    auto_score: float | None = None
    needs_manual_grade: bool = True


@dataclass
class Marks:
    """What nbgrader's gradebook would hold of one submitted notebook; `late_penalty` in points."""

    grades: dict[str, Grade]
    late_penalty: float = 0.0

    @property
    def score(self) -> float:
        return sum(grade.auto_score or 0.0 for grade in self.grades.values())


def open_marks(kept: KeptNotebook) -> Marks:
    return Marks({cell.name: Grade(cell.max_score) for cell in kept.graded_cells.values()})


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


def read_gradebook(content: bytes) -> dict[str, KeptNotebook]:
    """All notebooks of a gradebook file that holds one assignment. No file is written for it."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.deserialize(content)
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
    try:
        with Session(engine) as session:
            return {notebook.name: _read_notebook(notebook) for notebook in session.query(Notebook)}
    finally:
        engine.dispose()


def _read_notebook(notebook: Notebook) -> KeptNotebook:
    cells = [
        KeptCell(cell.name, cell.cell_type, cell.source or "", bool(cell.locked), cell.checksum or "")
        for cell in notebook.source_cells
    ]
    graded = [*notebook.grade_cells, *notebook.task_cells]
    return KeptNotebook(
        notebook.kernelspec or "",
        {cell.name: cell for cell in cells},
        {cell.name: GradedCell(cell.name, float(cell.max_score)) for cell in graded},
    )


def limit_score(score: float | None, max_score: float) -> float | None:
    """Never infinite, never not a number, never outside 0 and `max_score`; no score stays none."""
    if score is None:
        return None
    return min(max(score, 0.0), max_score) if math.isfinite(score) else 0.0
