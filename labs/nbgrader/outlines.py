"""What a notebook's own JSON tells without nbgrader: cheap enough for a web request, and safe with hostile bytes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.messages import has_test

MAX_NOTEBOOK_BYTES: Final = 32 * 1024 * 1024

# A value of JSON takes up to thirty times its bytes in memory, so they are counted before they are made.
_MAX_CONTAINERS: Final = 1_000_000
_MAX_VALUES: Final = 2_000_000


def find_grade_ids(content: bytes) -> frozenset[str]:
    """The grade ids of a notebook's cells, whoever wrote it. Raises InvalidNotebookError for what is none."""
    return frozenset(grade_id for grade_id, _metadata, _text in _list_cells(content))


def find_visible_tests(content: bytes) -> frozenset[str]:
    """Of a released notebook the autograded cells in which a learner sees a test."""
    return frozenset(
        grade_id
        for grade_id, metadata, text in _list_cells(content)
        if metadata.get("grade") and not metadata.get("solution") and has_test(text)
    )


def _list_cells(content: bytes) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Grade id, nbgrader's metadata and text of each cell that has them."""
    for cell in _read_cells(content):
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        if not isinstance(nbgrader, dict):
            continue
        grade_id = nbgrader.get("grade_id")
        if isinstance(grade_id, str) and grade_id:
            text = cell.get("source", cell.get("input", ""))
            lines = text if isinstance(text, list) else [text]
            yield grade_id, nbgrader, "".join(line for line in lines if isinstance(line, str))


def _read_cells(content: bytes) -> list[Any]:
    """The cells of any format since nbformat 2, in which they lay in worksheets."""
    if len(content) > MAX_NOTEBOOK_BYTES or _is_too_much(content):
        raise InvalidNotebookError(f"{len(content)} bytes", reason="notebook_too_large")
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidNotebookError(str(error), reason="broken_json") from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise InvalidNotebookError("no notebook", reason="not_a_notebook")
    sheets = notebook.get("worksheets", [notebook])
    cells = [
        sheet["cells"]
        for sheet in (sheets if isinstance(sheets, list) else [])
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
    ]
    if not cells:
        raise InvalidNotebookError("no cells", reason="not_a_notebook")
    return [cell for some in cells for cell in some]


def _is_too_much(content: bytes) -> bool:
    containers = content.count(b"[") + content.count(b"{")
    return containers > _MAX_CONTAINERS or content.count(b",") > _MAX_VALUES
