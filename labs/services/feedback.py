"""What a grading run says to the learner: the cells of their notebooks, with outputs, points and messages."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labs.blobs import read_blob
from labs.models import CellGrade, Feedback, GradingRun
from labs.services.marks import CellMark, mark_cell, points_of
from labs.services.outputs import Allowance, ShownOutput, ShownSource, as_text, show_outputs, show_source
from labs.states import GradingOutcome

MAX_CELLS: Final = 500
MAX_BLOB: Final = 32 * 1024 * 1024

_KEPT: Final = _("Cells that could run without it kept their points.")

# What became of a notebook, by the reason that the box or nbgrader's pipeline gave, else by its outcome.
FAULT_SENTENCES: Final[Mapping[str, str | Promise]] = {
    "missing_notebook": _(
        "The notebook was not among the files that you submitted. Give it back its first name, and submit again."
    ),
    "notebook_too_large": _(
        "The notebook is too large to be graded. Clear its outputs in JupyterLab, save it, and submit again."
    ),
    "damaged_cells": _(
        "Cells of the notebook that carry points are damaged. Take your answers over into a fresh copy, and "
        "submit again."
    ),
    "too_many_processes": _("A cell started more processes than the lab allows and was stopped."),
    "too_much_output": _("A cell printed more than the lab allows and was stopped."),
    GradingOutcome.TIMEOUT: _(
        "A cell ran longer than it may and was stopped. Look for a loop that does not end, or for work on more data "
        "than the lab gives."
    ),
    GradingOutcome.OUT_OF_MEMORY: _("A cell used more memory than the lab gives and was stopped."),
    GradingOutcome.KERNEL_DIED: _(
        "The kernel ended while a cell ran. Restart the kernel in JupyterLab, run all cells from the top, and see "
        "where it ends."
    ),
    GradingOutcome.INVALID_NOTEBOOK: _(
        "The file is not a notebook that can be graded. Open it in JupyterLab, repair it or start from a fresh "
        "copy, and submit again."
    ),
    GradingOutcome.TAMPERED: _(
        "The tests did not behave as tests do: something in the notebook changes how they work. Remove it and "
        "submit again; ask your instructor if you do not know what it is."
    ),
}
_RUNNING_FAULTS: Final = {GradingOutcome.TIMEOUT, GradingOutcome.OUT_OF_MEMORY, GradingOutcome.KERNEL_DIED}


@dataclass(frozen=True)
class FeedbackCell:
    """One cell as the page shows it; `mark` is None where the cell gives no points."""

    anchor: str
    cell_type: str
    source: ShownSource
    outputs: tuple[ShownOutput, ...]
    mark: CellMark | None
    is_faulty: bool


@dataclass(frozen=True)
class FeedbackNotebook:
    """One notebook; `lost` are grade cells that are not in what was submitted any more."""

    name: str
    points: str
    sentence: str
    faulty_cell: str
    faulty_anchor: str
    cells: tuple[FeedbackCell, ...]
    lost: tuple[CellMark, ...]


def find_feedback(run: GradingRun) -> list[FeedbackNotebook]:
    """The notebooks of a run in the lab's order. A missing or damaged blob costs the cells' text, not their points."""
    grades: dict[str, dict[str, CellGrade]] = {}
    for grade in run.cells.all():
        grades.setdefault(grade.notebook, {})[grade.grade_id] = grade
    results = {
        result["name"]: result for result in _dicts(run.notebooks) if isinstance(result.get("name"), str)
    }
    contents = _read_contents(run)
    allowance = Allowance()
    names = dict.fromkeys([*results, *grades])
    return [
        _join_notebook(
            number, name, contents.get(name, []), results.get(name, {}), grades.get(name, {}), allowance
        )
        for number, name in enumerate(names, start=1)
    ]


def _read_contents(run: GradingRun) -> dict[str, list[dict[str, Any]]]:
    """The cells of each notebook, from the blob."""
    feedback = Feedback.objects.filter(run=run).first()
    try:
        blob = read_blob(feedback.content) if feedback else b""
        content = json.loads(blob) if 0 < len(blob) <= MAX_BLOB else {}
    except (OSError, ValueError, RecursionError):
        return {}
    notebooks = content.get("notebooks") if isinstance(content, dict) else None
    return {as_text(notebook.get("name")): _dicts(notebook.get("cells")) for notebook in _dicts(notebooks)}


def _join_notebook(
    number: int,
    name: str,
    contents: list[dict[str, Any]],
    result: Mapping[str, Any],
    grades: Mapping[str, CellGrade],
    allowance: Allowance,
) -> FeedbackNotebook:
    left = dict(grades)
    faulty = as_text(result.get("faulty_cell"))
    cells = []
    for position, content in enumerate(contents[:MAX_CELLS], start=1):
        grade_id = as_text(content.get("grade_id"))
        grade = left.pop(grade_id, None)  # a copied grade id does not show its points twice
        anchor = f"cell-{number}-{position}"
        cell_type = as_text(content.get("cell_type"))
        cells.append(
            FeedbackCell(
                anchor=anchor,
                cell_type=cell_type,
                source=show_source(content.get("source"), cell_type, allowance, id_prefix=f"{anchor}-"),
                outputs=show_outputs(content.get("outputs"), allowance, id_prefix=f"{anchor}-output-"),
                mark=mark_cell(grade) if grade else None,
                is_faulty=bool(faulty) and faulty == grade_id,
            )
        )
    return FeedbackNotebook(
        name=name,
        points=_sum_points(grades.values()),
        sentence=_sentence_of(as_text(result.get("outcome")), as_text(result.get("reason"))),
        faulty_cell=faulty,
        faulty_anchor=next((cell.anchor for cell in cells if cell.is_faulty), ""),
        cells=tuple(cells),
        lost=tuple(mark_cell(grade) for grade in left.values()),
    )


def _sentence_of(outcome: str, reason: str) -> str:
    """What became of a notebook and what to do; empty for one that was simply scored."""
    if outcome not in FAULT_SENTENCES:
        return ""
    sentence = str(FAULT_SENTENCES.get(reason) or FAULT_SENTENCES[outcome])
    return f"{sentence} {_KEPT}" if outcome in _RUNNING_FAULTS else sentence


def _sum_points(grades: Iterable[CellGrade]) -> str:
    """The points of a notebook in words; empty where it has no grade cells."""
    found = list(grades)
    if not found:
        return ""
    return points_of(sum(grade.score or 0 for grade in found), sum(grade.max_score for grade in found))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
