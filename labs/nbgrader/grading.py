"""A submission into points: nbgrader's own steps of `autograde`, in its order, with the box as its Execute."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from labs.box import BoxEnvironment, BoxLimits, execute_notebook
from labs.exceptions import InvalidNotebookError
from labs.nbgrader.feedback import list_cells, run_visible, show_only_released
from labs.nbgrader.preparing import collect_files, prepare_notebook
from labs.nbgrader.results import (
    STANDARD_POLICY,
    CellKind,
    CellResult,
    Damage,
    GradingPolicy,
    GradingResult,
    NotebookResult,
    ReleasedLab,
)
from labs.nbgrader.running import Execute, Run
from labs.nbgrader.scoring import read_cells, score_notebook, tell_errors
from labs.nbgrader.twin.trial import Trial, try_notebook
from labs.states import GradingOutcome

logger = logging.getLogger(__name__)

TAMPERED: Final = "tampered"  # the reason of a notebook with a cell whose points are not to be trusted


def autograde(
    release: ReleasedLab,
    submitted: Mapping[str, bytes],
    *,
    limits: BoxLimits,
    environment: BoxEnvironment,
    policy: GradingPolicy = STANDARD_POLICY,
    late_seconds: float = 0,
    execute_with: Execute = execute_notebook,
) -> GradingResult:
    """Grade what a learner handed in, given as path to content.

    Whatever is in it becomes an outcome per notebook; one damaged notebook costs the others nothing. Raises
    BoxUnavailableError only.
    """
    files = collect_files(release, submitted)
    run = Run(release, files, limits, environment, policy, late_seconds, execute_with)
    return _conclude(run, [_grade_notebook(run, name, submitted) for name in release.notebooks])


def check_work(
    release: ReleasedLab,
    submitted: Mapping[str, bytes],
    *,
    limits: BoxLimits,
    environment: BoxEnvironment,
    execute_with: Execute = execute_notebook,
) -> GradingResult:
    """Run what a learner has so far with the tests that they can see, and with these only.

    The cells are the automatically graded ones of which a test is seen; what such a cell shows is known to the
    learner, so outputs and messages are those of this run. Raises BoxUnavailableError only.
    """
    files = collect_files(release, submitted)
    run = Run(release, files, limits, environment, STANDARD_POLICY, execute_with=execute_with)
    return _conclude(run, [_check_notebook(run, name, submitted) for name in release.notebooks])


def _conclude(run: Run, notebooks: Sequence[NotebookResult]) -> GradingResult:
    """The outcome is that of the first notebook that was not simply scored, one that was tampered with before all."""
    outcomes = [each.outcome for each in notebooks if each.outcome is not GradingOutcome.SCORED]
    outcome = next(iter(outcomes), GradingOutcome.SCORED)
    if GradingOutcome.TAMPERED in outcomes:
        outcome = GradingOutcome.TAMPERED
    seconds = {name: round(spent, 4) for name, spent in run.seconds.items()}
    return GradingResult(outcome, tuple(notebooks), seconds)


def _grade_notebook(run: Run, name: str, submitted: Mapping[str, bytes]) -> NotebookResult:
    try:
        with run.phase("prepared"):
            prepared = prepare_notebook(run, name, submitted)
    except InvalidNotebookError as error:
        return _refuse(run, name, error)
    with run.phase("executed"):
        trial = try_notebook(run, name, prepared.notebook)
        visible = run_visible(run, name, prepared.notebook, trial.execution)
    try:
        with run.phase("scored"):
            withheld = trial.tampered | trial.untried
            score_notebook(run, name, trial.execution.notebook, withheld=withheld)
            cells = read_cells(run, name, trial.execution, tampered=trial.tampered)
    except InvalidNotebookError as error:
        return _refuse(run, name, error, prepared.damage)
    with run.phase("rendered"):
        feedback = list_cells(run.find_released(name), visible)
    result = NotebookResult(
        name=name,
        outcome=trial.execution.outcome,
        reason=trial.execution.reason,
        faulty_cell=trial.execution.faulty_cell,
        cells=cells,
        feedback=feedback,
        late_penalty=run.marks_of(name).late_penalty,
        damage=prepared.damage,
        evidence=trial.evidence,
    )
    return _doubt(result, trial)


def _doubt(result: NotebookResult, trial: Trial) -> NotebookResult:
    """Cheating is said before all else; a fault that only the twin met, where there is nothing else to say."""
    if trial.evidence:
        return replace(result, outcome=GradingOutcome.TAMPERED, reason=TAMPERED, faulty_cell=None)
    if trial.fault is not None and result.outcome is GradingOutcome.SCORED:
        fault = trial.fault
        return replace(result, outcome=fault.outcome, reason=fault.reason, faulty_cell=fault.faulty_cell)
    return result


def _check_notebook(run: Run, name: str, submitted: Mapping[str, bytes]) -> NotebookResult:
    result = _run_visible_tests(run, name, submitted)
    seen = run.find_released(name).visible_tests
    tests = [cell for cell in result.cells if cell.kind == CellKind.AUTOGRADED and cell.grade_id in seen]
    return replace(result, cells=tuple(tests))


def _run_visible_tests(run: Run, name: str, submitted: Mapping[str, bytes]) -> NotebookResult:
    damage: tuple[Damage, ...] = ()
    try:
        with run.phase("prepared"):
            prepared = prepare_notebook(run, name, submitted)
            damage = prepared.damage
            visible = show_only_released(run.find_released(name), prepared.notebook)
        with run.phase("executed"):
            execution = run.execute(visible)
        with run.phase("scored"):
            score_notebook(run, name, execution.notebook)
            cells = tell_errors(read_cells(run, name, execution), execution.notebook)
    except InvalidNotebookError as error:
        return _refuse(run, name, error, damage)
    with run.phase("rendered"):
        feedback = list_cells(run.find_released(name), execution.notebook)
    return NotebookResult(
        name=name,
        outcome=execution.outcome,
        reason=execution.reason,
        faulty_cell=execution.faulty_cell,
        cells=cells,
        feedback=feedback,
        damage=damage,
    )


def _refuse(
    run: Run, name: str, error: InvalidNotebookError, damage: tuple[Damage, ...] = ()
) -> NotebookResult:
    """As nbgrader does for a missing notebook: no points, and nothing left for a person to grade."""
    logger.info("notebook %s is not gradable: %s", name, error)
    cells = tuple(
        CellResult(
            spec.grade_id, spec.kind, 0.0, spec.max_score, 0.0, needs_manual_grade=False, was_run=False
        )
        for spec in run.release.grade_cells
        if spec.notebook == name
    )
    return NotebookResult(name, GradingOutcome.INVALID_NOTEBOOK, error.reason, None, cells, (), damage=damage)
