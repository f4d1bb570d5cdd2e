"""Bytes into notebooks: a learner's reduced to what grading needs, so that nothing odd in them gets any further."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

import nbformat
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.mending.salvaging import salvage_json
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES
from labs.nbgrader.results import DamageKind

_MAX_CELLS: Final = 5000
_MAX_TAGS: Final = 50
_CELL_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read_source(content: bytes) -> NotebookNode:
    """An author's notebook, whole, with nbgrader's metadata in today's schema. Raises InvalidNotebookError."""
    cells = read_json(content).get("cells", [])
    if isinstance(cells, list) and len(cells) > _MAX_CELLS:
        raise InvalidNotebookError(f"{len(cells)} cells", reason="notebook_too_large")
    try:
        notebook = nbformat.reads(content.decode("utf-8-sig"), as_version=4)
        upgraded: NotebookNode = MetadataValidator().upgrade_notebook_metadata(notebook)
    except Exception as error:
        raise InvalidNotebookError(str(error), reason="not_a_notebook") from error
    return upgraded


def read_submission(content: bytes) -> tuple[NotebookNode, set[DamageKind]]:
    """A learner's notebook without outputs and unknown metadata, and what was wrong with the file.

    nbgrader's metadata is as the learner's file has it, of whatever schema. Raises InvalidNotebookError, nothing else.
    """
    raw, kinds = salvage_json(content, max_bytes=MAX_NOTEBOOK_BYTES)
    if isinstance(raw, dict) and not _is_format(raw.get("nbformat")):
        raw |= {"nbformat": 4}
        kinds.add(DamageKind.NOTEBOOK_GARBLED)
    raw = _check_format(raw)
    if "cells" not in raw:
        kinds.add(DamageKind.OLD_SCHEMA)
    cells = _reduce_cells(raw["cells"] if "cells" in raw else _upgrade_cells(raw["worksheets"]), kinds)
    metadata = raw.get("metadata")
    kernelspec = _scalars(metadata.get("kernelspec")) if isinstance(metadata, Mapping) else {}
    reduced: NotebookNode = nbformat.from_dict(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernelspec}, "cells": cells}
    )
    return reduced, kinds


def read_json(content: bytes) -> dict[str, Any]:
    """The notebook's own JSON, known to be of a format that can be converted. Raises InvalidNotebookError."""
    if len(content) > MAX_NOTEBOOK_BYTES:
        raise InvalidNotebookError(f"{len(content)} bytes", reason="notebook_too_large")
    try:
        raw = json.loads(content.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidNotebookError(str(error), reason="broken_json") from error
    return _check_format(raw)


def _check_format(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict) or not ("cells" in raw or "worksheets" in raw):
        raise InvalidNotebookError("no cells", reason="not_a_notebook")
    version = raw.get("nbformat")
    if not _is_format(version):
        raise InvalidNotebookError("no nbformat", reason="not_a_notebook")
    if not 2 <= version <= 4:
        raise InvalidNotebookError(f"nbformat {version}", reason="unknown_format")
    return raw


def _is_format(version: object) -> TypeGuard[int]:
    return isinstance(version, int) and not isinstance(version, bool)


def _upgrade_cells(worksheets: object) -> list[object]:
    """The cells of formats 2 and 3 as nbformat upgrades them, which gives up on what is not valid."""
    if not isinstance(worksheets, list):
        raise InvalidNotebookError("worksheets is no list", reason="not_a_notebook")
    cells = [each.get("cells") for each in worksheets if isinstance(each, Mapping)]
    return [_upgrade_cell(cell) for each in cells if isinstance(each, list) for cell in each]


def _upgrade_cell(cell: object) -> object:
    if not isinstance(cell, Mapping):
        return cell
    kind = cell.get("cell_type")
    if kind == "code":
        return {**cell, "source": cell.get("input")}
    if kind == "heading":
        level = cell.get("level")
        level = level if isinstance(level, int) and 1 <= level <= 6 else 1
        title = " ".join(_read_text(cell.get("source")).splitlines())
        return {**cell, "cell_type": "markdown", "source": f"{'#' * level} {title}"}
    return {**cell, "cell_type": "markdown"} if kind == "html" else cell


def _reduce_cells(cells: object, kinds: set[DamageKind]) -> list[dict[str, Any]]:
    if not isinstance(cells, list):
        raise InvalidNotebookError("cells is no list", reason="not_a_notebook")
    if len(cells) > _MAX_CELLS:
        raise InvalidNotebookError(f"{len(cells)} cells", reason="notebook_too_large")
    whole = [cell for cell in cells if isinstance(cell, Mapping)]
    if len(whole) < len(cells):
        kinds.add(DamageKind.NOTEBOOK_GARBLED)
    seen: set[str] = set()
    return [_reduce_cell(cell, seen) for cell in whole]


def _reduce_cell(cell: Mapping[str, Any], seen: set[str]) -> dict[str, Any]:
    kind = cell.get("cell_type")
    kind = kind if kind in ("code", "markdown", "raw") else "raw"
    metadata = cell.get("metadata")
    reduced: dict[str, Any] = {
        "cell_type": kind,
        "metadata": _reduce_metadata(metadata if isinstance(metadata, Mapping) else {}),
        "source": _read_text(cell.get("source")),
    }
    name = cell.get("id")
    if isinstance(name, str) and _CELL_ID.fullmatch(name) and name not in seen:
        seen.add(name)
        reduced["id"] = name
    if kind == "code":
        reduced |= {"execution_count": None, "outputs": []}
    return reduced


def _reduce_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    reduced: dict[str, Any] = {}
    if "nbgrader" in metadata:
        # Without a grade id a cell is nothing that a release could know.
        nbgrader = _scalars(metadata["nbgrader"])
        if isinstance(nbgrader.get("grade_id"), str) and nbgrader["grade_id"]:
            reduced["nbgrader"] = nbgrader
    tags = metadata.get("tags")
    if isinstance(tags, list):
        reduced["tags"] = [tag for tag in tags[:_MAX_TAGS] if isinstance(tag, str)]
    return reduced


def _scalars(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {}
    return {
        _clean(name): _clean(inner) if isinstance(inner, str) else inner
        for name, inner in value.items()
        if inner is None or isinstance(inner, str | int | float)
    }


def _read_text(value: object) -> str:
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return _clean(value) if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """Without lone surrogates, which no file and no checksum can take, and NUL, which PostgreSQL cannot."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
