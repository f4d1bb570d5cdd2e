"""What differs between two sources of a lab, for people: cell by cell, and file by file.

Both may be anything that an author's server gave: what is compared, and what is kept of it, is capped.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.notebooks import read_source
from labs.nbgrader.pairing import Pair, SourceCell, find_moved, pair_cells
from labs.nbgrader.results import is_notebook_path

CONTEXT: Final = 2
MAX_LINES: Final = 300  # shown of one cell
MAX_LINE: Final = 1000  # characters shown of one line
MAX_CELLS: Final = 300  # changed ones shown of one notebook
MAX_COMPARED: Final = 2000  # lines of one cell; comparing takes the square of them
GAP: Final = "…"


@dataclass(frozen=True)
class _Notebook:
    """The cells of a notebook; None for one that cannot be read."""

    cells: list[SourceCell] | None
    kernel: str = ""

    @classmethod
    def read(cls, content: bytes | None) -> "_Notebook":
        if content is None:
            return cls([])
        try:
            notebook = read_source(content)
            kernel = str(notebook.metadata.get("kernelspec", {}).get("name", ""))
            return cls([SourceCell.of(cell) for cell in notebook.cells], kernel)
        except (InvalidNotebookError, AttributeError, TypeError, ValueError):
            return cls(None)

    @property
    def points(self) -> float | None:
        return sum(cell.points or 0.0 for cell in self.cells) if self.cells is not None else None


def compare_sources(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> dict[str, Any]:
    """What an author changed, as JSON.

    `points_before`, `points_after` (None where a notebook cannot be read); `notebooks`: path, change (`added`,
    `removed`, `changed`, `unreadable`, `same`), points, how many cells stayed the same, and the cells that did
    not; `files`: the other files that differ, with their sizes.
    """
    paths = sorted(path for path in {*before, *after} if is_notebook_path(path))
    notebooks = [_compare_notebooks(path, before.get(path), after.get(path)) for path in paths]
    others = sorted({*before, *after} - set(paths))
    return {
        "notebooks": notebooks,
        "files": [
            _compare_files(path, before.get(path), after.get(path))
            for path in others
            if before.get(path) != after.get(path)
        ],
        "points_before": _add_up(notebook["points_before"] for notebook in notebooks),
        "points_after": _add_up(notebook["points_after"] for notebook in notebooks),
    }


def is_unchanged(comparison: Mapping[str, Any]) -> bool:
    """Whether nothing differs but what a notebook carries along: outputs, counts, how its file is written."""
    return not comparison["files"] and all(
        notebook["change"] == "same" for notebook in comparison["notebooks"]
    )


def name_cell(content: bytes, index: int) -> str:
    """The grade id of a cell, or its first words; empty where the notebook has no such cell."""
    cells = _Notebook.read(content).cells or []
    if index >= len(cells):
        return ""
    words = cells[index].source.strip().split("\n")[0].lstrip("# ")
    return cells[index].name or words[:60]


def _compare_files(path: str, before: bytes | None, after: bytes | None) -> dict[str, Any]:
    return {
        "path": path,
        "change": _say_change(before, after),
        "bytes_before": None if before is None else len(before),
        "bytes_after": None if after is None else len(after),
    }


def _compare_notebooks(path: str, before: bytes | None, after: bytes | None) -> dict[str, Any]:
    old, new = _Notebook.read(before), _Notebook.read(after)
    found: dict[str, Any] = {
        "path": path,
        "points_before": old.points,
        "points_after": new.points,
        "cells": [],
        "kernel_before": old.kernel,
        "kernel_after": new.kernel,
        "same_count": 0,
        "is_cut": False,
    }
    if old.cells is None or new.cells is None:
        return {**found, "change": "unreadable"}
    pairs = pair_cells(old.cells, new.cells)
    moved = find_moved(pairs)
    changes = [
        change
        for pair in pairs
        if (change := _compare_cells(pair, old.cells, new.cells, is_moved=pair in moved)) is not None
    ]
    said = _say_change(before, after)
    if said == "changed" and not changes and old.kernel == new.kernel:
        said = "same"  # outputs, or how the file is written
    return {
        **found,
        "change": said,
        "cells": changes[:MAX_CELLS],
        "same_count": len(pairs) - len(changes),
        "is_cut": len(changes) > MAX_CELLS,
    }


def _say_change(before: bytes | None, after: bytes | None) -> str:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def _compare_cells(
    pair: Pair, olds: Sequence[SourceCell], news: Sequence[SourceCell], *, is_moved: bool
) -> dict[str, Any] | None:
    old = olds[pair[0]] if pair[0] is not None else None
    new = news[pair[1]] if pair[1] is not None else None
    is_same = old and new and asdict(old) | {"id": ""} == asdict(new) | {"id": ""}
    if is_same and not is_moved:
        return None
    if old is None or new is None:
        change = "added" if old is None else "removed"
    else:
        change = "moved" if is_same else "changed"
    lines, is_cut = compare_lines(old.source if old else "", new.source if new else "")
    cell = new or old
    return {
        "change": change,
        "is_moved": is_moved,
        "name": cell.name if cell else "",
        "name_before": old.name if old else "",
        "cell_type": cell.cell_type if cell else "",
        "number_before": None if pair[0] is None else pair[0] + 1,
        "number_after": None if pair[1] is None else pair[1] + 1,
        "kind_before": old.kind if old else "",
        "kind_after": new.kind if new else "",
        "points_before": old.points if old else None,
        "points_after": new.points if new else None,
        "tags_before": list(old.tags) if old else [],
        "tags_after": list(new.tags) if new else [],
        "lines": [] if change == "moved" else lines,
        "is_cut": is_cut,
    }


def compare_lines(before: str, after: str) -> tuple[list[list[str]], bool]:
    """Pairs of a sign (`+`, `-`, a blank, or GAP where lines are left out) and a line; whether some were cut off."""
    old, new = before.split("\n") if before else [], after.split("\n") if after else []
    is_cut = max(len(old), len(new)) > MAX_COMPARED
    old, new = old[:MAX_COMPARED], new[:MAX_COMPARED]
    lines: list[list[str]] = []
    for line in list(difflib.unified_diff(old, new, n=CONTEXT, lineterm=""))[2:]:
        if line.startswith("@@"):
            if lines:
                lines.append([GAP, ""])
        else:
            lines.append([line[:1], line[1 : MAX_LINE + 1]])
            is_cut = is_cut or len(line) > MAX_LINE + 1
    return lines[:MAX_LINES], is_cut or len(lines) > MAX_LINES


def _add_up(points: Iterator[float | None]) -> float | None:
    found = list(points)
    return None if None in found else sum(value or 0.0 for value in found)
