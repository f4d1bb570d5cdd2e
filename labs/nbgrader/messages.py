"""Reading an author's test, and which of its words may be shown to the learner: those that were written for them."""

import ast
import threading
import warnings
from collections.abc import Iterator
from typing import Final

# Two threads that make trees at once end each other with a SystemError in Python 3.11 (its issue 106905).
MAKING_A_TREE: Final = threading.Lock()
_FLAGS: Final = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def parse_cell(source: str) -> ast.Module | None:
    """The cell as Python, each line of IPython's magic a `pass` of its own; None where it is no Python even so."""
    return _parse(source) or _parse("\n".join(_mask(line) for line in source.split("\n")))


def _parse(source: str) -> ast.Module | None:
    try:
        with MAKING_A_TREE, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = compile(source, "<cell>", "exec", _FLAGS, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if isinstance(tree, ast.Module) else None


def _mask(line: str) -> str:
    code = line.lstrip()
    return f"{line[: len(line) - len(code)]}pass" if code.startswith(("%", "!")) else line


def find_messages(source: str) -> frozenset[str]:
    """The texts that an author's cell gives to `assert` and `raise`.

    Whole texts only: were parts of them enough, learners' code could ask, letter by letter, what stands in a
    test that they may not see. A cell that is not plain Python has none.
    """
    tree = parse_cell(source)
    if tree is None:
        return frozenset()
    return frozenset(text.strip() for node in ast.walk(tree) for text in _texts(node) if text.strip())


def _texts(node: ast.AST) -> Iterator[str]:
    given: list[ast.expr] = []
    if isinstance(node, ast.Assert) and node.msg is not None:
        given = [node.msg]
    elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        given = node.exc.args
    for expression in given:
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            yield expression.value


def has_test(source: str) -> bool:
    """Whether running the cell can tell right work from wrong: it asserts, raises, calls something or shows a value."""
    tree = parse_cell(source)
    if tree is None:
        return True
    return any(_is_telling(node) for node in ast.walk(tree))


def _is_telling(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Assert | ast.Raise)
