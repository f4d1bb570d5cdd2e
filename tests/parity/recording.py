"""Recording nbgrader's answers, and finding out later whether it still gives them."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.parity.cases import Assignment, list_own, load_own
from tests.parity.records import RECORDED, write_record
from tests.parity.reference import ask_nbgrader
from tests.parity.shared import is_there, list_shared, load_shared


def load_all() -> tuple[Assignment, ...]:
    others = [load_shared(name) for name in list_shared()] if is_there() else []
    return (*(load_own(name) for name in list_own()), *others)


def record(names: Sequence[str], folder: Path, *, recorded: Path = RECORDED) -> tuple[Assignment, ...]:
    """Ask about the assignments of these names, or all; answers go into `recorded`, `folder` is used up."""
    chosen = tuple(each for each in load_all() if not names or each.name in names)
    for assignment, answers in ask_nbgrader(chosen, folder, say=lambda line: say(f"nbgrader  {line}")):
        write_record(recorded, assignment, answers)
    return chosen


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
