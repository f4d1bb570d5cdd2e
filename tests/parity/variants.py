"""Submissions out of a source: blank as released, solved as its author did, and changed as small data says."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions

Files = Mapping[str, bytes]


def release(source: Files) -> dict[str, bytes]:
    """What learners get, by nbgrader's own steps (autotests stay as they are: graders write them over)."""
    return _convert(source, (ClearSolutions(), ClearHiddenTests(), ClearMarkScheme()))


def solve(source: Files) -> dict[str, bytes]:
    """The author's own answers in what learners get."""
    return _convert(source, (ClearHiddenTests(), ClearMarkScheme()))


def _convert(source: Files, steps: tuple[Any, ...]) -> dict[str, bytes]:
    files = {path: content for path, content in source.items() if path != "autotests.yml"}
    for path in _notebooks(files):
        notebook = nbformat.reads(files[path].decode(), as_version=4)
        versions = [
            cell.metadata.nbgrader.get("schema_version")
            for cell in notebook.cells
            if "nbgrader" in cell.metadata
        ]
        for step in steps:
            notebook, _ = step(MetadataValidator().upgrade_notebook_metadata(notebook), {})
        _set_versions(notebook, versions)
        files[path] = _to_bytes(notebook)
    return files


def _set_versions(notebook: NotebookNode, versions: list[Any]) -> None:
    """A learner hands in the schema that they were given."""
    marked = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    for cell, version in zip(marked, versions, strict=True):
        cell.metadata.nbgrader["schema_version"] = version
        if version is not None and version < 3:
            cell.metadata.nbgrader.pop("task", None)
        if version == 1:
            cell.metadata.nbgrader.pop("cell_type", None)


def hand_in(files: Files, variant: Mapping[str, Any]) -> dict[str, bytes]:
    """The files with the variant's changes; each kind of change names the notebooks that it is about."""
    changed = dict(files)
    for path in _notebooks(files):
        notebook = json.loads(changed[path])
        name = path.removesuffix(".ipynb")
        for kind, change in _CHANGES.items():
            if name in variant.get(kind, {}):
                change(notebook["cells"], variant[kind][name])
        changed[path] = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True).encode()
    for path in variant.get("missing", []):
        del changed[path]
    return changed | {path: text.encode() for path, text in variant.get("files", {}).items()}


def _notebooks(files: Files) -> list[str]:
    return [path for path in sorted(files) if path.endswith(".ipynb") and "/" not in path]


def _to_bytes(notebook: NotebookNode) -> bytes:
    return str(nbformat.writes(notebook, version=nbformat.NO_CONVERT)).encode()


def _name(cell: Mapping[str, Any]) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def _find(cells: list[Any], name: str) -> Any:
    return next(cell for cell in cells if _name(cell) == name)


def _set_texts(cells: list[Any], texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        _find(cells, name)["source"] = text.removesuffix("\n")


def _remove(cells: list[Any], names: list[str]) -> None:
    for name in names:
        cells.remove(_find(cells, name))


def _move(cells: list[Any], names: list[str]) -> None:
    """To the end, in the order of the names."""
    for name in names:
        cell = _find(cells, name)
        cells.remove(cell)
        cells.append(cell)


def _double(cells: list[Any], names: list[str]) -> None:
    for name in names:
        cell = _find(cells, name)
        cells.insert(cells.index(cell), json.loads(json.dumps(cell)))


def _retype(cells: list[Any], kinds: Mapping[str, str]) -> None:
    for name, kind in kinds.items():
        cell = _find(cells, name)
        cell["cell_type"] = kind
        if kind == "code":
            cell |= {"outputs": [], "execution_count": None}
        else:
            cell.pop("outputs", None)
            cell.pop("execution_count", None)


def _add(cells: list[Any], text: str) -> None:
    plain: dict[str, Any] = {
        "cell_type": "code",
        "metadata": {},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }
    cells.insert(0, plain)


_CHANGES: dict[str, Callable[[list[Any], Any], None]] = {
    "texts": _set_texts,
    "without": _remove,
    "moved": _move,
    "twice": _double,
    "kinds": _retype,
    "added": _add,
}
