"""What a learner sees again: their notebook as it was released to them, run without anything hidden."""

from collections.abc import Callable
from copy import deepcopy

from nbformat import NotebookNode
from nbgrader import utils

from labs.box import Execution
from labs.nbgrader.notebooks import read_source
from labs.nbgrader.results import FeedbackCell, ReleasedLab


def make_feedback(
    release: ReleasedLab,
    name: str,
    graded: NotebookNode,
    execution: Execution,
    execute: Callable[[NotebookNode], Execution],
) -> tuple[FeedbackCell, ...]:
    """The learner's notebook with the outputs of a run of its own, whose cells held no hidden test.

    Where the release hides nothing in this notebook, the scoring run was that run already.
    """
    visible = show_only_released(release, name, graded)
    hides_nothing = [cell.source for cell in visible.cells] == [cell.source for cell in graded.cells]
    shown = execution.notebook if hides_nothing else execute(visible).notebook
    return tuple(_make_cell(cell) for cell in shown.cells)


def show_only_released(release: ReleasedLab, name: str, graded: NotebookNode) -> NotebookNode:
    """A copy in which every cell that the author locked reads as in the learner's release.

    The text comes from the release itself, so nothing can show here that the learner was not given before.
    """
    released = read_source(release.learner_files[f"{name}.ipynb"])
    texts = {cell.metadata.nbgrader.grade_id: cell.source for cell in released.cells if utils.is_locked(cell)}
    texts |= {cell.metadata.nbgrader.grade_id: cell.source for cell in released.cells if utils.is_task(cell)}
    visible = deepcopy(graded)
    for cell in visible.cells:
        if utils.is_locked(cell) or utils.is_task(cell):
            cell.source = texts.get(cell.metadata.nbgrader.grade_id, "")
    return visible


def _make_cell(cell: NotebookNode) -> FeedbackCell:
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    outputs = tuple(dict(output) for output in cell.get("outputs", []))
    return FeedbackCell(grade_id, cell.cell_type, cell.source, outputs)
