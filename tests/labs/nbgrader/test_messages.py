"""The words of a test that a learner may be shown."""

import pytest

from labs.nbgrader.gradebook import limit_score
from labs.nbgrader.messages import find_messages


@pytest.mark.parametrize(
    ("source", "messages"),
    [
        ("assert x == 1, 'x has to be 1'", {"x has to be 1"}),
        ("if not x:\n    raise ValueError('no x')", {"no x"}),
        ("%matplotlib inline\n!ls\nassert x, 'after magic'", {"after magic"}),
        ("assert x == 'the answer'", set()),
        ("assert x, f'{answer} is right'", set()),
        ("assert x, ' '", set()),
        ("print('not a message')", set()),
        ("this is not Python", set()),
        ("(" * 10_000, set()),
    ],
)
def test_only_whole_texts_given_to_assert_and_raise_count(source: str, messages: set[str]) -> None:
    assert find_messages(source) == messages


@pytest.mark.parametrize(
    ("score", "limited"),
    [(0.5, 0.5), (-1, 0), (7, 2), (float("nan"), 0), (float("inf"), 0), (float("-inf"), 0)],
)
def test_points_are_finite_and_within_the_cells_points(score: float, limited: float) -> None:
    assert limit_score(score, 2) == limited
