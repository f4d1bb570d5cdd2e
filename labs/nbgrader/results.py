"""What a release is made of and what a grading gives: plain data, cheap to import."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final

from labs.states import GradingOutcome


class CellKind(StrEnum):
    """The three kinds of cell that carry points in nbgrader's format."""

    AUTOGRADED = "autograded"
    MANUAL = "manual"
    TASK = "task"


class FeedbackDetail(StrEnum):
    """What a learner is told besides the points, as the author chose: nothing, the tests' messages, outputs too."""

    POINTS = "points"
    MESSAGES = "messages"
    FULL = "full"


class DamageKind(StrEnum):
    """What was wrong with a submitted notebook and could be mended, or could not (`CELL_LOST`).

    A garbled file held bytes that belong to no notebook, or text in another encoding than a notebook's.
    """

    CELL_DELETED = "cell_deleted"
    CELL_LOST = "cell_lost"
    CELL_DUPLICATED = "cell_duplicated"
    CELL_RETYPED = "cell_retyped"
    CELL_MOVED = "cell_moved"
    CELL_CHANGED = "cell_changed"
    METADATA_CHANGED = "metadata_changed"
    UNKNOWN_CELL = "unknown_cell"
    NOTEBOOK_RENAMED = "notebook_renamed"
    NOTEBOOK_CUT = "notebook_cut"
    NOTEBOOK_GARBLED = "notebook_garbled"
    OLD_SCHEMA = "old_schema"
    HUGE_OUTPUT = "huge_output"


@dataclass(frozen=True)
class GradingPolicy:
    """What the author chose for a lab; `late_penalty` is nbgrader's penalty method, `none` or `zero`."""

    detail: FeedbackDetail = FeedbackDetail.FULL
    late_penalty: str = "none"


STANDARD_POLICY: Final = GradingPolicy()

# How often a rehearsal runs a notebook at most, where it is not asked for twice: the solution and the empty answer,
# each with its twin run, which may be repeated and take half as long again, and the solution once more to see why it
# fails.
RUNS_AT_MOST: Final = 9


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
    author wrote, `gradebook` the SQLite file of nbgrader's gradebook, which grading reads and nobody writes.
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

    @cached_property
    def digest(self) -> str:
        """Of everything that grading reads in its notebooks and its gradebook; data files do not count."""
        parts = [self.gradebook]
        for name in self.notebooks:
            parts += [name.encode(), self.source[f"{name}.ipynb"], self.learner_files[f"{name}.ipynb"]]
        digests = [hashlib.sha256(part).digest() for part in parts]
        return hashlib.sha256(b"".join(digests)).hexdigest()


def is_notebook_path(path: str) -> bool:
    """As nbgrader: a notebook of an assignment lies at its top level and is not hidden."""
    return path.endswith(".ipynb") and "/" not in path and not path.startswith(".")


@dataclass(frozen=True)
class CellResult:
    """The points of one grade cell.

    `auto_score` is None where only a person can give points, else finite and within 0 and `max_score`. `message` is
    shown to the learner: only text that the author wrote as a message of a test; of a check, where all tests are seen,
    else the error that the cell shows. A tampered cell has no automatic points, an unanswered one reads as it was
    released.
    """

    grade_id: str
    kind: CellKind
    auto_score: float | None
    max_score: float
    extra_credit: float
    needs_manual_grade: bool
    was_run: bool
    message: str = ""
    is_unanswered: bool = False
    is_tampered: bool = False


@dataclass(frozen=True)
class Damage:
    """Something wrong with a submitted notebook, named to learner and instructor; `grade_id` is empty for all of it."""

    kind: DamageKind
    grade_id: str = ""


@dataclass(frozen=True)
class Evidence:
    """A test that took a wrong expectation: the author's line and the twin's. Never for learners."""

    grade_id: str
    expected: str
    altered: str


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
    damage: tuple[Damage, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class GradingResult:
    """What came of a submission; its outcome: tampered where a notebook was, else of the first not simply scored."""

    outcome: GradingOutcome
    notebooks: tuple[NotebookResult, ...]
    phase_seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceProblem:
    """Something wrong with an author's notebook; `cell` counts from 0, `line` from 1 in the .ipynb file.

    A hint is what an author should know and may leave as it is.
    """

    notebook: str
    cell: int | None
    line: int | None
    code: str
    message: str
    is_hint: bool = False
