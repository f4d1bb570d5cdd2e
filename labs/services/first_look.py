"""What to read first of a marked submission: where points were lost, what was not run, what waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from labs.models import GradingRun, LabRelease
from labs.nbgrader import CellKind
from labs.services.feedback import FeedbackNotebook, GradedPlace
from labs.services.marks import count_points

WORST_AT_ONCE: Final = 5


@dataclass(frozen=True)
class NotRun:
    """Grade cells of a notebook that could not be run; `sentence` says what became of the notebook."""

    sentence: str
    places: tuple[GradedPlace, ...]


@dataclass(frozen=True)
class FirstLook:
    """`worst`: the cells that lost most points; `further_count` others lost points too."""

    worst: tuple[GradedPlace, ...]
    further_count: int
    not_run: tuple[NotRun, ...]
    waiting: tuple[GradedPlace, ...]

    @property
    def waiting_points(self) -> str:
        """Such as "5 points"."""
        return count_points(sum(place.mark.grade.max_score for place in self.waiting))


def find_first_look(notebooks: Sequence[FeedbackNotebook]) -> FirstLook:
    places = [place for notebook in notebooks for place in notebook.graded]
    behind = [place for place in places if place.mark.lost_points and place.mark.grade.was_run]
    behind.sort(key=lambda place: -place.mark.lost_points)
    stopped = [
        NotRun(notebook.sentence, tuple(place for place in notebook.graded if _was_not_run(place)))
        for notebook in notebooks
    ]
    return FirstLook(
        worst=tuple(behind[:WORST_AT_ONCE]),
        further_count=len(behind[WORST_AT_ONCE:]),
        not_run=tuple(each for each in stopped if each.places),
        waiting=tuple(place for place in places if place.mark.is_waiting),
    )


def count_untested(run: GradingRun, release: LabRelease) -> int:
    """How many autograded cells a check could not try, since all their tests are hidden."""
    tried = set(run.cells.values_list("notebook", "grade_id"))
    return sum(
        cell["kind"] == CellKind.AUTOGRADED and (cell["notebook"], cell["grade_id"]) not in tried
        for cell in release.grade_cells
    )


def _was_not_run(place: GradedPlace) -> bool:
    return not place.mark.grade.was_run and not place.mark.is_waiting
