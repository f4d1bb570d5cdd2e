"""What a line of an author's test expects, and what it could expect instead so that honest work cannot meet it.

Every rule here has to hold for whatever a learner's honest code gives: where the original is met, what it is altered
to is not. What cannot be shown to be so, is no rule.
"""

import ast
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from labs.nbgrader.twin.lookalikes import (
    EXACT,
    TYPES,
    Edits,
    Lookalikes,
    Tolerance,
    find_call_name,
    is_constant,
    is_truth,
    read_number,
)
from labs.nbgrader.twin.origins import Origins
from labs.nbgrader.twin.tolerances import BESIDES, read_tolerance

# Where the words of a name are bound once and used once, the literals that it may stand for.
Literals = Mapping[str, Sequence[ast.expr]]

_EXACT_CALLS: Final = frozenset(
    {
        "eq_",
        "assert_equal",
        "assert_equals",
        "assert_array_equal",
        "assert_string_equal",
        "assertEqual",
        "assertEquals",
        "assertListEqual",
        "assertTupleEqual",
        "assertDictEqual",
        "assertSetEqual",
        "assertSequenceEqual",
        "assertMultiLineEqual",
        "assertCountEqual",
        "assertIs",
        "assert_series_equal",
    }
)
# With the names of the arguments behind the two that are compared.
_NEAR_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "assertAlmostEqual": ("places", "msg", "delta"),
    "assertAlmostEquals": ("places", "msg", "delta"),
    "assert_almost_equal": ("decimal", "err_msg"),
    "assert_array_almost_equal": ("decimal", "err_msg"),
    "assert_allclose": ("rtol", "atol"),
    "assert_approx_equal": ("significant",),
}
_NEAR_PREDICATES: Final[Mapping[str, tuple[str, ...]]] = {
    "isclose": ("rtol", "atol"),
    "allclose": ("rtol", "atol"),
}
# numpy's compare an empty array with any one number, and find nothing that differs.
_TAKES_NOTHING_FOR_ANYTHING: Final = frozenset(
    {
        "assert_equal",
        "assert_array_equal",
        "assert_almost_equal",
        "assert_array_almost_equal",
        "assert_allclose",
    }
)
_MAGNITUDES: Final = frozenset({"abs", "fabs", "absolute", "len"})
_INFINITY: Final = "1e999"


