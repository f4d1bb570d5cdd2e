"""nbgrader's own example, the problem set `ps1` of its user guide: two notebooks, as a class hands them in.

nbgrader's package has it: `nbgrader quickstart` copies the same files.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.parity.cases import Assignment, Submission, read_files
from tests.parity.variants import hand_in, release, solve

NAME = "ps1"
SLOW_SECONDS = 1
_RIGHT = "    if n < 1:\n        raise ValueError(n)\n    return [i ** 2 for i in range(1, n + 1)]\n"

# What stands in whose cells, by grade id; what is not named is the author's own answer.
_PARTLY_RIGHT: dict[str, dict[str, str]] = {
    "solution": {},
    "no-check": {"squares": "def squares(n):\n    return [i ** 2 for i in range(1, n + 1)]"},
    "one-off": {"squares": "def squares(n):\n" + _RIGHT.replace("n + 1", "n")},
    "own-sum": {
        "sum_of_squares": "def sum_of_squares(n):\n    return sum(i ** 2 for i in range(1, n + 1))",
        "sum_of_squares_equation": "$\\sum_i i^2$",
    },
    "sum-of-cubes": {"sum_of_squares": "def sum_of_squares(n):\n    return sum(i ** 3 for i in squares(n))"},
}
_SLOW = {"added": {"problem1": f"import time\ntime.sleep({SLOW_SECONDS})"}}
_RAISING = {
    "texts": {"problem1": {"squares": "def squares(n):\n    raise RuntimeError('not yet')"}},
    "added": {"problem2": "raise RuntimeError('nor this')"},
}


def make_class(count: int) -> Assignment:
    """So many submissions: one is slow, one raises, the others are blank, solved and partly right in turn.

    Each is unlike all others, by a cell with its learner's name.
    """
    source = load_source()
    blank, solved = release(source), solve(source)
    variants: list[tuple[str, dict[str, bytes]]] = [
        ("slow", hand_in(solved, _SLOW)),
        ("raises", hand_in(solved, _RAISING)),
    ]
    turns = [("blank", blank), *((name, _answer(solved, texts)) for name, texts in _PARTLY_RIGHT.items())]
    variants += [turns[number % len(turns)] for number in range(max(0, count - len(variants)))]
    submissions = [
        Submission(f"learner-{number:02}-{name}", _sign(files, f"{name} {number}"))
        for number, (name, files) in enumerate(variants[:count])
    ]
    return Assignment(NAME, source, tuple(submissions), is_ours=False)


def load_source() -> dict[str, bytes]:
    spec = find_spec("nbgrader")
    assert spec is not None
    assert spec.origin is not None
    return read_files(Path(spec.origin).parent / "docs/source/user_guide/source" / NAME)


def _answer(solved: dict[str, bytes], texts: dict[str, str]) -> dict[str, bytes]:
    change: dict[str, Any] = {"texts": {"problem1": texts}}
    return hand_in(solved, change)


def _sign(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    return hand_in(files, {"added": {"problem1": f"NAME = {name!r}", "problem2": f"NAME = {name!r}"}})
