"""An author's notebooks into a release: nbgrader's own steps of `generate_assignment`, in its order."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ComputeChecksums,
    IncludeHeaderFooter,
    LockCells,
    SaveCells,
)
from traitlets.config import Config

from labs.box import BoxEnvironment, BoxLimits
from labs.box.kernelspecs import choose_kernel
from labs.exceptions import BoxUnavailableError, InvalidNotebookError
from labs.nbgrader.autotests import BoxedInstantiateTests
from labs.nbgrader.gradebook import create_gradebook, make_url
from labs.nbgrader.languages import ClearEverySolution, find_kernel_name, find_language, note_language
from labs.nbgrader.notebooks import read_source
from labs.nbgrader.results import CellKind, GradeCellSpec, ReleasedLab, is_notebook_path

AUTOTESTS: Final = "autotests.yml"


def make_release(
    source: Mapping[str, bytes],
    *,
    name: str,
    environment: BoxEnvironment,
    settings: Config | None = None,
) -> ReleasedLab:
    """Release the notebooks at the top level of the source; the other files go to the learner as they are.

    `settings` are those of a course for nbgrader's own steps (stubs, markers, a header), in nbgrader's words.

    Autotests are run in the box. Raises InvalidNotebookError, whose message begins with the notebook at fault;
    `check_source` says everything that is wrong at once.
    """
    notebooks = sorted(path for path in source if is_notebook_path(path))
    files = {path: content for path, content in source.items() if not is_notebook_path(path)}
    # Autotests stand in the notebooks by now; the templates they were made from are the author's.
    released = {path: content for path, content in files.items() if path != AUTOTESTS}
    specs: list[GradeCellSpec] = []
    with tempfile.TemporaryDirectory(prefix="paja-release-") as folder:
        gradebook = Path(folder) / "gradebook.db"
        create_gradebook(gradebook, name)
        if AUTOTESTS in files:
            (Path(folder) / AUTOTESTS).write_bytes(files[AUTOTESTS])
        for path in notebooks:
            notebook_name = path.removesuffix(".ipynb")
            resources = make_resources(name, notebook_name, gradebook)
            resources["metadata"] = {"path": folder}
            steps = [
                IncludeHeaderFooter(config=settings),
                BoxedInstantiateTests(environment, BoxLimits(), files),
                LockCells(),
                ClearEverySolution(config=settings),
                ClearOutput(),
                CheckCellMetadata(),
                ComputeChecksums(),
                SaveCells(),
                ClearHiddenTests(config=settings),
                ClearMarkScheme(config=settings),
                ComputeChecksums(),
                CheckCellMetadata(),
            ]
            notebook = _apply(path, source[path], steps, resources, environment)
            released[path] = (nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n").encode()
            specs += _list_grade_cells(notebook, notebook_name, len(specs))
        template = gradebook.read_bytes()
    return ReleasedLab(name, released, template, dict(source), tuple(specs))


def make_resources(assignment: str, notebook: str, gradebook: Path) -> dict[str, Any]:
    """What nbgrader's converters hand to its preprocessors."""
    nbgrader = {"assignment": assignment, "notebook": notebook, "student": ".", "db_url": make_url(gradebook)}
    return {"unique_key": notebook, "nbgrader": nbgrader}


def _apply(
    path: str,
    content: bytes,
    steps: list[Any],
    resources: dict[str, Any],
    environment: BoxEnvironment,
) -> NotebookNode:
    try:
        notebook = _read_runnable(content, environment)
        for step in steps:
            notebook, resources = step(notebook, resources)
    except BoxUnavailableError:
        raise
    except InvalidNotebookError as error:
        raise InvalidNotebookError(f"{path}: {error}", reason=error.reason) from error
    except Exception as error:
        # Whatever nbgrader's steps find wrong, they say with exceptions of any class.
        raise InvalidNotebookError(
            f"{path}: {type(error).__name__}: {error}", reason="not_releasable"
        ) from error
    return notebook


def _read_runnable(content: bytes, environment: BoxEnvironment) -> NotebookNode:
    notebook = read_source(content)
    kernel = choose_kernel(environment, notebook.metadata)
    if kernel is None:
        said = f"labs have no kernel {find_kernel_name(notebook)!r} for {find_language(notebook)}"
        raise InvalidNotebookError(said, reason="unknown_kernel")
    note_language(notebook, kernel)
    return notebook


def _list_grade_cells(notebook: NotebookNode, name: str, start: int) -> list[GradeCellSpec]:
    specs: list[GradeCellSpec] = []
    for cell in notebook.cells:
        kind = find_kind(cell)
        if kind is None:
            continue
        meta = cell.metadata.nbgrader
        is_manual = kind is not CellKind.AUTOGRADED
        position = start + len(specs)
        specs.append(GradeCellSpec(name, meta.grade_id, kind, float(meta.points), is_manual, position))
    return specs


def find_kind(cell: NotebookNode) -> CellKind | None:
    if utils.is_task(cell):
        return CellKind.TASK
    if not utils.is_grade(cell):
        return None
    return CellKind.MANUAL if utils.is_solution(cell) else CellKind.AUTOGRADED
