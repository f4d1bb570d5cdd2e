"""Whose functions an author's tests call: those of known libraries mean what is written about them."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from labs.nbgrader.messages import parse_cell

_LIBRARIES: Final = frozenset({"cmath", "math", "nose", "numpy", "pandas", "pytest", "scipy", "unittest"})


@dataclass(frozen=True)
class Origins:
    """Names of a notebook: `known` come from a library, `own` are the author's or from anywhere else.

    An author's own `assert_equal` may print where the library's raises, so that a wrong expectation would pass.
    """

    known: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    def is_library(self, call: ast.Call) -> bool:
        """Whether what is called is certain enough to be a library's; as a method, unless something says otherwise."""
        if isinstance(call.func, ast.Name):
            is_of_all = "*" in self.known - self.own  # from a library, and from nowhere else
            return (is_of_all or call.func.id in self.known) and call.func.id not in self.own
        return isinstance(call.func, ast.Attribute) and not self.own & {call.func.attr, _find_root(call.func)}


def read_origins(sources: Iterable[str]) -> Origins:
    """From the code cells of the author's notebook; what is no Python says nothing."""
    nodes = [node for source in sources if (tree := parse_cell(source)) for node in ast.walk(tree)]
    known: set[str] = set()
    own: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name, is_known in _list_imports(node):
                (known if is_known else own).add(name)
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made_of = _find_root(node.value.func)
            if made_of in own:
                own |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return Origins(frozenset(known), frozenset(own))


def _list_imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, bool]]:
    for alias in node.names:
        module = alias.name if isinstance(node, ast.Import) else (node.module or "")
        is_known = module.partition(".")[0] in _LIBRARIES and not getattr(node, "level", 0)
        yield alias.asname or alias.name.partition(".")[0], is_known


def _find_root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""
