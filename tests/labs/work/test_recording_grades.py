"""What a run writes down when its attempt was graded before: what people decided stays, and the new mark counts."""

from typing import Any

import pytest

from courses.models import Enrolment, UnitProgress, User
from labs.models import CellGrade, GradingRun, ScoreChange, Submission
from labs.nbgrader import CellKind, CellResult
from labs.services.hand_grading import ManualScore, grade_by_hand, newest_change
from labs.states import GradingStatus
from labs.work.grading_queue import queue_run
from labs.work.recording_grades import find_standing_run, record_result
from tests.factories import labs as make
from tests.labs.work.results import cell, result

MEAN, EXPLAIN = ("lab", "mean"), ("lab", "explain")


@pytest.fixture
def submission(enrolment: Enrolment) -> Submission:
    submission: Submission = make.SubmissionFactory.create(enrolment=enrolment)
    return submission


def grade(submission: Submission, *cells: CellResult) -> GradingRun:
    """A run of a submission that comes to its end."""
    run = queue_run(submission, lane=GradingRun.Lane.REGRADES)
    GradingRun.objects.filter(pk=run.pk).update(status=GradingStatus.RUNNING)
    run.refresh_from_db()
    record_result(run, result(*cells))
    return run


def explain(**fields: Any) -> CellResult:
    """A cell that a person grades."""
    fields = {"max_score": 2.0, "kind": CellKind.MANUAL, "needs_manual_grade": True, **fields}
    return cell("explain", None, **fields)


def decide(run: GradingRun, ben: User, **scores: ManualScore) -> None:
    given = {("lab", grade_id): score for grade_id, score in scores.items()}
    grade_by_hand(run, given, actor=ben, seen=newest_change(run))


def cell_of(run: GradingRun, grade_id: str) -> CellGrade:
    return run.cells.get(grade_id=grade_id)


@pytest.fixture
def graded(submission: Submission, ben: User, transactional_db: None) -> GradingRun:
    """Ben gave 1.5 points for the explanation, and half a point more for what the tests found wrong."""
    first = grade(submission, cell("mean", 0.0, 3.0), explain())
    decide(
        first,
        ben,
        explain=ManualScore(1.5, comment="Nearly"),
        mean=ManualScore(0.5, extra_credit=0.25),
    )
    first.refresh_from_db()
    return first


def test_what_a_person_gave_is_carried_over(graded: GradingRun, ben: User) -> None:
    again = grade(graded.submission, cell("mean", 3.0, 3.0), explain())
    kept = cell_of(again, "explain")
    assert (kept.manual_score, kept.comment, kept.needs_manual_grade) == (1.5, "Nearly", False)
    corrected = cell_of(again, "mean")
    assert (corrected.auto_score, corrected.manual_score, corrected.extra_credit) == (3.0, 0.5, 0.25)
    again.refresh_from_db()
    assert (again.score, again.needs_manual_grade) == (2.25, False)
    changes = ScoreChange.objects.filter(cell__run=again).order_by("cell__grade_id")
    assert [(each.before, each.after, each.reason, each.actor) for each in changes] == [
        (None, 1.5, "carried_over", ben),
        (3.0, 0.75, "carried_over", ben),
    ]


@pytest.mark.parametrize("change", [{"max_score": 4.0}, {"kind": CellKind.TASK}])
def test_a_cell_that_is_another_one_now_waits_for_a_person_again(
    graded: GradingRun, change: dict[str, Any]
) -> None:
    again = grade(graded.submission, cell("mean", 3.0, 3.0), explain(**change))
    assert cell_of(again, "explain").manual_score is None
    assert cell_of(again, "explain").needs_manual_grade
    again.refresh_from_db()
    assert again.needs_manual_grade


def test_automatic_points_do_not_take_the_place_of_a_persons(graded: GradingRun) -> None:
    """The cell is graded by tests now; the points that a person gave do not fit any more."""
    again = grade(graded.submission, cell("mean", 3.0, 3.0), cell("explain", 1.0, 2.0))
    assert cell_of(again, "explain").needs_manual_grade


def test_it_waits_for_a_person_until_one_has_decided(graded: GradingRun, ben: User) -> None:
    """Also where the work is graded once more meanwhile: the tests' points must not count in silence."""
    harder = cell("mean", 4.0, 4.0)
    for _ in range(2):
        again = grade(graded.submission, harder, explain())
        assert cell_of(again, "mean").needs_manual_grade
    decide(again, ben, mean=ManualScore(1.0))
    third = grade(graded.submission, harder, explain())
    assert (cell_of(third, "mean").manual_score, cell_of(third, "mean").needs_manual_grade) == (1.0, False)


def test_a_cell_that_nobody_decided_about_has_its_new_points(submission: Submission) -> None:
    grade(submission, cell("mean", 1.0, 3.0))
    again = grade(submission, cell("mean", 2.0, 3.0), cell("median", 1.0, 1.0))
    assert list(again.cells.values_list("auto_score", "manual_score")) == [(2.0, None), (1.0, None)]
    assert not ScoreChange.objects.exists()


def test_what_was_carried_over_is_carried_on(graded: GradingRun, ben: User) -> None:
    grade(graded.submission, cell("mean", 3.0, 3.0), explain())
    third = grade(graded.submission, cell("mean", 3.0, 3.0), explain())
    assert cell_of(third, "explain").manual_score == 1.5
    assert {change.actor for change in ScoreChange.objects.filter(cell__run=third)} == {ben}


def test_the_newest_run_of_an_attempt_is_its_mark_up_and_down(submission: Submission) -> None:
    for points in (1.0, 3.0, 2.0):
        run = grade(submission, cell("mean", points, 3.0))
        assert find_standing_run(submission) == run
        assert UnitProgress.objects.get(enrolment=submission.enrolment).score == points


def test_the_best_attempt_counts_by_the_newest_run_of_each(submission: Submission) -> None:
    other = make.SubmissionFactory.create(enrolment=submission.enrolment, release=submission.release)
    grade(submission, cell("mean", 3.0, 3.0))
    grade(other, cell("mean", 2.0, 3.0))
    grade(submission, cell("mean", 1.0, 3.0))
    assert UnitProgress.objects.get(enrolment=submission.enrolment).score == 2.0
