"""Points in words."""

import pytest
from django.utils import translation

from labs.models import CellGrade
from labs.services.marks import CellState, Mark, count_points, format_points, mark_cell


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
    ],
)
def test_a_cell_says_what_became_of_it(fields: dict[str, float], state: CellState, words: str) -> None:
    mark = mark_cell(CellGrade(max_score=3, **fields))

    assert (mark.state, mark.words) == (state, words)
