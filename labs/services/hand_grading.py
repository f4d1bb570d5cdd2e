"""A person's decision on cells of a submission: points, extra credit, a comment, and a row for each change."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from courses.models import Enrolment, User
from labs.exceptions import RefusedError
from labs.models import CellGrade, GradingRun, ScoreChange
from labs.services.marks import format_points, waits_for_person
from labs.work.recording_grades import find_standing_run, record_best_score

CellKey = tuple[str, str]
"""The notebook and the grade id of a cell."""

MAX_EXTRA_CREDIT: Final = 1000
MAX_COMMENT: Final = 4000


@dataclass(frozen=True)
class ManualScore:
    """What a person gives a cell. Without points it has its automatic ones, or waits."""

    points: float | None
    extra_credit: float = 0.0
    comment: str = ""


@dataclass(frozen=True)
class Evidence:
    """A line of a test, and a wrong one that was passed as well. For those who may see the lab's source."""

    expected: str
    altered: str


def key_of(grade: CellGrade) -> CellKey:
    return grade.notebook, grade.grade_id


def given_score(grade: CellGrade) -> ManualScore:
    """What a cell has now, in hundredths of a point, in which people give them; no points while it waits."""
    own = grade.manual_score if grade.manual_score is not None else grade.auto_score
    points = None if own is None or waits_for_person(grade) else min(round(own, 2), grade.max_score)
    return ManualScore(points, round(grade.extra_credit or 0.0, 2), grade.comment)


@transaction.atomic(durable=True)
def grade_by_hand(
    run: GradingRun,
    scores: Mapping[CellKey, ManualScore],
    *,
    actor: User,
    seen: int,
    reason: str = "graded_by_hand",
) -> list[ScoreChange]:
    """Give cells of a graded run their points, and the run and the unit theirs; only what differs is changed.

    `seen` is the newest change that the person knows of (`newest_change`). RefusedError `scores_changed`, and nothing
    is written, where somebody else has changed one of these cells since, or a newer run stands. ValueError for
    points that the cell does not have.
    """
    Enrolment.objects.select_for_update().get(pk=run.submission.enrolment_id)  # one person at a time
    cells = {key_of(cell): cell for cell in run.cells.all()}
    changing = {key: given for key, given in scores.items() if _is_change(cells[key], given)}
    later = ScoreChange.objects.filter(cell__in=[cells[key] for key in changing], pk__gt=seen)
    if find_standing_run(run.submission) != run or later.exists():
        raise RefusedError(reason="scores_changed")
    changes = [_change_cell(cells[key], given, actor=actor, reason=reason) for key, given in changing.items()]
    if changes:
        _sum_up(run, list(cells.values()))
    return changes


def newest_change(run: GradingRun) -> int:
    """What a page has to say it has `seen`."""
    newest = ScoreChange.objects.filter(cell__run=run).order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


def find_changes(run: GradingRun) -> list[ScoreChange]:
    """What people have decided about a run, newest first."""
    return list(ScoreChange.objects.filter(cell__run=run).select_related("cell", "actor").order_by("-pk"))


def find_evidence(run: GradingRun) -> dict[CellKey, tuple[Evidence, ...]]:
    """What speaks against the automatic points of cells. Never for the learner's eyes."""
    found: dict[CellKey, tuple[Evidence, ...]] = {}
    for row in run.evidence:
        key = (row["notebook"], row["grade_id"])
        found[key] = (*found.get(key, ()), Evidence(row["expected"], row["altered"]))
    return found


def points_words(points: float | None) -> str:
    """A cell's points as the list of changes has them; a dash for one that waited."""
    return "–" if points is None else format_points(points)


def _is_change(cell: CellGrade, given: ManualScore) -> bool:
    has = given_score(cell)
    return (_manual_score(cell, given), given.extra_credit, given.comment) != (
        cell.manual_score,
        has.extra_credit,
        has.comment,
    )


def _manual_score(cell: CellGrade, given: ManualScore) -> float | None:
    """Points that are the same as before are nobody's decision."""
    return cell.manual_score if given.points == given_score(cell).points else given.points


def _change_cell(cell: CellGrade, given: ManualScore, *, actor: User, reason: str) -> ScoreChange:
    _check(cell, given)
    before = None if waits_for_person(cell) else cell.score
    cell.manual_score = _manual_score(cell, given)
    cell.needs_manual_grade = cell.manual_score is None and cell.auto_score is None
    cell.extra_credit, cell.comment = given.extra_credit, given.comment
    cell.save(update_fields=["manual_score", "needs_manual_grade", "extra_credit", "comment"])
    return ScoreChange.objects.create(
        cell=cell, before=before, after=cell.score, comment=cell.comment, reason=reason, actor=actor
    )


def _check(cell: CellGrade, given: ManualScore) -> None:
    for points, most in ((given.points or 0.0, cell.max_score), (given.extra_credit, MAX_EXTRA_CREDIT)):
        if not (math.isfinite(points) and 0 <= points <= most):
            raise ValueError(f"{points} points for {cell}")


def _sum_up(run: GradingRun, cells: list[CellGrade]) -> None:
    run.score = max(0.0, sum(cell.score or 0.0 for cell in cells) - run.late_penalty)
    run.needs_manual_grade = any(waits_for_person(cell) for cell in cells)
    run.save(update_fields=["score", "needs_manual_grade"])
    record_best_score(run.submission)
