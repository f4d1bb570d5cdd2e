"""Which words of a test may be shown to the learner: those that its author wrote for them."""

import ast
from collections.abc import Iterator


def find_messages(source: str) -> frozenset[str]:
    """The texts that an author's cell gives to `assert` and `raise`.

    Whole texts only: were parts of them enough, learners' code could ask, letter by letter, what stands in a
    test that they may not see. A cell that is not plain Python has none.
    """
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n")]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
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
