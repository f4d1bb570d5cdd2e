"""Looking for cheating: the notebook is run once more with altered tests, which honest work fails.

The two runs come in an order that nobody can foresee, each in a box of its own. A test that gave points and gives as
many with an expectation that is wrong was not passed but switched off, replaced or told what it wants to hear.
"""

import logging
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from nbformat import NotebookNode
from nbgrader import utils

from labs.box import Execution, name_cell
from labs.nbgrader.languages import PYTHON
from labs.nbgrader.results import Evidence
from labs.nbgrader.running import Run
from labs.nbgrader.scoring import find_points
from labs.nbgrader.twin.altering import Alteration, choose_alteration

logger = logging.getLogger(__name__)

# So that honest work which needs nearly all of its time does not seem to die in its twin.
SLACK: Final = 1.5
# As nbclient, which leaves out cells with this tag.
_SKIP_TAG: Final = "skip-execution"


@dataclass(frozen=True)
class Trial:
    """A notebook after its runs: what counts, which cells were tampered with, and which could not be tried.

    Cells are `untried` where the twin run met a fault, at them or before, that the run did not meet, and did so again
    when it was repeated; `fault` is that last twin run.
    """

    execution: Execution
    evidence: tuple[Evidence, ...] = ()
    untried: frozenset[str] = frozenset()
    fault: Execution | None = None

    @property
    def tampered(self) -> frozenset[str]:
        return frozenset(found.grade_id for found in self.evidence)


@dataclass(frozen=True)
class _Twin:
    notebook: NotebookNode
    alterations: Mapping[str, Alteration]


def try_notebook(run: Run, name: str, notebook: NotebookNode) -> Trial:
    """Run the notebook, and its twin unless it has no points to doubt."""
    twin = _make_twin(run, name, notebook)
    if not twin.alterations:
        return Trial(run.execute(notebook))
    if run.chance.random() < 0.5:
        first = run.execute(twin.notebook, slack=SLACK)
        return _judge(run, name, notebook, run.execute(notebook), twin, first)
    execution = run.execute(notebook)
    if not _list_points(execution, twin):
        return Trial(execution)
    return _judge(run, name, notebook, execution, twin, run.execute(twin.notebook, slack=SLACK))


def _make_twin(run: Run, name: str, notebook: NotebookNode) -> _Twin:
    """A copy with an altered expectation in every test with points; none in a language that cannot be altered."""
    loaded = run.find_released(name)
    altered = deepcopy(notebook)
    alterations: dict[str, Alteration] = {}
    if loaded.language != PYTHON:
        return _Twin(altered, alterations)
    known, origins = loaded.graded_texts, loaded.author.origins
    for cell in altered.cells:
        if not _is_test(cell):
            continue
        grade_id = cell.metadata.nbgrader.grade_id
        alteration = choose_alteration(cell.source, known.get(grade_id, ""), run.chance, origins)
        if alteration is not None:
            cell.source = alteration.source
            alterations[grade_id] = alteration
    return _Twin(altered, alterations)


def _is_test(cell: NotebookNode) -> bool:
    """A cell that is run for its points."""
    if cell.cell_type != "code" or not utils.is_grade(cell) or utils.is_solution(cell):
        return False
    return float(cell.metadata.nbgrader.points) > 0 and _SKIP_TAG not in cell.metadata.get("tags", [])


def _judge(
    run: Run, name: str, notebook: NotebookNode, execution: Execution, twin: _Twin, again: Execution
) -> Trial:
    """Compare a run with its twin, and with a second one where the first met a fault of its own."""
    points = _list_points(execution, twin)
    evidence: dict[str, Evidence] = {}
    untried = frozenset(points)
    for is_last in (False, True):
        for grade_id in _list_points(again, twin, least=points):
            alteration = twin.alterations[grade_id]
            evidence.setdefault(grade_id, Evidence(grade_id, alteration.expected, alteration.altered))
        untried = (untried & _list_behind_fault(execution, again)) - evidence.keys()
        if not untried or is_last:
            break
        logger.info("the twin of notebook %s met a fault (%s) and is run once more", name, again.reason)
        twin = _make_twin(run, name, notebook)
        again = run.execute(twin.notebook, slack=SLACK)
    found = tuple(evidence[grade_id] for grade_id in points if grade_id in evidence)
    return Trial(execution, found, untried, again if untried else None)


def _list_points(
    execution: Execution, twin: _Twin, *, least: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The altered tests that gave points, or as many as they gave before; a result that is no points is any number."""
    found = {}
    for cell in execution.notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id not in twin.alterations:
            continue
        points = find_points(cell)
        if least is None and points:
            found[grade_id] = points
        elif least is not None and grade_id in least and (points is None or points >= least[grade_id]):
            found[grade_id] = least[grade_id]
    return found


def _list_behind_fault(execution: Execution, again: Execution) -> frozenset[str]:
    """The cells from the first one on that was at fault, or not run, in the second execution only."""
    before = {*execution.faults, *execution.not_run}
    names = [name_cell(cell, place) for place, cell in enumerate(again.notebook.cells)]
    own = {*again.faults, *again.not_run} - before
    first = next((place for place, name in enumerate(names) if name in own), len(names))
    return frozenset(names[first:])
