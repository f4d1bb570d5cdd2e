"""What a check of a learner's own work has come to: which visible tests pass."""

from collections.abc import Sequence
from dataclasses import dataclass

from labs.models import CellGrade
from labs.services.attempts import Attempt


@dataclass(frozen=True)
class CheckResult:
    """The newest check of a lab that came to a result, and how many of the cells with visible tests pass."""

    check: Attempt
    passed: int
    tested: int

    @property
    def is_full(self) -> bool:
        return self.passed == self.tested


def find_check_result(checks: Sequence[Attempt]) -> CheckResult | None:
    """The result of the newest check that has one; `checks` has the newest first."""
    newest = next((check for check in checks if check.is_graded), None)
    if newest is None or newest.run is None:
        return None
    cells = list(newest.run.cells.all())
    return CheckResult(newest, sum(map(passes, cells)), len(cells))


def passes(cell: CellGrade) -> bool:
    """Whether the visible tests of a cell pass: all its points, and nothing that a test had to say."""
    return cell.was_run and not cell.message and (cell.score or 0.0) >= cell.max_score
