"""A person's points for cells: what they change, what they leave, and who changed what."""

from typing import Any

import pytest

from courses.models import Enrolment, UnitProgress, User
from labs.exceptions import RefusedError
from labs.models import CellGrade, GradingRun, LabUnit, ScoreChange
from labs.services.hand_grading import (
    Evidence,
    ManualScore,
    find_evidence,
    given_score,
    grade_by_hand,
    key_of,
    newest_change,
)
from labs.states import GradingStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(enrolment: Enrolment) -> GradingRun:
    """3 points by a test, and an answer of 2 points that waits."""
    lab_unit = LabUnit.objects.get(unit__release=enrolment.cohort.release)
    run: GradingRun = make.GradingRunFactory.create(
        submission__enrolment=enrolment, submission__release=lab_unit.release, needs_manual_grade=True
    )
    make.CellGradeFactory.create(run=run, grade_id="mean", position=0)
    make.CellGradeFactory.create(
        run=run,
        grade_id="explain",
        kind="manual",
        position=1,
        max_score=2,
        auto_score=None,
        needs_manual_grade=True,
    )
    return run


def give(
    run: GradingRun, ben: User, grade_id: str, seen: int | None = None, **score: Any
) -> list[ScoreChange]:
    seen = newest_change(run) if seen is None else seen
    return grade_by_hand(
        run, {("lab", grade_id): ManualScore(**{"points": None, **score})}, actor=ben, seen=seen
    )


def cell(run: GradingRun, grade_id: str) -> CellGrade:
    return run.cells.get(grade_id=grade_id)


def test_points_for_a_waiting_cell_count_for_run_and_unit(run: GradingRun, ben: User) -> None:
    give(run, ben, "explain", points=1.5, comment="Nearly")

    run.refresh_from_db()
    assert (run.score, run.needs_manual_grade) == (4.5, False)
    assert (cell(run, "explain").manual_score, cell(run, "explain").comment) == (1.5, "Nearly")
    progress = UnitProgress.objects.get(enrolment=run.submission.enrolment, unit_slug="practise")
    assert (progress.score, progress.max_score) == (4.5, 5)


def test_every_change_says_who_and_from_what_to_what(run: GradingRun, ben: User) -> None:
    give(run, ben, "explain", points=1)
    give(run, ben, "explain", points=2, comment="Right after all")

    changes = ScoreChange.objects.filter(cell__run=run).values_list("before", "after", "comment", "actor")
    assert list(changes) == [(None, 1, "", ben.pk), (1, 2, "Right after all", ben.pk)]


def test_an_automatic_score_stays_beside_the_persons(run: GradingRun, ben: User) -> None:
    give(run, ben, "mean", points=1)

    assert (cell(run, "mean").auto_score, cell(run, "mean").manual_score, cell(run, "mean").score) == (
        3,
        1,
        1,
    )


def test_a_comment_alone_is_nobodys_score(run: GradingRun, ben: User) -> None:
    give(run, ben, "mean", points=3, comment="Well done")

    assert (cell(run, "mean").manual_score, cell(run, "mean").comment) == (None, "Well done")


@pytest.mark.parametrize(("grade_id", "score"), [("mean", {"points": 3}), ("mean", {}), ("explain", {})])
def test_what_is_the_same_is_no_change(
    run: GradingRun, ben: User, grade_id: str, score: dict[str, Any]
) -> None:
    assert give(run, ben, grade_id, **score) == []
    assert not ScoreChange.objects.exists()


def test_points_that_are_taken_back_leave_the_cell_waiting(run: GradingRun, ben: User) -> None:
    give(run, ben, "explain", points=2)
    give(run, ben, "explain", points=None)

    run.refresh_from_db()
    assert cell(run, "explain").needs_manual_grade
    assert (run.score, run.needs_manual_grade) == (3, True)


def test_points_that_are_taken_back_give_the_automatic_ones_again(run: GradingRun, ben: User) -> None:
    give(run, ben, "mean", points=1)
    give(run, ben, "mean", points=None)

    assert (cell(run, "mean").score, cell(run, "mean").needs_manual_grade) == (3, False)


def test_extra_credit_goes_beyond_the_maximum_in_the_lab_and_not_in_the_unit(
    run: GradingRun, ben: User
) -> None:
    give(run, ben, "explain", points=2, extra_credit=4)

    run.refresh_from_db()
    assert run.score == 9
    assert UnitProgress.objects.get(enrolment=run.submission.enrolment, unit_slug="practise").score == 5


def test_what_being_late_costs_is_still_taken_off(run: GradingRun, ben: User) -> None:
    run.late_penalty = 3
    run.save()

    give(run, ben, "explain", points=2)

    run.refresh_from_db()
    assert run.score == 2


@pytest.mark.parametrize(
    "score",
    [
        {"points": 2.5},
        {"points": -1},
        {"points": float("nan")},
        {"extra_credit": -1},
        {"extra_credit": float("inf")},
    ],
)
def test_points_that_the_cell_does_not_have_are_refused(
    run: GradingRun, ben: User, score: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="points for"):
        give(run, ben, "explain", **score)
    assert not ScoreChange.objects.exists()


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(run: GradingRun, ben: User) -> None:
    seen = newest_change(run)
    give(run, ben, "explain", points=2)

    with pytest.raises(RefusedError) as refusal:
        give(run, ben, "explain", seen=seen, points=0)

    assert refusal.value.reason == "scores_changed"
    assert cell(run, "explain").score == 2


def test_two_people_can_grade_different_cells_at_once(run: GradingRun, ben: User) -> None:
    seen = newest_change(run)
    give(run, ben, "explain", points=2)

    assert give(run, ben, "mean", seen=seen, points=0)


def test_a_run_that_does_not_stand_any_more_is_left_alone(run: GradingRun, ben: User) -> None:
    make.GradingRunFactory.create(submission=run.submission)

    with pytest.raises(RefusedError):
        give(run, ben, "explain", points=2)


def test_cells_can_be_graded_while_the_attempt_waits_to_be_graded_again(run: GradingRun, ben: User) -> None:
    make.GradingRunFactory.create(submission=run.submission, status=GradingStatus.QUEUED)
    assert give(run, ben, "explain", points=2)


def test_a_third_of_a_point_is_given_in_hundredths() -> None:
    grade = make.CellGradeFactory.build(run=None, auto_score=1 / 3)

    assert given_score(grade).points == 0.33


def test_evidence_is_found_by_cell(run: GradingRun) -> None:
    row = {"notebook": "lab", "grade_id": "mean", "expected": "== 3", "altered": "== 4"}
    run.evidence = [row, {**row, "altered": "== 5"}]

    assert find_evidence(run) == {
        key_of(cell(run, "mean")): (Evidence("== 3", "== 4"), Evidence("== 3", "== 5"))
    }
