"""Names of a cell that stand for a literal, and loops over literals: where what a test expects may be written."""

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from labs.nbgrader.twin.lookalikes import find_call_name, is_constant, read_number

_ROWS: Final = (ast.List, ast.Tuple)


def bind_literals(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """For each name that is bound once and read once, the literals it has in turn; those of a loop are several."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    read = Counter(node.id for node in names if isinstance(node.ctx, ast.Load))
    bound = Counter(node.id for node in names if not isinstance(node.ctx, ast.Load))
    bound.update(_list_other_names(tree))
    once = {name for name in read if read[name] == 1 and bound[name] == 1}
    found: dict[str, list[ast.expr]] = {}
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef)]
    for scope in scopes:
        in_scope = {
            node.id: node for node in ast.walk(scope) if isinstance(node, ast.Name) and _is_read(node)
        }
        for statement in _list_statements(scope.body):
            for name, literals in _read_binding(statement, found).items():
                use = in_scope.get(name)
                if name in once and use is not None and use.lineno > statement.lineno:
                    found[name] = literals
    return found


def _is_read(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _list_other_names(tree: ast.Module) -> list[str]:
    """What is bound by anything but an assignment."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            names.append(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            names += node.names
        elif isinstance(node, ast.alias):
            names.append((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.append(node.name)
    return names


def _list_statements(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """These and those in their loops and `with`s, in order; not what is run on a condition."""
    listed: list[ast.stmt] = []
    for statement in body:
        listed.append(statement)
        if isinstance(statement, ast.For | ast.With):
            listed += _list_statements(statement.body)
    return listed


def _read_binding(statement: ast.stmt, known: Mapping[str, Sequence[ast.expr]]) -> dict[str, list[ast.expr]]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
        if isinstance(target, ast.Name) and (is_constant(value) or isinstance(value, (*_ROWS, ast.Dict))):
            return {target.id: [value]}
    if isinstance(statement, ast.For):
        return _read_loop(statement, known)
    return {}


def _read_loop(loop: ast.For, known: Mapping[str, Sequence[ast.expr]]) -> dict[str, list[ast.expr]]:
    rows = list_rows(loop.iter, known)
    if isinstance(loop.target, ast.Name):
        return {loop.target.id: [row[0] for row in rows]} if all(len(row) == 1 for row in rows) else {}
    if not isinstance(loop.target, ast.Tuple):
        return {}
    targets = loop.target.elts
    rows = [row[0].elts if len(row) == 1 and isinstance(row[0], _ROWS) else row for row in rows]
    if not all(len(row) == len(targets) for row in rows):
        return {}
    return {
        target.id: [row[place] for row in rows]
        for place, target in enumerate(targets)
        if isinstance(target, ast.Name)
    }


def list_rows(node: ast.expr, known: Mapping[str, Sequence[ast.expr]]) -> list[list[ast.expr]]:
    """What a loop over this goes through, each row one node or several; nothing where that is not certain."""
    if isinstance(node, ast.Name):
        bound = known.get(node.id, [])
        return list_rows(bound[0], {}) if len(bound) == 1 else []
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return (
            [] if any(isinstance(each, ast.Starred) for each in node.elts) else [[each] for each in node.elts]
        )
    name = find_call_name(node)
    if not isinstance(node, ast.Call) or node.keywords:
        return []
    if name == "items" and isinstance(node.func, ast.Attribute) and not node.args:
        return _list_items(node.func.value, known)
    if name == "zip" and node.args:
        columns = [list_rows(each, known) for each in node.args]
        return [[cell for row in rows for cell in row] for rows in zip(*columns, strict=False)]
    if name == "range" and len(node.args) == 1:
        count = read_number(node.args[0])
        return [[node.args[0]]] if isinstance(count, int) and count > 0 else []
    return []


def _list_items(node: ast.expr, known: Mapping[str, Sequence[ast.expr]]) -> list[list[ast.expr]]:
    if isinstance(node, ast.Name) and len(known.get(node.id, [])) == 1:
        node = known[node.id][0]
    if not isinstance(node, ast.Dict):
        return []
    pairs = list(zip(node.keys, node.values, strict=True))
    items = [[key, value] for key, value in pairs if isinstance(key, ast.expr)]
    return items if len(items) == len(pairs) else []
