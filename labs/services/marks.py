"""Points in words: of a grading run and of one grade cell."""

from dataclasses import dataclass
from typing import Literal

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labs.models import CellGrade, GradingRun

CellState = Literal["full", "part", "none", "waiting", "not-run"]


@dataclass(frozen=True)
class Mark:
    """The points of a run; `waiting_points` are those that a person still has to give."""

    score: float
    max_score: float
    waiting_points: float = 0

    @property
    def is_final(self) -> bool:
        return not self.waiting_points

    @property
    def is_full(self) -> bool:
        return self.score >= self.max_score

    @property
    def points(self) -> str:
        """Such as "7 of 10 points"."""
        return points_of(self.score, self.max_score)

    @property
    def waiting_words(self) -> str:
        """Such as "2 points wait for a person"; empty where none do."""
        if self.is_final:
            return ""
        words = ngettext(
            "%(points)s point waits for a person",
            "%(points)s points wait for a person",
            _plural(self.waiting_points),
        )
        return words % {"points": format_points(self.waiting_points)}

    @property
    def words(self) -> str:
        """Such as "7 of 10 points so far; 2 points wait for a person"."""
        if self.is_final:
            return self.points
        return _("%(points)s so far; %(waiting)s") % {"points": self.points, "waiting": self.waiting_words}


@dataclass(frozen=True)
class CellMark:
    """What became of one grade cell, for its heading."""

    grade: CellGrade
    state: CellState
    words: str


def find_mark(run: GradingRun, waiting_points: float) -> Mark | None:
    """The mark of a run, or None where it has none (yet)."""
    if run.score is None or run.max_score is None:
        return None
    return Mark(run.score, run.max_score, waiting_points)


def mark_cell(grade: CellGrade) -> CellMark:
    score = grade.score
    if score is None or (grade.needs_manual_grade and grade.manual_score is None):
        if grade.needs_manual_grade:
            words = ngettext(
                "A person gives up to %(max)s point",
                "A person gives up to %(max)s points",
                _plural(grade.max_score),
            )
            return CellMark(grade, "waiting", words % {"max": format_points(grade.max_score)})
        return CellMark(grade, "not-run", _("Not graded"))
    state: CellState = "part"
    if score >= grade.max_score:
        state = "full"
    elif not score:
        state = "none" if grade.was_run else "not-run"
    return CellMark(grade, state, points_of(score, grade.max_score))


def points_of(score: float, max_score: float) -> str:
    words = ngettext("%(score)s of %(max)s point", "%(score)s of %(max)s points", _plural(max_score))
    return words % {"score": format_points(score), "max": format_points(max_score)}


def count_points(points: float) -> str:
    """Such as "12 points"."""
    words = ngettext("%(points)s point", "%(points)s points", _plural(points))
    return words % {"points": format_points(points)}


def format_points(points: float) -> str:
    """At most two decimals and none that say nothing, in the reader's way of writing numbers."""
    return str(number_format(f"{round(points, 2):.2f}".rstrip("0").rstrip(".")))


def _plural(points: float) -> int:
    """Which plural form goes with a number: half a point is said like several."""
    return int(points) if points == int(points) else 2
