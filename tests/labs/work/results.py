"""Results of the pipeline, as a grading run records them."""

from typing import Any

from labs.nbgrader import CellResult, GradingResult, NotebookResult
from labs.states import GradingOutcome


def cell(grade_id: str, auto_score: float | None, max_score: float, **fields: Any) -> CellResult:
    values = {
        "grade_id": grade_id,
        "kind": "autograded",
        "auto_score": auto_score,
        "max_score": max_score,
        "extra_credit": None,
        "needs_manual_grade": False,
        "was_run": True,
        "message": "",
        **fields,
    }
    return CellResult(**values)


def result(*cells: CellResult, outcome: GradingOutcome = GradingOutcome.SCORED) -> GradingResult:
    notebook = NotebookResult(
        name="lab", outcome=outcome, reason="", faulty_cell=None, cells=tuple(cells), feedback=()
    )
    return GradingResult(outcome=outcome, notebooks=(notebook,), phase_seconds={"executed": 1.0})
