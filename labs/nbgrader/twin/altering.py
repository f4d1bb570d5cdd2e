"""An author's test with one expectation altered: honest work that passes the test fails the altered one.

Only lines that are certain to be run are altered, since a test whose altered line was never reached would accuse
somebody honest. Pure functions on the text of a cell.
"""

import ast
import random
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from labs.nbgrader.messages import parse_cell
from labs.nbgrader.twin.certainty import CertainSteps
from labs.nbgrader.twin.expectations import Expectations
from labs.nbgrader.twin.literals import bind_literals
from labs.nbgrader.twin.lookalikes import Edits
from labs.nbgrader.twin.origins import Origins
from labs.nbgrader.twin.partial_credit import deny_points, find_points


class Strength(IntEnum):
    """How much an alteration finds out; where the learner does not know the line, one step more."""

    ADDED_LINE = 0
    CONTRADICTION = 1
    LOOKALIKE = 2


@dataclass(frozen=True)
class Alteration:
    """A cell's whole altered text; `expected` and `altered` are the lines in which it differs from the author's."""

    source: str
    expected: str
    altered: str
    strength: int


def choose_alteration(
    source: str, released: str, chance: random.Random, origins: Origins
) -> Alteration | None:
    """One altered test, by chance, where it can be of what the learner's release does not show (`released`).

    `origins` are those of the author's whole notebook. None for a cell that can be altered in no way that honest work
    is certain to fail.
    """
    found = list_alterations(source, released, chance, origins)
    strongest = max((each.strength for each in found), default=None)
    return chance.choice([each for each in found if each.strength == strongest]) if found else None


def list_alterations(source: str, released: str, chance: random.Random, origins: Origins) -> list[Alteration]:
    """All ways in which the cell can be altered."""
    if source.lstrip().startswith("%%") or source.rstrip().endswith("\\") or "\r" in source or "\f" in source:
        return []  # what a cell magic makes of an error is its own affair
    text = _Text(source, released)
    tree = parse_cell(source)
    found: list[Alteration] = []
    if tree is not None:
        # An expression of more terms than Python can go down into is left alone.
        with suppress(RecursionError):
            found = list(_find(tree, text, Expectations(chance, bind_literals(tree), origins)))
    return found or [text.add_line(f"assert {_contradict(chance)}", Strength.ADDED_LINE)]


def _find(tree: ast.Module, text: "_Text", expectations: Expectations) -> Iterator[Alteration]:
    chance = expectations.chance
    steps = CertainSteps(tree, expectations)
    for edits in steps.find_lookalikes():
        yield from text.edit(edits, Strength.LOOKALIKE)
    points = find_points(tree, text.source)
    if points is not None and not steps.has_test:
        yield from text.edit([(points, f"float({text.read(points)}) * 0")], Strength.CONTRADICTION)
        if edits := deny_points(tree, points, expectations):
            # A number of numpy's shows as no number at all, and then counts as a pass.
            yield from text.edit(edits, Strength.LOOKALIKE, as_number=points)
        elif isinstance(points, ast.Call):  # which gives points, or prints, or asserts
            yield text.add_line(f"assert {_contradict(chance)}", Strength.CONTRADICTION)
    for test, is_met in steps.find_conditions():
        joined = f"and {_contradict(chance)}" if is_met else f"or not {_contradict(chance)}"
        yield from text.edit([(test, f"({text.read(test)}) {joined}")], Strength.CONTRADICTION)


def _contradict(chance: random.Random) -> str:
    left, right = chance.sample(range(2, 100), 2)
    return f"{left} == {right}"


class _Text:
    """The text of a cell, in which places are those of `ast`: lines from 1, columns in bytes."""

    def __init__(self, source: str, released: str) -> None:
        self.source = source
        self._bytes = source.encode()
        self._starts = [0]
        for line in self._bytes.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._released = {line.strip() for line in released.split("\n")}

    def _find_span(self, node: ast.expr) -> tuple[int, int]:
        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[end_line - 1] + end

    def read(self, node: ast.expr) -> str:
        start, end = self._find_span(node)
        return self._bytes[start:end].decode()

    def edit(
        self, edits: Edits, strength: Strength, *, as_number: ast.expr | None = None
    ) -> Iterator[Alteration]:
        """The text with these nodes exchanged (and one made a number of), unless that is no Python any more."""
        changes = [(*self._find_span(node), _quote_alike(self.read(node), new)) for node, new in edits]
        if as_number is not None:
            start, end = self._find_span(as_number)
            changes += [(start, start, "float("), (end, end, ")")]
        altered = self._bytes
        for start, end, new in sorted(changes, reverse=True):
            altered = altered[:start] + new.encode() + altered[end:]
        source = altered.decode()
        if parse_cell(source) is None or source == self.source:
            return
        before, after = _find_difference(self.source.split("\n"), source.split("\n"))
        is_hidden = any(line.strip() not in self._released for line in before)
        yield Alteration(source, _join(before), _join(after), strength + is_hidden)

    def add_line(self, line: str, strength: Strength) -> Alteration:
        return Alteration(f"{self.source}\n{line}", "", line, strength)


def _quote_alike(old: str, new: str) -> str:
    """A text in the quotation marks of the one before it, by which it could be told from the author's else."""
    if old.startswith('"') and new.startswith("'") and not old.startswith('"""'):
        inside = new[1:-1].replace('"', '\\"').replace("\\'", "'")
        return f'"{inside}"'
    return new


def _find_difference(before: list[str], after: list[str]) -> tuple[list[str], list[str]]:
    """The lines between those that both begin and both end with."""
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    return before, after


def _join(lines: list[str]) -> str:
    return textwrap.dedent("\n".join(lines)).strip()
