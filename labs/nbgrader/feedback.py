"""What a learner sees again: their notebook as it was released to them, run without anything hidden."""

from copy import deepcopy

from nbformat import NotebookNode
from nbgrader import utils

from labs.box import Execution
from labs.nbgrader.notebooks import read_source
from labs.nbgrader.results import FeedbackCell, FeedbackDetail, ReleasedLab
from labs.nbgrader.running import Run


def make_feedback(
    run: Run, name: str, graded: NotebookNode, execution: Execution
) -> tuple[FeedbackCell, ...]:
    """The learner's notebook with the outputs of a run of its own, whose cells held no hidden test.

    Where the release hides nothing in this notebook, the scoring run was that run already. Without outputs, and
    without that run, where the author wants to show less.
    """
    visible = show_only_released(run.release, name, graded)
    if run.policy.detail is not FeedbackDetail.FULL:
        return list_cells(visible)
    hides_nothing = [cell.source for cell in visible.cells] == [cell.source for cell in graded.cells]
    return list_cells(execution.notebook if hides_nothing else run.execute(visible).notebook)


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


def list_cells(notebook: NotebookNode) -> tuple[FeedbackCell, ...]:
    return tuple(_make_cell(cell) for cell in notebook.cells)


def _make_cell(cell: NotebookNode) -> FeedbackCell:
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    outputs = tuple(dict(output) for output in cell.get("outputs", []))
    return FeedbackCell(grade_id, cell.cell_type, cell.source, outputs)
