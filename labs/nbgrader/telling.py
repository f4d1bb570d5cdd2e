"""Results for whoever grades a course folder at a command line: one JSON object, or a table."""

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _

from labs.nbgrader.results import CellResult, GradingResult, NotebookResult


def to_json(
    assignment: str, results: Mapping[str, GradingResult], failed: Mapping[str, str], *, is_practice: bool
) -> dict[str, object]:
    """`failed` names the submissions that have no result, and why."""
    learners = {
        learner: {
            "outcome": result.outcome.value,
            "seconds": round(sum(result.phase_seconds.values()), 2),
            "notebooks": {notebook.name: _notebook_to_json(notebook) for notebook in result.notebooks},
        }
        for learner, result in results.items()
    }
    return {
        "assignment": assignment,
        "is_practice": is_practice,
        "learners": learners,
        "failed": dict(failed),
    }


def _notebook_to_json(notebook: NotebookResult) -> dict[str, object]:
    return {
        "outcome": notebook.outcome.value,
        "reason": notebook.reason,
        "faulty_cell": notebook.faulty_cell,
        "damage": [{"kind": each.kind.value, "grade_id": each.grade_id} for each in notebook.damage],
        "late_penalty": notebook.late_penalty,
        "cells": {cell.grade_id: _cell_to_json(cell) for cell in notebook.cells},
    }


def _cell_to_json(cell: CellResult) -> dict[str, object]:
    return {
        "kind": cell.kind.value,
        "auto_score": cell.auto_score,
        "max_score": cell.max_score,
        "extra_credit": cell.extra_credit,
        "needs_manual_grade": cell.needs_manual_grade,
        "was_run": cell.was_run,
        "is_unanswered": cell.is_unanswered,
        "is_tampered": cell.is_tampered,
    }


def to_table(results: Mapping[str, GradingResult]) -> Iterator[str]:
    """A line per notebook under a line of titles."""
    rows: list[tuple[str, ...]] = [
        (
            _("learner"),
            _("notebook"),
            _("outcome"),
            _("points"),
            _("to grade by hand"),
            _("cell at fault"),
            _("late"),
            _("damage"),
        )
    ]
    for learner, result in results.items():
        rows += [_make_row(learner, notebook) for notebook in result.notebooks]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n"


def _make_row(learner: str, notebook: NotebookResult) -> tuple[str, ...]:
    points = (
        sum((cell.auto_score or 0) + cell.extra_credit for cell in notebook.cells) - notebook.late_penalty
    )
    most = sum(cell.max_score for cell in notebook.cells)
    outcome = str(notebook.outcome.label)
    return (
        learner,
        notebook.name,
        f"{outcome} ({notebook.reason})" if notebook.reason else outcome,
        f"{max(0.0, points):g} / {most:g}",
        str(sum(cell.needs_manual_grade for cell in notebook.cells)),
        notebook.faulty_cell or "",
        f"-{notebook.late_penalty:g}" if notebook.late_penalty else "",
        ", ".join(f"{each.kind.value} {each.grade_id}".rstrip() for each in notebook.damage),
    )
