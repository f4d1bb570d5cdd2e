"""Which cells of a learner's notebook are those of its release: copies, and cells that lost nbgrader's metadata."""

import re
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import Final

from nbformat import NotebookNode
from nbgrader import utils

_BINDING: Final = re.compile(
    r"^(?:async[ \t]++)?(?:def|class)[ \t]++(\w++)|^(\w++)[ \t]*+(?::[^=\n]++)?=(?!=)", re.MULTILINE
)
# Found at the first of several blanks only, so that long runs of them cost no square.
_LINE_END: Final = re.compile(r"(?<![ \t\r])[ \t\r]++(?=\n|\Z)")
_Matches = Iterator[tuple[str, NotebookNode]]


class ReleasedNotebook:
    """A notebook as learners got it; its known cells are those that nbgrader keeps in its gradebook. Not to be changed.

    `ranks` are their places among all cells; `roleless` are ids that only stand in metadata without a role.
    """

    def __init__(self, notebook: NotebookNode) -> None:
        self.notebook = notebook
        self.cells: list[NotebookNode] = notebook.cells
        self.ranks = {read_id(cell): rank for rank, cell in enumerate(self.cells) if _has_role(cell)}
        self.roleless = {read_id(cell) for cell in self.cells} - set(self.ranks)
        self._plain = {_text_key(cell) for cell in self.cells if not _has_role(cell)}

    def __contains__(self, grade_id: str) -> bool:
        return grade_id in self.ranks

    def __getitem__(self, grade_id: str) -> NotebookNode:
        return self.cells[self.ranks[grade_id]]

    def is_own(self, cell: NotebookNode) -> bool:
        """Whether the learner wrote the cell: it has text, no grade id, and is none that the author gave them."""
        return not read_id(cell) and bool(cell.source.strip()) and _text_key(cell) not in self._plain

    def find_missing(self, cells: Iterable[NotebookNode]) -> list[str]:
        """The known ids that none of the cells has, in the release's order."""
        present = {read_id(cell) for cell in cells}
        return [grade_id for grade_id in self.ranks if grade_id not in present]


def read_id(cell: NotebookNode) -> str:
    """The cell's grade id, empty if it has none."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _has_role(cell: NotebookNode) -> bool:
    return bool(utils.is_solution(cell) or utils.is_locked(cell) or utils.is_task(cell))


def is_same_text(one: NotebookNode, other: NotebookNode) -> bool:
    """Editors take away what stands invisibly at the ends of lines."""
    return _strip_lines(one.source) == _strip_lines(other.source)


def _strip_lines(text: str) -> str:
    return _LINE_END.sub("", text).rstrip()


def _text_key(cell: NotebookNode) -> tuple[str, str]:
    return cell.cell_type, _strip_lines(cell.source)


def find_bound(cell: NotebookNode) -> set[str]:
    """The names that a code cell binds where it does not indent: functions, classes, variables."""
    if cell.cell_type != "code":
        return set()
    return {function or variable for function, variable in _BINDING.findall(cell.source)}


def separate_copies(cells: list[NotebookNode], released: ReleasedNotebook) -> set[str]:
    """One cell of each id stays known: an answer rather than a blank one, at its place rather than astray.

    Else it is the last one, as with nbgrader. The others stay as ordinary cells. Gives the ids that had copies.
    """
    places: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        if read_id(cell):
            places.setdefault(read_id(cell), []).append(place)
    singles = {released.ranks[name]: found[0] for name, found in places.items() if len(found) == 1}
    copied = {name: found for name, found in places.items() if len(found) > 1}
    for name, found in copied.items():
        rank = released.ranks[name]
        is_answer = utils.is_solution(released[name])

        def doubt(
            place: int, rank: int = rank, name: str = name, is_answer: bool = is_answer
        ) -> tuple[bool, int, int]:
            is_blank = is_answer and is_same_text(cells[place], released[name])
            astray = sum((other < rank) != (there < place) for other, there in singles.items())
            return is_blank, astray, -place

        kept = min(found, key=doubt)
        for place in found:
            if place != kept:
                del cells[place].metadata["nbgrader"]
    return set(copied)


def recognise(cells: list[NotebookNode], released: ReleasedNotebook) -> set[str]:
    """Give known cells that lost nbgrader's metadata the release's again; their ids.

    They are known by their cell id, by their text, by what stands around them, and by the names that they bind.
    """
    recognised: set[str] = set()
    ways: tuple[Callable[[list[NotebookNode], ReleasedNotebook], _Matches], ...]
    ways = (_match_ids, _match_texts, _match_gaps, _match_names)
    for match in ways:
        for grade_id, cell in list(match(cells, released)):
            if grade_id not in recognised and not read_id(cell):
                recognised.add(grade_id)
                cell.metadata["nbgrader"] = deepcopy(released[grade_id].metadata.nbgrader)
    return recognised


def _match_ids(cells: list[NotebookNode], released: ReleasedNotebook) -> _Matches:
    by_id = {cell.id: cell for cell in cells if "id" in cell and not read_id(cell)}
    for grade_id in released.find_missing(cells):
        if (cell := by_id.get(released[grade_id].get("id"))) is not None:
            yield grade_id, cell


def _match_texts(cells: list[NotebookNode], released: ReleasedNotebook) -> _Matches:
    missing: dict[tuple[str, str], list[str]] = {}
    for grade_id in released.find_missing(cells):
        missing.setdefault(_text_key(released[grade_id]), []).append(grade_id)
    found: dict[tuple[str, str], list[NotebookNode]] = {}
    for cell in cells:
        if released.is_own(cell) and (key := _text_key(cell)) in missing:
            found.setdefault(key, []).append(cell)
    for key, same in found.items():
        # Of several answers that read alike nobody can say which of them are still blank.
        if len(same) == len(missing[key]) or not any(
            utils.is_solution(released[grade_id]) for grade_id in missing[key]
        ):
            yield from zip(missing[key], same, strict=False)


def _match_gaps(cells: list[NotebookNode], released: ReleasedNotebook) -> _Matches:
    """As many own cells between two known ones as answers are missing there: these are they."""
    ids = list(released.ranks)
    places = {read_id(cell): place for place, cell in enumerate(cells) if read_id(cell)}
    own = [released.is_own(cell) for cell in cells]
    gaps: dict[tuple[int, int, str], list[str]] = {}
    for number, grade_id in enumerate(ids):
        if grade_id in places or not utils.is_solution(released[grade_id]):
            continue
        before = next((places[name] for name in reversed(ids[:number]) if name in places), -1)
        after = next((places[name] for name in ids[number + 1 :] if name in places), len(cells))
        gaps.setdefault((before, after, released[grade_id].cell_type), []).append(grade_id)
    for (before, after, kind), missing in gaps.items():
        inside = range(before + 1, after)
        found = [cells[place] for place in inside if own[place] and cells[place].cell_type == kind]
        if len(found) == len(missing):
            yield from zip(missing, found, strict=True)


def _match_names(cells: list[NotebookNode], released: ReleasedNotebook) -> _Matches:
    own = [(cell, find_bound(cell)) for cell in cells if released.is_own(cell)]
    for grade_id in released.find_missing(cells):
        if not utils.is_solution(released[grade_id]):
            continue
        names = find_bound(released[grade_id])
        binding = [cell for cell, bound in own if names & bound]
        if binding:
            yield grade_id, binding[-1]