@dataclass(frozen=True)
class Expectations:
    """Finds what expressions expect; `literals` are names of the cell that stand for a literal."""

    chance: random.Random
    literals: Literals
    origins: Origins

    def deny(self, node: ast.expr, *, is_met: bool = True) -> Iterator[Edits]:
        """Edits after each of which an expression that is true for honest work (or false: `is_met`) no longer is so."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield from self.deny(node.operand, is_met=not is_met)
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And if is_met else ast.Or):
            for value in node.values:
                yield from self.deny(value, is_met=is_met)
        elif isinstance(node, ast.Compare) and is_met:
            yield from self._deny_comparison(node)
        elif isinstance(node, ast.Compare):
            if len(node.ops) == 1 and isinstance(node.ops[0], ast.NotEq):
                yield from self._alter_pair(node.left, node.comparators[0])
        elif isinstance(node, ast.Call) and is_met:
            yield from self._deny_predicate(node)

    def deny_equality(self, node: ast.Compare) -> Edits:
        """As `deny` for `x == constant`, far enough for wrong work not to meet it either."""
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq):
            return []
        far = Lookalikes(self.chance, is_far=True)
        sides = (node.comparators[0], node.left)
        return next((far.alter(side) for side in sides if is_constant(side)), [])

    def _deny_comparison(self, node: ast.Compare) -> Iterator[Edits]:
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            if isinstance(operator, ast.Eq):
                yield from self._alter_pair(left, right)
            elif isinstance(operator, ast.Is):
                yield from self._alter_identity(left, right)
        if len(node.ops) == 1:
            operator, right = node.ops[0], node.comparators[0]
            if isinstance(operator, ast.In):
                yield from self._leave_collection(right)
            elif isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                yield from self._deny_order(node.left, operator, right)
        elif all(isinstance(operator, ast.Lt | ast.LtE) for operator in node.ops):
            yield from self._close_range(sides)

    def _alter_pair(self, left: ast.expr, right: ast.expr) -> Iterator[Edits]:
        for side, other in ((right, left), (left, right)):
            if find_call_name(side) == "approx":
                if not (isinstance(side, ast.Call) and side.args and self.origins.is_library(side)):
                    continue
                tolerance = read_tolerance(side.args[1:], ("rel", "abs"), side.keywords)
                yield from self._alter_each(side.args[0], other, tolerance)
            elif isinstance(side, ast.Name) and side.id in TYPES and not isinstance(other, ast.Name):
                yield [(side, Lookalikes(self.chance).choose_type({side.id}))]
            else:
                yield from self._alter_each(side, other, EXACT)

    def _alter_each(self, side: ast.expr, other: ast.expr, tolerance: Tolerance | None) -> Iterator[Edits]:
        """Another constant for a constant, or for each that a name may stand for."""
        if tolerance is None:
            return
        for literal in self._find_literals(side):
            if is_truth(literal) and not has_call(other):
                continue  # a state that the altered test may itself keep from being reached
            if changed := Lookalikes(self.chance, tolerance).alter(literal):
                yield changed

    def _find_literals(self, node: ast.expr) -> Sequence[ast.expr]:
        named = self.literals.get(node.id, ()) if isinstance(node, ast.Name) else ()
        return [each for each in (node, *named) if is_constant(each)]

    def _alter_identity(self, left: ast.expr, right: ast.expr) -> Iterator[Edits]:
        is_named = isinstance(right, ast.Constant) and (right.value is None or is_truth(right))
        is_type = isinstance(right, ast.Name) and right.id in TYPES
        if is_named or is_type:
            yield from self._alter_pair(left, right)

    def _leave_collection(self, right: ast.expr) -> Iterator[Edits]:
        if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts or not is_constant(right):
            return
        far = Lookalikes(self.chance, is_far=True)
        changed = {old: text for element in right.elts for old, text in far.alter(element)}
        texts = [changed[element] for element in right.elts if element in changed]
        if len(texts) == len(right.elts):
            inside = ", ".join(texts)
            yield [(right, f"({inside},)" if isinstance(right, ast.Tuple) else f"[{inside}]")]

    def _deny_order(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Iterator[Edits]:
        limit = read_number(right)
        if limit is None or isinstance(limit, complex) or not abs(limit) < 1e100:
            return
        is_below = isinstance(operator, ast.Lt | ast.LtE)
        if find_call_name(left) in _MAGNITUDES and is_below:
            moved = list(self._leave_neighbourhood(left, limit))
            yield from moved or [[(right, repr(-abs(limit) - 1))]]
        elif find_call_name(left) == "len":
            yield [(right, repr(int(abs(limit)) + self.chance.randint(10**9, 10**10)))]
        elif isinstance(operator, ast.Lt):
            yield [(right, f"-{_INFINITY}")]
        elif isinstance(operator, ast.Gt):
            yield [(right, _INFINITY)]

    def _leave_neighbourhood(self, left: ast.expr, limit: float) -> Iterator[Edits]:
        """`abs(f(x) - 3) < 0.1`: another number in the place of 3."""
        inside = left.args[0] if isinstance(left, ast.Call) and len(left.args) == 1 else None
        if limit > 0 and isinstance(inside, ast.BinOp) and isinstance(inside.op, ast.Sub):
            for side, other in ((inside.right, inside.left), (inside.left, inside.right)):
                if read_number(side) is not None:
                    yield from self._alter_each(side, other, Tolerance(abs=limit))
                    return

    def _close_range(self, sides: list[ast.expr]) -> Iterator[Edits]:
        """`0 <= x <= 1`: no number is above 1 and below 0."""
        low, high = read_number(sides[0]), read_number(sides[-1])
        if low is None or high is None or isinstance(low, complex) or isinstance(high, complex):
            return
        if low < high < 1e100:
            yield [(sides[0], repr(high + self.chance.randint(1, 9)))]

    def _deny_predicate(self, node: ast.Call) -> Iterator[Edits]:
        name = find_call_name(node)
        if name == "isinstance" and len(node.args) == 2:
            kind = node.args[1]
            names = {each.id for each in ast.walk(kind) if isinstance(each, ast.Name)}
            if names <= TYPES and isinstance(kind, ast.Name | ast.Tuple):
                yield [(kind, Lookalikes(self.chance).choose_type(names))]
        elif not self.origins.is_library(node):
            return
        elif name == "array_equal" and len(node.args) == 2:
            yield from self._alter_arguments(node, EXACT)
        elif name in _NEAR_PREDICATES and len(node.args) >= 2:
            tolerance = read_tolerance(node.args[2:], _NEAR_PREDICATES[name], node.keywords)
            literals = [literal for side in node.args[:2] for literal in self._find_literals(side)]
            if name == "isclose" or (literals and all(_is_row(literal) for literal in literals)):
                yield from self._alter_arguments(node, tolerance)
            elif tolerance:
                yield from self._alter_close_number(node.args[:2], tolerance)

    def _alter_close_number(self, sides: list[ast.expr], tolerance: Tolerance) -> Iterator[Edits]:
        """Two numbers that both differ in the place of one, of which no array, an empty one included, is close."""
        for side in reversed(sides):
            number = read_number(side)
            if number is not None and not tolerance.is_wide:
                lookalikes = Lookalikes(self.chance, tolerance)
                texts = [lookalikes.alter_number(number), lookalikes.alter_number(number)]
                if None not in texts:
                    yield [(side, f"[{texts[0]}, {texts[1]}]")]
                return

    def deny_call(self, node: ast.Call) -> Iterator[Edits]:
        """As `deny` for a call that raises where what it expects is not met."""
        name = find_call_name(node)
        if not self.origins.is_library(node):
            return
        if name in ("assertTrue", "assert_", "assert_true", "ok_") and node.args:
            yield from self.deny(node.args[0])
        elif name in ("assertFalse", "assert_false") and node.args:
            yield from self.deny(node.args[0], is_met=False)
        elif name == "assertIsInstance" and len(node.args) >= 2:
            inner = ast.Call(ast.Name("isinstance", ast.Load()), node.args[:2], [])
            yield from self._deny_predicate(inner)
        elif name == "assertIn" and len(node.args) >= 2:
            yield from self._leave_collection(node.args[1])
        elif name in ("assertRaises", "assertRaisesRegex", "assert_raises", "raises") and len(node.args) >= 2:
            yield from self.deny_exception(node.args[0])
        elif len(node.args) >= 2 and name in _EXACT_CALLS:
            if all(keyword.arg in BESIDES for keyword in node.keywords):
                yield from self._alter_arguments(node, EXACT)
        elif len(node.args) >= 2 and name in _NEAR_CALLS:
            tolerance = read_tolerance(node.args[2:], _NEAR_CALLS[name], node.keywords)
            yield from self._alter_arguments(node, tolerance)

    def _alter_arguments(self, node: ast.Call, tolerance: Tolerance | None) -> Iterator[Edits]:
        wants_row = find_call_name(node) in _TAKES_NOTHING_FOR_ANYTHING
        for side, other in ((node.args[1], node.args[0]), (node.args[0], node.args[1])):
            whole = self._find_literals(side) if wants_row else []
            for edits in self._alter_each(side, other, tolerance):
                yield [(node, f"[{text}]" if node in whole else text) for node, text in edits]

    def deny_exception(self, kind: ast.expr) -> Iterator[Edits]:
        """Another exception in the place of this one, which is nothing that the original lets pass."""
        known = {each.id for each in ast.walk(kind) if isinstance(each, ast.Name)}
        if isinstance(kind, ast.Name | ast.Attribute | ast.Tuple) and not known & _ODD_EXCEPTIONS:
            yield [(kind, self.chance.choice(sorted(_ODD_EXCEPTIONS - _relatives(known))))]


# What nobody raises in a lab, and no exception of a library is at the same time.
_ODD_EXCEPTIONS: Final = frozenset(
    {"BufferError", "StopAsyncIteration", "ChildProcessError", "BlockingIOError"}
)
_SYSTEM_ERRORS: Final = frozenset({"ChildProcessError", "BlockingIOError"})


def _relatives(known: set[str]) -> frozenset[str]:
    return _SYSTEM_ERRORS if known & {"OSError", "IOError", "EnvironmentError", "Exception"} else frozenset()


def _is_row(node: ast.expr) -> bool:
    """Several values in a row, or several such rows: no array without values fits to it."""
    inner = node.args[0] if isinstance(node, ast.Call) and len(node.args) == 1 else node
    if not isinstance(inner, ast.List | ast.Tuple) or len(inner.elts) < 2:
        return False
    return not any(isinstance(each, ast.List | ast.Tuple) and not _is_row(each) for each in inner.elts)


def has_call(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Call) for each in ast.walk(node))
