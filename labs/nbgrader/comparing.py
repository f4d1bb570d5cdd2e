"""What differs between two sources of a lab, for people: cell by cell, and file by file.

Both may be anything that an author's server gave: what is compared, and what is kept of it, is capped.
"""

import difflib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from nbformat import NotebookNode
from nbgrader import utils

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.notebooks import read_source
from labs.nbgrader.results import is_notebook_path

CONTEXT: Final = 2
MAX_LINES: Final = 300  # shown of one cell
MAX_LINE: Final = 1000  # characters shown of one line
MAX_CELLS: Final = 300  # changed ones shown of one notebook
MAX_COMPARED: Final = 2000  # lines of one cell; comparing takes the square of them
MAX_TAGS, MAX_TAG = 20, 60
GAP: Final = "…"


@dataclass(frozen=True)
class _Cell:
    """What of a cell its author cares about."""

    name: str
    id: str
    cell_type: str
    kind: str
    points: float | None
    tags: tuple[str, ...]
    source: str

    @classmethod
    def of(cls, cell: NotebookNode) -> "_Cell":
        meta = cell.metadata.get("nbgrader", {})
        return cls(
            name=str(meta.get("grade_id") or ""),
            id=str(cell.get("id") or ""),
            cell_type=cell.cell_type,
            kind=_find_kind(cell),
            points=_read_points(meta.get("points")) if utils.is_grade(cell) or utils.is_task(cell) else None,
            tags=_read_tags(cell.metadata.get("tags")),
            source=cell.source,
        )


@dataclass(frozen=True)
class _Notebook:
    """The cells of a notebook; None for one that cannot be read."""

    cells: list[_Cell] | None
    kernel: str = ""

    @classmethod
    def read(cls, content: bytes | None) -> "_Notebook":
        if content is None:
            return cls([])
        try:
            notebook = read_source(content)
            kernel = str(notebook.metadata.get("kernelspec", {}).get("name", ""))
            return cls([_Cell.of(cell) for cell in notebook.cells], kernel)
        except (InvalidNotebookError, AttributeError, TypeError, ValueError):
            return cls(None)

    @property
    def points(self) -> float | None:
        return sum(cell.points or 0.0 for cell in self.cells) if self.cells is not None else None


Pair = tuple[int | None, int | None]


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
    moved = _find_moved(pairs)
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
    pair: Pair, olds: Sequence[_Cell], news: Sequence[_Cell], *, is_moved: bool
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


def pair_cells(olds: Sequence[_Cell], news: Sequence[_Cell]) -> list[Pair]:
    """Which cell became which, in the order of the new notebook; what was removed stands where it was.

    Cells are the same by their grade id, else by their id, else by their text, else by their place.
    """
    match: dict[int, int] = {}  # from new to old
    for find in (_by_name, _by_id, _by_text):
        _match(olds, news, match, find)
    _match_by_place(olds, news, match)
    gone = set(range(len(olds))) - set(match.values())
    pairs: list[Pair] = []

    def follow(index: int) -> Iterator[Pair]:
        while index in gone:
            gone.discard(index)
            yield index, None
            index += 1

    pairs += follow(0)
    for index in range(len(news)):
        old = match.get(index)
        pairs.append((old, index))
        if old is not None:
            pairs += follow(old + 1)
    return pairs


def _by_name(cell: _Cell) -> object:
    return cell.name or None


def _by_id(cell: _Cell) -> object:
    return cell.id or None


def _by_text(cell: _Cell) -> object:
    return (cell.cell_type, cell.source) if cell.source else None


def _match(
    olds: Sequence[_Cell], news: Sequence[_Cell], match: dict[int, int], find: Callable[[_Cell], object]
) -> None:
    """Match what is not matched yet by a key, the first of equal ones with the first."""
    taken = set(match.values())
    by_key: dict[object, list[int]] = {}
    for index, cell in enumerate(olds):
        if index not in taken and (key := find(cell)) is not None:
            by_key.setdefault(key, []).append(index)
    for index, cell in enumerate(news):
        waiting = by_key.get(find(cell)) if index not in match else None
        if waiting:
            match[index] = waiting.pop(0)


def _match_by_place(olds: Sequence[_Cell], news: Sequence[_Cell], match: dict[int, int]) -> None:
    """What stands after the same cell as before, and is of the same type, was rewritten."""
    taken = set(match.values())
    before: int = -1
    for index, cell in enumerate(news):
        if index in match:
            before = match[index]
            continue
        place = before + 1
        if place < len(olds) and place not in taken and olds[place].cell_type == cell.cell_type:
            if olds[place].name and cell.name:
                continue  # two graded cells of different names are two cells
            match[index] = before = place
            taken.add(place)


def _find_moved(pairs: Sequence[Pair]) -> set[Pair]:
    """The pairs that do not stand in the order of most of the others."""
    both = [(old, new) for old, new in pairs if old is not None and new is not None]
    tails: list[int] = []  # the smallest end of an ascending row of each length
    ends: list[int] = []  # of which pair that is
    parents: list[int] = []
    for index, (old, _new) in enumerate(both):
        at = bisect_left(tails, old)
        parents.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [old]
        ends[at : at + 1] = [index]
    stayed: set[int] = set()
    index = ends[-1] if ends else -1
    while index >= 0:
        stayed.add(index)
        index = parents[index]
    return {pair for index, pair in enumerate(both) if index not in stayed}


def _find_kind(cell: NotebookNode) -> str:
    """nbgrader's kinds of cell as *Create Assignment* offers them."""
    if utils.is_task(cell):
        return "task"
    if utils.is_grade(cell):
        return "manual" if utils.is_solution(cell) else "tests"
    if utils.is_solution(cell):
        return "solution"
    return "locked" if utils.is_locked(cell) else ""


def _read_points(value: object) -> float:
    try:
        points = float(str(value))
    except ValueError:
        return 0.0
    return points if 0 <= points < float("inf") else 0.0


def _read_tags(value: object) -> tuple[str, ...]:
    tags = value if isinstance(value, list) else []
    return tuple(sorted({tag[:MAX_TAG] for tag in tags if isinstance(tag, str)}))[:MAX_TAGS]


def _add_up(points: Iterator[float | None]) -> float | None:
    found = list(points)
    return None if None in found else sum(value or 0.0 for value in found)
