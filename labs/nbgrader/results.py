"""What a release is made of and what a grading gives: plain data, cheap to import."""

from dataclasses import dataclass, field
from enum import StrEnum

from labs.states import GradingOutcome


class CellKind(StrEnum):
    """The three kinds of cell that carry points in nbgrader's format."""

    AUTOGRADED = "autograded"
    MANUAL = "manual"
    TASK = "task"


@dataclass(frozen=True)
class GradeCellSpec:
    """A cell with points; `position` is its place among those of all notebooks of the release, from 0."""

    notebook: str
    grade_id: str
    kind: CellKind
    max_score: float
    is_manual: bool
    position: int


@dataclass(frozen=True)
class ReleasedLab:
    """An assignment as nbgrader would release it.

    `learner_files` is what a learner gets (without solutions, hidden tests and mark schemes), `source` what the
    author wrote, `gradebook` the SQLite file of nbgrader's gradebook that every grading run starts from.
    """

    name: str
    learner_files: dict[str, bytes]
    gradebook: bytes
    source: dict[str, bytes]
    grade_cells: tuple[GradeCellSpec, ...]

    @property
    def notebooks(self) -> tuple[str, ...]:
        """Names without `.ipynb`, in order."""
        return tuple(sorted(name.removesuffix(".ipynb") for name in self.source if is_notebook_path(name)))


def is_notebook_path(path: str) -> bool:
    """As nbgrader: a notebook of an assignment lies at its top level."""
    return path.endswith(".ipynb") and "/" not in path and path != ".ipynb"


@dataclass(frozen=True)
class CellResult:
    """The points of one grade cell.

    `auto_score` is None where only a person can give points, and then always finite and within 0 and
    `max_score`. `message` is shown to the learner: only text that the author wrote as a message of a test.
    """

    grade_id: str
    kind: CellKind
    auto_score: float | None
    max_score: float
    extra_credit: float
    needs_manual_grade: bool
    was_run: bool
    message: str = ""


@dataclass(frozen=True)
class FeedbackCell:
    """A cell as the learner may see it again; outputs are raw and hostile, to be sanitised where they are shown."""

    grade_id: str
    cell_type: str
    source: str
    outputs: tuple[dict[str, object], ...]


@dataclass(frozen=True)
class NotebookResult:
    """What came of one notebook. `reason` says as a slug why the outcome is not scored, or else is empty."""

    name: str
    outcome: GradingOutcome
    reason: str
    faulty_cell: str | None
    cells: tuple[CellResult, ...]
    feedback: tuple[FeedbackCell, ...]
    late_penalty: float = 0.0


@dataclass(frozen=True)
class GradingResult:
    """What came of a submission; its outcome is that of the first notebook that was not simply scored."""

    outcome: GradingOutcome
    notebooks: tuple[NotebookResult, ...]
    phase_seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceProblem:
    """Something wrong with an author's notebook; `cell` counts from 0, `line` from 1 in the .ipynb file."""

    notebook: str
    cell: int | None
    line: int | None
    code: str
    message: str
