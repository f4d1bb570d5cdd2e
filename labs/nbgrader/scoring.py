"""A notebook that was run into points: nbgrader's own steps, whose results are distrusted."""

import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import LimitOutput

from labs.box import Execution
from labs.exceptions import InvalidNotebookError
from labs.nbgrader.gradebook import Marks, limit_score
from labs.nbgrader.results import CellResult, FeedbackDetail
from labs.nbgrader.running import Run
from labs.nbgrader.steps import assign_late_penalty, check_metadata

logger = logging.getLogger(__name__)

MAX_ERROR: Final = 300


def save_grades(notebook: NotebookNode, marks: Marks, *, withheld: Collection[str]) -> None:
    """As nbgrader's `SaveAutoGrades`, by `find_points`; what is `withheld` or no number waits for a person."""
    for cell in notebook.cells:
        if utils.is_grade(cell):
            grade_id = cell.metadata.nbgrader["grade_id"]
            grade = marks.grades[grade_id]
            grade.auto_score = None if grade_id in withheld else find_points(cell)
            grade.needs_manual_grade = grade.auto_score is None


def find_points(cell: NotebookNode) -> float | None:
    """nbgrader's points for a graded cell after its run, None where only a person can tell.

    Other than nbgrader: a cell that shows an error has none, whatever it printed before. A result above its points,
    for which nbgrader ends the whole run, and one below zero or that is not a number, for which it gives full
    points, are for a person.
    """
    if _is_failed(cell):
        return 0.0
    try:
        _check_result(cell)
        points, _max = utils.determine_grade(cell, logger)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("no points from cell %s: %s", cell.metadata.nbgrader.get("grade_id"), error)
        return None
    return None if points is None else float(points)


def _is_failed(cell: NotebookNode) -> bool:
    outputs = [] if utils.is_solution(cell) else cell.get("outputs", [])
    return any(output.output_type == "error" for output in outputs)


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


def score_notebook(run: Run, name: str, notebook: NotebookNode, *, withheld: Collection[str] = ()) -> None:
    """Into the run's marks; cells that are `withheld` get no automatic points. Raises InvalidNotebookError."""
    marks = run.marks_of(name)
    try:
        notebook, _resources = LimitOutput()(notebook, {})
        save_grades(notebook, marks, withheld=withheld)
        assign_late_penalty(marks, method=run.policy.late_penalty, late_seconds=run.late_seconds)
        check_metadata(notebook)
    except Exception as error:
        raise InvalidNotebookError(f"{type(error).__name__}: {error}", reason="damaged_cells") from error


def read_cells(
    run: Run, name: str, execution: Execution, *, tampered: Collection[str] = ()
) -> tuple[CellResult, ...]:
    """The points as they stand in the run's marks."""
    tells_more = run.policy.detail is not FeedbackDetail.POINTS
    grades = run.marks_of(name).grades
    messages = run.find_released(name).messages
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
                auto_score=limit_score(grade.auto_score, grade.max_score),
                max_score=spec.max_score,
                extra_credit=0.0,
                needs_manual_grade=grade.needs_manual_grade,
                was_run=cell is not None and spec.grade_id not in execution.not_run,
                message=_find_message(cell, messages.get(spec.grade_id, frozenset())) if tells_more else "",
                is_unanswered=cell is not None and _is_unanswered(cell),
                is_tampered=spec.grade_id in tampered,
            )
        )
    return tuple(results)


def _is_unanswered(cell: NotebookNode) -> bool:
    """As nbgrader's comment "No response.": an answer whose checksum is still that of the release."""
    checksum = cell.metadata.nbgrader.get("checksum")
    return utils.is_solution(cell) and checksum is not None and checksum == utils.compute_checksum(cell)


def _find_message(cell: NotebookNode | None, messages: frozenset[str]) -> str:
    if cell is None or cell.cell_type != "code" or not utils.is_locked(cell):
        return ""
    said = {output.evalue.strip() for output in cell.outputs if output.output_type == "error"}
    return next(iter(sorted(said & messages)), "")


def tell_errors(cells: Sequence[CellResult], notebook: NotebookNode) -> tuple[CellResult, ...]:
    """Of a run in which nothing is hidden: a cell that shows an error says it, where its author's test says nothing."""
    errors = {
        cell.metadata.nbgrader.grade_id: f"{output.ename}: {output.evalue}".strip(": ")
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }
    return tuple(
        replace(cell, message=cell.message or errors.get(cell.grade_id, "")[:MAX_ERROR])
        if cell.was_run
        else cell
        for cell in cells
    )
