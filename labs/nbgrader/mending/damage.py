"""The cells of a damaged notebook made those of its release again, and each damage named."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.nbgraderformat import SCHEMA_VERSION

from labs.nbgrader.mending.recognising import (
    ReleasedNotebook,
    find_bound,
    is_same_text,
    read_id,
    recognise,
    separate_copies,
)
from labs.nbgrader.results import Damage, DamageKind

_KINDS: Final = list(DamageKind)


def mend_cells(notebook: NotebookNode, released: ReleasedNotebook) -> set[Damage]:
    """Make the known cells of the notebook those of the release; the learner's own cells and answers stay.

    Every known cell stands in it once afterwards, with the release's type and metadata, locked ones with its text,
    and in its order. An answer that is nowhere is lost: it reads as released then, and stands before any cell that
    binds the same names.
    """
    mending = _Mending(notebook.cells, released)
    mending.mend()
    notebook.cells = mending.cells
    return mending.damage


def sort_damage(damage: Iterable[Damage], released: ReleasedNotebook) -> tuple[Damage, ...]:
    """What is wrong with the whole notebook first, then by the cells' places in the release."""
    ranks = {"": -1, **released.ranks}
    return tuple(
        sorted(
            damage,
            key=lambda each: (
                ranks.get(each.grade_id, len(released.cells)),
                each.grade_id,
                _KINDS.index(each.kind),
            ),
        )
    )


class _Mending:
    def __init__(self, cells: list[NotebookNode], released: ReleasedNotebook) -> None:
        self.cells = cells
        self.damage: set[Damage] = set()
        self._released = released

    def mend(self) -> None:
        self._forget_strangers()
        self._name(DamageKind.CELL_DUPLICATED, separate_copies(self.cells, self._released))
        self._name(DamageKind.METADATA_CHANGED, recognise(self.cells, self._released))
        for cell in self.cells:
            if read_id(cell):
                self._restore(cell)
        away = self._take_astray()
        self._name(DamageKind.CELL_MOVED, away)
        self._put_back(away)

    def _name(self, kind: DamageKind, grade_ids: Iterable[str]) -> None:
        self.damage |= {Damage(kind, grade_id) for grade_id in grade_ids}

    def _forget_strangers(self) -> None:
        for cell in self.cells:
            grade_id = read_id(cell)
            if grade_id and grade_id not in self._released:
                if grade_id not in self._released.roleless:
                    self._name(DamageKind.UNKNOWN_CELL, [grade_id])
                del cell.metadata["nbgrader"]

    def _restore(self, cell: NotebookNode) -> None:
        grade_id = read_id(cell)
        released = self._released[grade_id]
        if cell.cell_type != released.cell_type:
            self._name(DamageKind.CELL_RETYPED, [grade_id])
            _retype(cell, released.cell_type)
        meta = cell.metadata.nbgrader
        version = meta.get("schema_version", 0)
        if not _is_schema(version) or not _means_the_same(meta, released.metadata.nbgrader):
            self._name(DamageKind.METADATA_CHANGED, [grade_id])
        elif version < SCHEMA_VERSION:
            self._name(DamageKind.OLD_SCHEMA, [""])
        cell.metadata["nbgrader"] = deepcopy(released.metadata.nbgrader)
        if utils.is_locked(released):
            if not is_same_text(cell, released):
                self._name(DamageKind.CELL_CHANGED, [grade_id])
            cell.source = released.source

    def _take_astray(self) -> dict[str, NotebookNode]:
        """Take as few known cells as possible out, so that the others stand in the release's order."""
        known = [(self._released.ranks[read_id(cell)], cell) for cell in self.cells if read_id(cell)]
        kept = _find_ordered([(rank, not utils.is_locked(cell)) for rank, cell in known])
        away = {read_id(cell): cell for rank, cell in known if rank not in kept}
        self.cells = [cell for cell in self.cells if read_id(cell) not in away]
        return away

    def _put_back(self, away: Mapping[str, NotebookNode]) -> None:
        """Cells that are not at their place: answers behind what precedes them, tests before what follows them.

        So the learner's own cells between two known ones count for the test that follows.
        """
        anchors = self._find_anchors()
        ranks = [rank for rank, _place in anchors]
        bound = [
            find_bound(cell) if self._released.is_own(cell) or utils.is_solution(cell) else set()
            for cell in self.cells
        ]
        ends: set[int] = set()
        put: list[tuple[int, int, NotebookNode]] = []
        for grade_id in self._released.find_missing(self.cells):
            rank, released = self._released.ranks[grade_id], self._released[grade_id]
            gap = bisect_left(ranks, rank)
            start = anchors[gap - 1][1] + 1 if gap else 0
            end = anchors[gap][1] if gap < len(anchors) else len(self.cells)
            cell = away.get(grade_id) or _copy_released(released)
            if utils.is_solution(released) and gap not in ends:
                place = start
            else:
                place = end
                ends.add(gap)
            if grade_id not in away:
                is_lost = utils.is_solution(released)
                self._name(DamageKind.CELL_LOST if is_lost else DamageKind.CELL_DELETED, [grade_id])
                if is_lost:
                    # What the learner wrote elsewhere under the same names must win over the empty answer.
                    names = find_bound(released)
                    place = min(place, next((at for at, each in enumerate(bound) if each & names), place))
            put.append((place, rank, cell))
        self.cells = _insert(self.cells, put)

    def _find_anchors(self) -> list[tuple[int, int]]:
        """Rank and place of the release's cells that are where they were, ordinary ones of the author's included."""
        texts: dict[tuple[str, str], list[int]] = {}
        for place, cell in enumerate(self.cells):
            texts.setdefault((cell.cell_type, cell.source), []).append(place)
        known = {
            self._released.ranks[read_id(cell)]: place
            for place, cell in enumerate(self.cells)
            if read_id(cell)
        }
        limits = iter([*sorted(known.items()), (len(self._released.cells), len(self.cells))])
        anchors: list[tuple[int, int]] = []
        next_rank, next_place = next(limits)
        for rank, released in enumerate(self._released.cells):
            if rank == next_rank:
                anchors.append((rank, next_place))
                next_rank, next_place = next(limits)
                continue
            found = texts.get((released.cell_type, released.source), [])
            last = anchors[-1][1] if anchors else -1
            if not read_id(released) and len(found) == 1 and last < found[0] < next_place:
                anchors.append((rank, found[0]))
        return anchors


