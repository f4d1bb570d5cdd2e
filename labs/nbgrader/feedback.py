"""What a learner sees again: their notebook as it was released to them, run without anything hidden."""

from copy import deepcopy

from nbformat import NotebookNode
from nbgrader import utils

from labs.box import Execution
from labs.nbgrader.loading import LoadedNotebook
from labs.nbgrader.results import FeedbackCell, FeedbackDetail
from labs.nbgrader.running import Run


def run_visible(run: Run, name: str, graded: NotebookNode, execution: Execution) -> NotebookNode:
    """The learner's notebook with the outputs of a run of its own, whose cells held no hidden test.

    Where the release hides nothing in this notebook's code, the scoring run was that run already. Without outputs,
    and without that run, where the author wants to show less.
    """
    visible = show_only_released(run.find_released(name), graded)
    if run.policy.detail is not FeedbackDetail.FULL:
        return visible
    return execution.notebook if _read_code(visible) == _read_code(graded) else run.execute(visible).notebook


def _read_code(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def show_only_released(loaded: LoadedNotebook, graded: NotebookNode) -> NotebookNode:
    """A copy in which every cell that the author locked reads as in the learner's release.

    The text comes from the release itself, so nothing can show here that the learner was not given before.
    """
    visible = deepcopy(graded)
    for cell in visible.cells:
        cell.source = _read_released(loaded, cell)
    return visible


def _read_released(loaded: LoadedNotebook, cell: NotebookNode) -> str:
    is_fixed = utils.is_locked(cell) or utils.is_task(cell)
    return loaded.fixed_texts.get(cell.metadata.nbgrader.grade_id, "") if is_fixed else str(cell.source)


def list_cells(loaded: LoadedNotebook, notebook: NotebookNode) -> tuple[FeedbackCell, ...]:
    """With its outputs, and the text of `show_only_released` whatever stands in it: a scheme for marking, say."""
    return tuple(
        FeedbackCell(
            grade_id=cell.metadata.get("nbgrader", {}).get("grade_id", ""),
            cell_type=cell.cell_type,
            source=_read_released(loaded, cell),
            outputs=tuple(dict(output) for output in cell.get("outputs", [])),
        )
        for cell in notebook.cells
    )
