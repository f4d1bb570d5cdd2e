"""Cells whose last value is their points: what to alter so that honest work gets none."""

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from labs.nbgrader.twin.expectations import Expectations
from labs.nbgrader.twin.lookalikes import Edits, read_number

_SHAPERS: Final = frozenset({"int", "float", "round", "sum"})


def find_points(tree: ast.Module, source: str) -> ast.expr | None:
    """The expression at the end of a cell whose value IPython shows, which nbgrader reads as points."""
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or last.end_lineno is None or last.end_col_offset is None:
        return None
    lines = source.encode().split(b"\n")[last.end_lineno - 1 :]
    behind = b"\n".join([lines[0][last.end_col_offset :], *lines[1:]])
    return None if b";" in behind else last.value


def deny_points(tree: ast.Module, points: ast.expr, expectations: Expectations) -> Edits:
    """Edits that together take away every point; nothing where that is not certain.

    A truth is no number of points: nbgrader takes `False` for a pass as it does `True`.
    """
    if isinstance(points, ast.Compare | ast.BoolOp):
        return []
    edits = _PointsReader(tree, expectations).deny(points)
    return [] if edits is None else edits


class _PointsReader:
    def __init__(self, tree: ast.Module, expectations: Expectations) -> None:
        self._tree = tree
        self._expectations = expectations
        self._blocks = list(_list_blocks(tree, ()))

    def deny(self, node: ast.expr) -> Edits | None:
        """Edits after which this is 0, where it is at least 0 else; None if there are none that are certain."""
        if isinstance(node, ast.Constant) and read_number(node) == 0:
            return []
        if isinstance(node, ast.Compare):
            return self._expectations.deny_equality(node) or None
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            return next((edits for value in node.values if (edits := self.deny(value))), None)
        if isinstance(node, ast.IfExp) and read_number(node.orelse) == 0:
            return self.deny(node.test)
        if isinstance(node, ast.BinOp):
            return self._deny_operation(node)
        if isinstance(node, ast.Call):
            return self._deny_call(node)
        return self._deny_name(node.id) if isinstance(node, ast.Name) else None

    def _deny_operation(self, node: ast.BinOp) -> Edits | None:
        if isinstance(node.op, ast.Add):
            return self._deny_all([node.left, node.right])
        if isinstance(node.op, ast.Mult):
            sides = [(node.left, node.right), (node.right, node.left)]
            return next((self.deny(one) for one, other in sides if read_number(other) is not None), None)
        if isinstance(node.op, ast.Div) and read_number(node.right):
            return self.deny(node.left)
        return None

    def _deny_call(self, node: ast.Call) -> Edits | None:
        if not isinstance(node.func, ast.Name) or node.func.id not in _SHAPERS or not node.args:
            return None
        if node.func.id != "sum":
            return self.deny(node.args[0])
        is_row = len(node.args) == 1 and isinstance(node.args[0], ast.List | ast.Tuple)
        return self._deny_all(node.args[0].elts) if is_row else None  # type: ignore[attr-defined]

    def _deny_all(self, nodes: Sequence[ast.expr]) -> Edits | None:
        edits: Edits = []
        for node in nodes:
            denied = self.deny(node)
            if denied is None:
                return None
            edits += denied
        return edits

    def _deny_name(self, name: str) -> Edits | None:
        """A sum that begins at 0 and is added to where a comparison, which can be denied, holds."""
        stores = [
            node
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
        ]
        if not stores:
            return None
        edits: Edits = []
        for block, tests in self._blocks:
            for place, statement in enumerate(block):
                if not _binds(statement, name):
                    continue
                stores.pop()
                if isinstance(statement, ast.Assign) and read_number(statement.value) == 0:
                    continue
                if not isinstance(statement, ast.AugAssign) or not isinstance(statement.op, ast.Add):
                    return None
                before = [each.test for each in block[:place] if isinstance(each, ast.Assert)]
                denied = self._deny_addition(statement.value, [*before, *tests])
                if denied is None:
                    return None
                edits += [edit for edit in denied if edit[0] not in [old for old, _text in edits]]
        return None if stores else edits

    def _deny_addition(self, value: ast.expr, tests: Sequence[ast.expr]) -> Edits | None:
        for test in tests:
            if edits := self.deny(test):
                return edits
        return self.deny(value)


def _binds(statement: ast.stmt, name: str) -> bool:
    targets: Sequence[ast.expr] = ()
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AugAssign):
        targets = [statement.target]
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name


def _list_blocks(
    node: ast.AST, tests: tuple[ast.expr, ...]
) -> Iterator[tuple[Sequence[ast.stmt], tuple[ast.expr, ...]]]:
    """Every list of statements of a cell but those of functions, with the conditions under which it is run."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        return
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if not isinstance(block, list):
            continue
        inner = (*tests, node.test) if isinstance(node, ast.If) and field == "body" else tests
        yield block, inner
        for statement in block:
            yield from _list_blocks(statement, inner)
    for handler in getattr(node, "handlers", []):
        yield from _list_blocks(handler, tests)