def _retype(cell: NotebookNode, kind: str) -> None:
    cell.cell_type = kind
    for name in ("outputs", "execution_count"):
        cell.pop(name, None)
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}


def _is_schema(version: object) -> bool:
    return type(version) is int and 0 <= version <= SCHEMA_VERSION


def _means_the_same(meta: Mapping[str, Any], released: Mapping[str, Any]) -> bool:
    roles = [_read_roles(each) for each in (meta, released)]
    if roles[0] != roles[1]:
        return False
    is_graded = released.get("grade", False) or released.get("task", False)
    return not is_graded or _read_points(meta) == _read_points(released)


def _read_roles(meta: Mapping[str, Any]) -> tuple[object, ...]:
    """As nbgrader takes them: what is graded or a solution needs no flag to be locked or not."""
    grade, solution, task, locked = (
        meta.get(name, False) for name in ("grade", "solution", "task", "locked")
    )
    return grade, solution, task, (locked if not grade and not solution else None)


def _read_points(meta: Mapping[str, Any]) -> float | None:
    """Old schemas wrote them as text, and nothing for none."""
    try:
        return float(meta.get("points") or 0)
    except (ValueError, TypeError, OverflowError):
        return None


def _copy_released(released: NotebookNode) -> NotebookNode:
    metadata = {name: released.metadata[name] for name in ("nbgrader", "tags") if name in released.metadata}
    cell = {"cell_type": released.cell_type, "source": released.source, "metadata": deepcopy(metadata)}
    if released.cell_type == "code":
        cell |= {"execution_count": None, "outputs": []}
    copied: NotebookNode = nbformat.from_dict(cell)
    return copied


def _insert(cells: list[NotebookNode], put: Iterable[tuple[int, int, NotebookNode]]) -> list[NotebookNode]:
    """With each cell of `put` before the place that it names; those at one place in the order of their ranks."""
    ahead: dict[int, list[NotebookNode]] = {}
    for place, _rank, cell in sorted(put, key=lambda each: each[:2]):
        ahead.setdefault(place, []).append(cell)
    return [
        each for place in range(len(cells) + 1) for each in (*ahead.get(place, ()), *cells[place : place + 1])
    ]


def _find_ordered(ranks: list[tuple[int, bool]]) -> set[int]:
    """The ranks of a longest ordered part of the list; of two as long, the one with more that are preferred."""
    best: list[tuple[int, int]] = []
    ways: list[int | None] = []
    for number, (rank, is_preferred) in enumerate(ranks):
        before = [other for other in range(number) if ranks[other][0] < rank]
        way = max(before, key=best.__getitem__, default=None)
        length, preferred = (0, 0) if way is None else best[way]
        best.append((length + 1, preferred + is_preferred))
        ways.append(way)
    found: set[int] = set()
    place = max(range(len(best)), key=best.__getitem__, default=None)
    while place is not None:
        found.add(ranks[place][0])
        place = ways[place]
    return found
