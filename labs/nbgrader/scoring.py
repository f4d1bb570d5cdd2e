"""A notebook that was run into points: nbgrader's own steps, whose results are distrusted."""

import logging
import math
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata, LimitOutput, SaveAutoGrades
from traitlets.config import Config

from labs.box import Execution
from labs.exceptions import InvalidNotebookError
from labs.nbgrader.gradebook import read_grades, read_sources
from labs.nbgrader.messages import find_messages
from labs.nbgrader.results import CellResult
from labs.nbgrader.running import Run

logger = logging.getLogger(__name__)


class SaveCheckedGrades(SaveAutoGrades):
    """nbgrader's step, but a result that it cannot make points of goes to a person.

    For a result above the cell's points nbgrader ends the whole run; for one below zero, or that is not a
    number, it gives full points.
    """

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        try:
            _check_result(cell)
            super()._add_score(cell, resources)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            logger.warning("no points from cell %s: %s", cell.metadata.nbgrader.get("grade_id"), error)
            names = (
                cell.metadata.nbgrader["grade_id"],
                self.notebook_id,
                self.assignment_id,
                self.student_id,
            )
            grade = self.gradebook.find_grade(*names)
            grade.auto_score = None
            grade.needs_manual_grade = True
            self.gradebook.db.commit()


def _check_result(cell: NotebookNode) -> None:
    for output in cell.get("outputs", []):
        if output.output_type != "execute_result":
            continue
        try:
            result = float(output.data.get("text/plain", ""))
        except ValueError:
            return  # not a number of points at all, which nbgrader counts as a pass
        if not (math.isfinite(result) and result >= 0):
            raise ValueError(f"partial credit of {result}")
        return


def score_notebook(run: Run, name: str, notebook: NotebookNode) -> None:
    resources = run.resources(name)
    lateness = Config({"LateSubmissionPlugin": {"penalty_method": run.policy.late_penalty}})
    steps = (LimitOutput(), SaveCheckedGrades(), AssignLatePenalties(config=lateness), CheckCellMetadata())
    try:
        for step in steps:
            notebook, resources = step(notebook, resources)
    except Exception as error:
        raise InvalidNotebookError(f"{type(error).__name__}: {error}", reason="damaged_cells") from error


def read_cells(run: Run, name: str, execution: Execution) -> tuple[CellResult, ...]:
    grades = read_grades(run.gradebook, run.release.name, name)
    sources = read_sources(run.gradebook, run.release.name, name)
    found = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in execution.notebook.cells
        if "nbgrader" in cell.metadata
    }
    results = []
    for spec in run.release.grade_cells:
        if spec.notebook != name:
            continue
        grade, cell = grades[spec.grade_id], found.get(spec.grade_id)
        results.append(
            CellResult(
                grade_id=spec.grade_id,
                kind=spec.kind,
                auto_score=grade.auto_score,
                max_score=spec.max_score,
                extra_credit=grade.extra_credit,
                needs_manual_grade=grade.needs_manual_grade,
                was_run=cell is not None and spec.grade_id not in execution.not_run,
                message=_find_message(cell, sources.get(spec.grade_id, "")),
            )
        )
    return tuple(results)


def _find_message(cell: NotebookNode | None, author_source: str) -> str:
    if cell is None or cell.cell_type != "code" or not utils.is_locked(cell):
        return ""
    said = {output.evalue.strip() for output in cell.outputs if output.output_type == "error"}
    return next(iter(sorted(said & find_messages(author_source))), "")
