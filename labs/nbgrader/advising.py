"""What an author should know about a test and may leave as it is: nothing here runs anything."""

import ast
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from nbformat import NotebookNode
from nbgrader import utils

from labs.nbgrader.autotests import AUTOTEST
from labs.nbgrader.languages import IPYTHON_SYNTAX
from labs.nbgrader.messages import parse_cell
from labs.nbgrader.twin.altering import Strength, list_alterations
from labs.nbgrader.twin.origins import Origins, read_origins

# By the name that they have where they come from. Speed is the clock too.
_CLOCKS: Final = frozenset(
    {
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "pandas.Timestamp.now",
        "pandas.Timestamp.today",
        "time.ctime",
        "time.gmtime",
        "time.localtime",
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.process_time",
        "time.time",
        "time.time_ns",
    }
)
# What the machine draws by itself; generators of random and numpy are seeded in the box (`labs/box`).
_ENTROPY: Final = frozenset(
    {
        "os.getrandom",
        "os.urandom",
        "random.SystemRandom",
        "uuid.uuid1",
        "uuid.uuid4",
    }
)
_SECRETS: Final = "secrets."
_DEFINING: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)


@dataclass(frozen=True)
class Hint:
    """About a cell, by its index; `text` is what it is about in it, or empty."""

    cell: int
    code: str
    message: str
    text: str = ""


def find_hints(notebook: NotebookNode) -> Iterator[Hint]:
    """About the autograded cells of a Python notebook."""
    names: dict[str, str] = {}
    origins = read_origins(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for index, cell in enumerate(notebook.cells):
        tree = parse_cell(cell.source) if cell.cell_type == "code" else None
        if tree is None:
            continue
        names |= _find_imports(tree)
        if not utils.is_grade(cell) or utils.is_solution(cell) or AUTOTEST in cell.source:
            continue
        if float(cell.metadata.nbgrader.points):
            yield from _weigh(index, cell.source, tree, origins)
        lines = cell.source.split("\n")
        said = {found: call for call in reversed(_list_calls(tree)) if (found := _advise(call, names))}
        for (code, message), call in said.items():
            yield Hint(index, code, message, lines[call.lineno - 1].strip())


def _weigh(index: int, source: str, tree: ast.Module, origins: Origins) -> Iterator[Hint]:
    """Whether a test can tell right from wrong, and cheating from either."""
    if _tests_nothing(source, tree):
        message = _(
            "This graded cell only defines things: nothing in it can fail, so that every answer gets its points."
        )
        yield Hint(index, "tests_nothing", message)
    elif not _expects_constants(source, origins):
        message = _(
            "Cheating is hard to find in this cell: it expects no constant that could be exchanged for another one."
            " Compare with constants, such as assert f(2) == 4."
        )
        yield Hint(index, "expects_nothing", message)


def _expects_constants(source: str, origins: Origins) -> bool:
    chance = random.Random(0)  # noqa: S311 - which ones there are, is asked
    found = list_alterations(source, source, chance, origins)
    return any(alteration.strength >= Strength.LOOKALIKE for alteration in found)


def _list_calls(tree: ast.Module) -> list[ast.Call]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _advise(call: ast.Call, names: Mapping[str, str]) -> tuple[str, str] | None:
    """A code and a sentence about what a call does not do the same way twice."""
    name = _resolve(call.func, names)
    if name in _CLOCKS:
        message = _(
            "This test reads the clock (%(name)s), the one thing that is not the same in every grading. Compare with"
            " constants."
        )
        return "reads_clock", message % {"name": name}
    if name in _ENTROPY or name.startswith(_SECRETS):
        message = _(
            "This test draws what nobody can give a seed to (%(name)s): the same work can get other points the next"
            " time. Take a generator with a seed, or compare with constants."
        )
        return "draws_from_chance", message % {"name": name}
    return None


def _tests_nothing(source: str, tree: ast.Module) -> bool:
    return all(map(_only_defines, tree.body)) and not IPYTHON_SYNTAX.search(source)


def _only_defines(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return isinstance(statement.value.value, str)  # a text; a number would be partial credit
    return isinstance(statement, _DEFINING)


def _find_imports(tree: ast.Module) -> dict[str, str]:
    """From the names that a cell imports under to the full names of what it imports."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _resolve(function: ast.expr, names: Mapping[str, str]) -> str:
    """The full name of what is called, as far as the notebook's imports tell; else empty."""
    parts: list[str] = []
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name) or function.id not in names:
        return ""
    return ".".join([names[function.id], *reversed(parts)])
