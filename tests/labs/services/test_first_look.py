"""What to read first of a marked submission."""

from typing import Any

import pytest

from labs.models import GradingRun
from labs.services.feedback import GradedPlace, find_feedback
from labs.services.first_look import WORST_AT_ONCE, FirstLook, count_untested, find_first_look
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


def make_run(*cells: dict[str, Any], **fields: Any) -> GradingRun:
    run: GradingRun = make.GradingRunFactory.create(**fields)
    for position, cell in enumerate(cells):
        make.CellGradeFactory.create(run=run, position=position, **cell)
    return run


def look_at(run: GradingRun) -> FirstLook:
    return find_first_look(find_feedback(run))


def names(places: tuple[GradedPlace, ...]) -> list[str]:
    return [place.mark.grade.grade_id for place in places]


def test_where_most_points_were_lost_comes_first() -> None:
    run = make_run(
        {"grade_id": "some", "auto_score": 2},
        {"grade_id": "full", "auto_score": 3},
        {"grade_id": "none", "auto_score": 0},
    )

    assert names(look_at(run).worst) == ["none", "some"]


def test_a_long_list_is_cut_and_says_how_many_follow() -> None:
    found = look_at(make_run(*({"auto_score": 0} for _ in range(WORST_AT_ONCE + 2))))

    assert (len(found.worst), found.further_count) == (WORST_AT_ONCE, 2)


def test_what_waits_has_lost_nothing_yet() -> None:
    run = make_run(
        {"grade_id": "manual", "auto_score": None, "needs_manual_grade": True, "max_score": 2},
        {"grade_id": "tampered", "auto_score": None, "needs_manual_grade": True, "is_tampered": True},
        {"grade_id": "decided", "auto_score": None, "manual_score": 3},
    )

    found = look_at(run)

    assert names(found.waiting) == ["manual", "tampered"]
    assert found.waiting_points == "5 points"
    assert found.worst == ()


def test_cells_that_were_not_run_stand_apart_with_the_reason() -> None:
    notebooks = [{"name": "lab", "outcome": "timeout", "reason": "", "faulty_cell": None}]
    run = make_run({"grade_id": "late", "auto_score": 0, "was_run": False}, notebooks=notebooks)

    found = look_at(run)

    assert found.worst == ()
    assert [names(each.places) for each in found.not_run] == [["late"]]
    assert "longer than it may" in found.not_run[0].sentence


def test_autograded_cells_without_a_row_in_a_check_are_tested_at_submission_only() -> None:
    run = make_run({"grade_id": "seen"})
    run.submission.release.grade_cells = [
        {"notebook": "lab", "grade_id": "seen", "kind": "autograded"},
        {"notebook": "lab", "grade_id": "hidden", "kind": "autograded"},
        {"notebook": "more", "grade_id": "seen", "kind": "autograded"},
        {"notebook": "lab", "grade_id": "explain", "kind": "manual"},
    ]

    assert count_untested(run, run.submission.release) == 2
