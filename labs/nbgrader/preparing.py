"""What a learner handed in, made gradable: nbgrader's sanitising steps, and what they would give up on mended first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearOutput, DeduplicateIds
from nbgrader.utils import compute_checksum

from labs.box.file_names import check_file_names
from labs.exceptions import InvalidNotebookError
from labs.nbgrader.mending.damage import mend_cells, sort_damage
from labs.nbgrader.mending.recognising import read_id
from labs.nbgrader.mending.renaming import find_renamed
from labs.nbgrader.notebooks import read_submission
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES
from labs.nbgrader.release import AUTOTESTS
from labs.nbgrader.results import Damage, DamageKind, ReleasedLab, is_notebook_path
from labs.nbgrader.running import Run
from labs.nbgrader.steps import RestoreCells, check_metadata, restore_kernelspec


@dataclass(frozen=True)
class Prepared:
    """A notebook that can be run and scored, and everything that was wrong with it."""

    notebook: NotebookNode
    damage: tuple[Damage, ...]


def collect_files(release: ReleasedLab, submitted: Mapping[str, bytes]) -> dict[str, bytes]:
    """The working folder: what the learner handed in, under what the author released; no author's notebook."""
    refused = set(check_file_names(submitted))
    files = {
        path: content
        for path, content in submitted.items()
        if path not in refused and not (is_notebook_path(path) and len(content) > MAX_NOTEBOOK_BYTES)
    }
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


def prepare_notebook(run: Run, name: str, submitted: Mapping[str, bytes]) -> Prepared:
    """nbgrader's sanitising half, of the notebook `name` among the submitted files, which is mended first.

    Raises InvalidNotebookError for what cannot be mended, and nothing else.
    """
    loaded = run.find_released(name)
    content, damage = _find_content(run, name, submitted)
    notebook, kinds = read_submission(content)
    damage |= {Damage(kind) for kind in kinds}
    damage |= mend_cells(notebook, loaded.released)
    try:
        for step in (ClearOutput(), DeduplicateIds(), RestoreCells(loaded.kept)):
            notebook, _resources = step(notebook, {})
        restore_kernelspec(notebook, loaded.kept)
        check_metadata(notebook)
    except Exception as error:
        raise InvalidNotebookError(f"{type(error).__name__}: {error}", reason="damaged_cells") from error
    _restore_tags(notebook, loaded.author.tags)
    _leave_blank(notebook, {each.grade_id for each in damage if each.kind is DamageKind.CELL_LOST})
    return Prepared(notebook, sort_damage(damage, loaded.released))


def _find_content(run: Run, name: str, submitted: Mapping[str, bytes]) -> tuple[bytes, set[Damage]]:
    if f"{name}.ipynb" in submitted:
        return submitted[f"{name}.ipynb"], set()
    found = find_renamed(run.released, name, submitted)
    if found is None:
        raise InvalidNotebookError(f"no {name}.ipynb", reason="missing_notebook")
    return submitted[found], {Damage(DamageKind.NOTEBOOK_RENAMED)}


def _leave_blank(notebook: NotebookNode, lost: set[str]) -> None:
    """Nobody has to grade by hand what nobody wrote: nbgrader gives 0 points where checksum and text agree."""
    for cell in notebook.cells:
        if read_id(cell) in lost:
            cell.metadata.nbgrader["checksum"] = compute_checksum(cell)


def _restore_tags(notebook: NotebookNode, tags: Mapping[str, Sequence[str]]) -> None:
    """A tag can keep a cell from being run, and a test that was not run looks passed: the author's tags count."""
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["tags"] = list(tags.get(cell.metadata.nbgrader.grade_id, ()))
