"""The cells of two versions of a notebook: which became which, and which were moved."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from nbformat import NotebookNode
from nbgrader import utils

MAX_TAGS: Final = 20
MAX_TAG: Final = 60  # characters

Pair = tuple[int | None, int | None]


@dataclass(frozen=True)
class SourceCell:
    """What of a cell its author cares about."""

    name: str
    id: str
    cell_type: str
    kind: str
    points: float | None
    tags: tuple[str, ...]
    source: str

    @classmethod
    def of(cls, cell: NotebookNode) -> Self:
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


def pair_cells(olds: Sequence[SourceCell], news: Sequence[SourceCell]) -> list[Pair]:
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


def _by_name(cell: SourceCell) -> object:
    return cell.name or None


def _by_id(cell: SourceCell) -> object:
    return cell.id or None


def _by_text(cell: SourceCell) -> object:
    return (cell.cell_type, cell.source) if cell.source else None


def _match(
    olds: Sequence[SourceCell],
    news: Sequence[SourceCell],
    match: dict[int, int],
    find: Callable[[SourceCell], object],
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


def _match_by_place(olds: Sequence[SourceCell], news: Sequence[SourceCell], match: dict[int, int]) -> None:
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


def find_moved(pairs: Sequence[Pair]) -> set[Pair]:
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
