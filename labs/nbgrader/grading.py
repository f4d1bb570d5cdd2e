"""A submission into points: nbgrader's own steps of `autograde`, in its order, with the box as its Execute."""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path

from labs.box import BoxEnvironment, BoxLimits
from labs.exceptions import InvalidNotebookError
from labs.nbgrader.feedback import make_feedback
from labs.nbgrader.gradebook import add_submission, read_late_penalty, zero_grades
from labs.nbgrader.preparing import collect_files, prepare_notebook
from labs.nbgrader.results import (
    STANDARD_POLICY,
    CellResult,
    Damage,
    GradingPolicy,
    GradingResult,
    NotebookResult,
    ReleasedLab,
)
from labs.nbgrader.running import Run
from labs.nbgrader.scoring import read_cells, score_notebook
from labs.states import GradingOutcome

logger = logging.getLogger(__name__)


def autograde(
    release: ReleasedLab,
    submitted: Mapping[str, bytes],
    *,
    limits: BoxLimits,
    environment: BoxEnvironment,
    policy: GradingPolicy = STANDARD_POLICY,
    late_seconds: float = 0,
) -> GradingResult:
    """Grade what a learner handed in, given as path to content.

    Whatever is in it becomes an outcome per notebook; one damaged notebook costs the others nothing. Raises
    BoxUnavailableError only.
    """
    with tempfile.TemporaryDirectory(prefix="paja-grading-") as folder:
        gradebook = Path(folder) / "gradebook.db"
        gradebook.write_bytes(release.gradebook)
        run = Run(release, gradebook, collect_files(release, submitted), limits, environment, policy)
        with run.phase("prepared"):
            add_submission(gradebook, release.name, late_seconds=late_seconds)
        notebooks = tuple(_grade_notebook(run, name, submitted) for name in release.notebooks)
    outcome = next(
        (each.outcome for each in notebooks if each.outcome is not GradingOutcome.SCORED),
        GradingOutcome.SCORED,
    )
    return GradingResult(outcome, notebooks, {name: round(spent, 4) for name, spent in run.seconds.items()})


def _grade_notebook(run: Run, name: str, submitted: Mapping[str, bytes]) -> NotebookResult:
    try:
        with run.phase("prepared"):
            prepared = prepare_notebook(run, name, submitted)
    except InvalidNotebookError as error:
        logger.info("notebook %s is not gradable: %s", name, error)
        return _refuse(run, name, error.reason)
    with run.phase("executed"):
        execution = run.execute(prepared.notebook)
    try:
        with run.phase("scored"):
            score_notebook(run, name, execution.notebook)
    except InvalidNotebookError as error:
        logger.info("notebook %s is not gradable: %s", name, error)
        return _refuse(run, name, error.reason, prepared.damage)
    with run.phase("feedback"):
        feedback = make_feedback(run.release, name, prepared.notebook, execution, run.execute)
    return NotebookResult(
        name=name,
        outcome=execution.outcome,
        reason=execution.reason,
        faulty_cell=execution.faulty_cell,
        cells=read_cells(run, name, execution),
        feedback=feedback,
        late_penalty=read_late_penalty(run.gradebook, run.release.name, name),
        damage=prepared.damage,
    )


def _refuse(run: Run, name: str, reason: str, damage: tuple[Damage, ...] = ()) -> NotebookResult:
    """As nbgrader does for a missing notebook: no points, and nothing left for a person to grade."""
    zero_grades(run.gradebook, run.release.name, name)
    cells = tuple(
        CellResult(
            spec.grade_id, spec.kind, 0.0, spec.max_score, 0.0, needs_manual_grade=False, was_run=False
        )
        for spec in run.release.grade_cells
        if spec.notebook == name
    )
    return NotebookResult(name, GradingOutcome.INVALID_NOTEBOOK, reason, None, cells, (), damage=damage)
