"""Points in words: of a grading run and of one grade cell."""

from dataclasses import dataclass
from typing import Literal

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labs.models import CellGrade, GradingRun

CellState = Literal["full", "part", "none", "waiting", "not-run", "plain"]


@dataclass(frozen=True)
class Mark:
    """The points of a run; `waiting_points` are those that a person still has to give, `late_penalty` those taken."""

    score: float
    max_score: float
    waiting_points: float = 0
    late_penalty: float = 0

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
    def late_words(self) -> str:
        """What handing in late has cost; empty where it has cost nothing."""
        if not self.late_penalty:
            return ""
        words = ngettext(
            "Handed in late: %(points)s point was taken off.",
            "Handed in late: %(points)s points were taken off.",
            _plural(self.late_penalty),
        )
        return words % {"points": format_points(self.late_penalty)}

    @property
    def words(self) -> str:
        """Such as "7 of 10 points so far; 2 points wait for a person"."""
        if self.is_final:
            return self.points
        return _("%(points)s so far; %(waiting)s") % {"points": self.points, "waiting": self.waiting_words}


@dataclass(frozen=True)
class CellMark:
    """What became of one grade cell, for its heading; `fails_unseen`: only tests that the learner cannot see fail."""

    grade: CellGrade
    state: CellState
    words: str
    fails_unseen: bool = False

    @property
    def is_waiting(self) -> bool:
        return self.state == "waiting"

    @property
    def lost_points(self) -> float:
        """Points that are gone; none while a person may still give them."""
        return 0 if self.is_waiting else max(0.0, self.grade.max_score - (self.grade.score or 0))

    @property
    def remark(self) -> str:
        """Why there are no more points, as far as that can be told in a sentence."""
        if self.grade.message:
            return self.grade.message
        if self.fails_unseen:
            return _("The tests that can be seen pass, and one that cannot be seen does not.")
        return _("This cell was left as it was.") if self.grade.is_unanswered else ""


def find_mark(run: GradingRun, waiting_points: float) -> Mark | None:
    """The mark of a run, or None where it has none (yet)."""
    if run.score is None or run.max_score is None:
        return None
    return Mark(run.score, run.max_score, waiting_points, run.late_penalty)


def waits_for_person(grade: CellGrade) -> bool:
    return grade.needs_manual_grade and grade.manual_score is None


def mark_cell(grade: CellGrade) -> CellMark:
    score = grade.score
    if not grade.max_score and not score:
        return CellMark(grade, "plain", _("Gives no points"))
    if score is None or waits_for_person(grade):
        if waits_for_person(grade):
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


def check_cell(grade: CellGrade, *, is_passed: bool) -> CellMark:
    """Whether the visible tests of a cell pass, without points."""
    if not grade.was_run:
        return CellMark(grade, "not-run", _("Not run"))
    if is_passed:
        return CellMark(grade, "full", _("Passes"))
    return (
        CellMark(grade, "part", _("Passes in part"))
        if grade.score
        else CellMark(grade, "none", _("Does not pass"))
    )


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
