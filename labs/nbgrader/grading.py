"""A submission into points: nbgrader's own steps of `autograde`, in its order, with the box as its Execute."""

import logging
import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from labs.box import BoxEnvironment, BoxLimits, Execution, execute_notebook
from labs.box.process import check_file_names
from labs.exceptions import InvalidNotebookError
from labs.nbgrader.feedback import make_feedback
from labs.nbgrader.gradebook import (
    LEARNER,
    add_submission,
    read_grades,
    read_late_penalty,
    read_sources,
    zero_grades,
)
from labs.nbgrader.messages import find_messages
from labs.nbgrader.notebooks import read_source, read_submission
from labs.nbgrader.release import AUTOTESTS, make_resources
from labs.nbgrader.results import CellResult, GradingResult, NotebookResult, ReleasedLab, is_notebook_path
from labs.states import GradingOutcome

logger = logging.getLogger(__name__)

# What nbgrader sets while it autogrades; authors' notebooks ask for it.
VARIABLES: Final = {"NBGRADER_EXECUTION": "autograde"}


class SaveCheckedGrades(SaveAutoGrades):
    """nbgrader's step, but a result that it cannot make points of goes to a person.

    For a result above the cell's points nbgrader ends the whole run; for one below zero, or that is not a
    number, it gives full points.
    """

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        try:
            _check_result(cell)
            super()._add_score(cell, resources)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            logger.warning("no points from cell %s: %s", cell.metadata.nbgrader.get("grade_id"), error)
            names = (
                cell.metadata.nbgrader["grade_id"],
                self.notebook_id,
                self.assignment_id,
                self.student_id,
            )
            grade = self.gradebook.find_grade(*names)
            grade.auto_score = None
            grade.needs_manual_grade = True
            self.gradebook.db.commit()


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


@dataclass
class _Run:
    """One grading run: the release, a gradebook of its own, and a clock for each phase."""

    release: ReleasedLab
    gradebook: Path
    files: dict[str, bytes]
    limits: BoxLimits
    environment: BoxEnvironment
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started_at = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started_at

    def execute(self, notebook: NotebookNode) -> Execution:
        return execute_notebook(
            notebook, files=self.files, limits=self.limits, environment=self.environment, variables=VARIABLES
        )


def autograde(
    release: ReleasedLab,
    submitted: Mapping[str, bytes],
    *,
    limits: BoxLimits,
    environment: BoxEnvironment,
    late_seconds: float = 0,
) -> GradingResult:
    """Grade what a learner handed in, given as path to content.

    Whatever is in it becomes an outcome per notebook; one damaged notebook costs the others nothing. Raises
    BoxUnavailableError only.
    """
    with tempfile.TemporaryDirectory(prefix="paja-grading-") as folder:
        gradebook = Path(folder) / "gradebook.db"
        gradebook.write_bytes(release.gradebook)
        run = _Run(release, gradebook, _collect_files(release, submitted), limits, environment)
        with run.phase("prepared"):
            add_submission(gradebook, release.name, late_seconds=late_seconds)
        notebooks = tuple(
            _grade_notebook(run, name, submitted.get(f"{name}.ipynb")) for name in release.notebooks
        )
    outcome = next(
        (each.outcome for each in notebooks if each.outcome is not GradingOutcome.SCORED),
        GradingOutcome.SCORED,
    )
    return GradingResult(outcome, notebooks, {name: round(spent, 4) for name, spent in run.seconds.items()})


def _collect_files(release: ReleasedLab, submitted: Mapping[str, bytes]) -> dict[str, bytes]:
    """The working folder: what the learner handed in, under what the author released; no author's notebook."""
    refused = set(check_file_names(submitted))
    files = {path: content for path, content in submitted.items() if path not in refused}
    files |= {path: text for path, text in release.source.items() if not is_notebook_path(path)}
    files.pop(AUTOTESTS, None)
    return _without_clashes(files, release)


def _without_clashes(files: dict[str, bytes], release: ReleasedLab) -> dict[str, bytes]:
    """A learner's file must not take the place of a folder, nor a folder that of a file: the author's one wins."""
    folders = {str(parent) for path in files for parent in list(Path(path).parents)[:-1]}
    clashing = {path for path in files if path in folders}
    authors = [path for path in release.source if not is_notebook_path(path)]
    kept = {}
    for path, content in files.items():
        inside = [str(parent) for parent in Path(path).parents if str(parent) in clashing]
        if path in authors or (path not in clashing and not any(outer in authors for outer in inside)):
            kept[path] = content
    return kept


