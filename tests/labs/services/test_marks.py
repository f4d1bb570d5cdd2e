"""Points in words."""

import pytest
from django.utils import translation

from labs.models import CellGrade
from labs.services.marks import CellState, Mark, check_cell, count_points, format_points, mark_cell


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        (Mark(7, 10), "7 of 10 points"),
        (Mark(1, 1), "1 of 1 point"),
        (Mark(0.5, 2), "0.5 of 2 points"),
        (Mark(7, 10, waiting_points=2), "7 of 10 points so far; 2 points wait for a person"),
        (Mark(7, 10, waiting_points=1), "7 of 10 points so far; 1 point waits for a person"),
    ],
)
def test_a_mark_in_words(mark: Mark, words: str) -> None:
    assert mark.words == words


@pytest.mark.parametrize(
    ("points", "words"), [(10.0, "10"), (100, "100"), (1 / 3, "0.33"), (2.50, "2.5"), (0, "0"), (0.004, "0")]
)
def test_points_have_no_decimals_that_say_nothing(points: float, words: str) -> None:
    assert format_points(points) == words


def test_points_are_written_as_the_reader_writes_numbers() -> None:
    with translation.override("fi"):
        assert format_points(2.5) == "2,5"


def test_one_point_is_not_points() -> None:
    assert [count_points(1), count_points(12.0)] == ["1 point", "12 points"]


@pytest.mark.parametrize(
    ("fields", "state", "words"),
    [
        ({"auto_score": 3}, "full", "3 of 3 points"),
        ({"auto_score": 1.5}, "part", "1.5 of 3 points"),
        ({"auto_score": 0}, "none", "0 of 3 points"),
        ({"auto_score": 0, "was_run": False}, "not-run", "0 of 3 points"),
        ({"auto_score": None, "needs_manual_grade": True}, "waiting", "A person gives up to 3 points"),
        ({"auto_score": 1, "needs_manual_grade": True}, "waiting", "A person gives up to 3 points"),
        ({"auto_score": 1, "manual_score": 3}, "full", "3 of 3 points"),
        ({"auto_score": None}, "not-run", "Not graded"),
        ({"auto_score": 3, "extra_credit": 1}, "full", "4 of 3 points"),
        ({"auto_score": 0, "max_score": 0}, "plain", "Gives no points"),
        ({"auto_score": None, "needs_manual_grade": True, "max_score": 0}, "plain", "Gives no points"),
    ],
)
def test_a_cell_says_what_became_of_it(fields: dict[str, float], state: CellState, words: str) -> None:
    mark = mark_cell(CellGrade(**{"max_score": 3, **fields}))

    assert (mark.state, mark.words) == (state, words)


@pytest.mark.parametrize(
    ("fields", "is_passed", "state", "words"),
    [
        ({"auto_score": 3}, True, "full", "Passes"),
        ({"auto_score": 0}, False, "none", "Does not pass"),
        ({"auto_score": 1}, False, "part", "Passes in part"),
        ({"auto_score": 0, "was_run": False}, False, "not-run", "Not run"),
        ({"auto_score": None}, False, "none", "Does not pass"),
    ],
)
def test_a_cell_of_a_check_passes_or_not_and_has_no_points(
    fields: dict[str, float], is_passed: bool, state: CellState, words: str
) -> None:
    mark = check_cell(CellGrade(max_score=3, **fields), is_passed=is_passed)

    assert (mark.state, mark.words) == (state, words)


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"auto_score": 1}, 2),
        ({"auto_score": 3, "extra_credit": 1}, 0),
        ({"auto_score": None, "needs_manual_grade": True}, 0),
        ({"auto_score": None}, 3),
    ],
)
def test_points_are_lost_once_nobody_gives_them_any_more(fields: dict[str, float], lost: float) -> None:
    assert mark_cell(CellGrade(max_score=3, **fields)).lost_points == lost


def test_the_authors_message_says_more_than_that_nothing_was_answered() -> None:
    marks = [
        mark_cell(CellGrade(max_score=3, auto_score=0, **fields))
        for fields in ({"message": "Too few rows."}, {"is_unanswered": True}, {})
    ]

    assert [mark.remark for mark in marks] == ["Too few rows.", "This cell was left as it was.", ""]


@pytest.mark.parametrize(
    ("penalty", "words"),
    [
        (0, ""),
        (1, "Handed in late: 1 point was taken off."),
        (2.5, "Handed in late: 2.5 points were taken off."),
    ],
)
def test_what_being_late_cost_is_said(penalty: float, words: str) -> None:
    assert Mark(4, 10, late_penalty=penalty).late_words == words