def _grade_notebook(run: _Run, name: str, content: bytes | None) -> NotebookResult:
    if content is None:
        return _refuse(run, name, "missing_notebook")
    try:
        with run.phase("prepared"):
            notebook = _prepare(run, name, content)
    except InvalidNotebookError as error:
        logger.info("notebook %s is not gradable: %s", name, error)
        return _refuse(run, name, error.reason)
    with run.phase("executed"):
        execution = run.execute(notebook)
    try:
        with run.phase("scored"):
            _score(run, name, execution.notebook)
    except InvalidNotebookError as error:
        logger.info("notebook %s is not gradable: %s", name, error)
        return _refuse(run, name, error.reason)
    with run.phase("feedback"):
        feedback = make_feedback(run.release, name, notebook, execution, run.execute)
    return NotebookResult(
        name=name,
        outcome=execution.outcome,
        reason=execution.reason,
        faulty_cell=execution.faulty_cell,
        cells=_read_cells(run, name, execution),
        feedback=feedback,
        late_penalty=read_late_penalty(run.gradebook, run.release.name, name),
    )


def _prepare(run: _Run, name: str, content: bytes) -> NotebookNode:
    """nbgrader's sanitising half. Raises InvalidNotebookError for what it cannot take, whatever that raises."""
    notebook = read_submission(content)
    resources = _resources(run, name)
    try:
        for step in (ClearOutput(), DeduplicateIds(), OverwriteKernelspec()):
            notebook, resources = step(notebook, resources)
        _forget_strangers(run, name, notebook)
        for step in (OverwriteCells(), CheckCellMetadata()):
            notebook, resources = step(notebook, resources)
    except Exception as error:
        raise InvalidNotebookError(f"{type(error).__name__}: {error}", reason="damaged_cells") from error
    _restore_tags(run, name, notebook)
    return notebook


def _forget_strangers(run: _Run, name: str, notebook: NotebookNode) -> None:
    """Copies of a cell, and cells that the release does not know, are the learner's own and ordinary.

    nbgrader gives up on the notebook here: its checks refuse the empty metadata that its own steps leave.
    """
    known = read_sources(run.gradebook, run.release.name, name)
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata and cell.metadata.nbgrader.get("grade_id") not in known:
            del cell.metadata["nbgrader"]


def _restore_tags(run: _Run, name: str, notebook: NotebookNode) -> None:
    """A tag can keep a cell from being run, and a test that was not run looks passed: the author's tags count."""
    source = read_source(run.release.source[f"{name}.ipynb"])
    tags = {
        cell.metadata.nbgrader.get("grade_id"): cell.metadata.get("tags", [])
        for cell in source.cells
        if "nbgrader" in cell.metadata
    }
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["tags"] = tags.get(cell.metadata.nbgrader.grade_id, [])


def _score(run: _Run, name: str, notebook: NotebookNode) -> None:
    resources = _resources(run, name)
    try:
        for step in (LimitOutput(), SaveCheckedGrades(), AssignLatePenalties(), CheckCellMetadata()):
            notebook, resources = step(notebook, resources)
    except Exception as error:
        raise InvalidNotebookError(f"{type(error).__name__}: {error}", reason="damaged_cells") from error


def _resources(run: _Run, name: str) -> dict[str, Any]:
    resources = make_resources(run.release.name, name, run.gradebook)
    resources["nbgrader"]["student"] = LEARNER
    return resources


def _refuse(run: _Run, name: str, reason: str) -> NotebookResult:
    """As nbgrader does for a missing notebook: no points, and nothing left for a person to grade."""
    zero_grades(run.gradebook, run.release.name, name)
    cells = tuple(
        CellResult(
            spec.grade_id, spec.kind, 0.0, spec.max_score, 0.0, needs_manual_grade=False, was_run=False
        )
        for spec in run.release.grade_cells
        if spec.notebook == name
    )
    return NotebookResult(name, GradingOutcome.INVALID_NOTEBOOK, reason, None, cells, ())


def _read_cells(run: _Run, name: str, execution: Execution) -> tuple[CellResult, ...]:
    grades = read_grades(run.gradebook, run.release.name, name)
    sources = read_sources(run.gradebook, run.release.name, name)
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
                auto_score=grade.auto_score,
                max_score=spec.max_score,
                extra_credit=grade.extra_credit,
                needs_manual_grade=grade.needs_manual_grade,
                was_run=cell is not None and spec.grade_id not in execution.not_run,
                message=_find_message(cell, sources.get(spec.grade_id, "")),
            )
        )
    return tuple(results)


def _find_message(cell: NotebookNode | None, author_source: str) -> str:
    if cell is None or cell.cell_type != "code" or not utils.is_locked(cell):
        return ""
    said = {output.evalue.strip() for output in cell.outputs if output.output_type == "error"}
    return next(iter(sorted(said & find_messages(author_source))), "")
