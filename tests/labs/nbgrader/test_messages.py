"""The words of a test that a learner may be shown."""

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from labs.nbgrader.gradebook import limit_score
from labs.nbgrader.messages import find_messages, parse_cell


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


@pytest.fixture
def threads_that_change_in_the_middle_of_a_tree() -> Iterator[None]:
    def give_way(_phase: str, _info: dict[str, int]) -> None:
        time.sleep(1e-6)

    thresholds = gc.get_threshold()
    gc.callbacks.append(give_way)
    gc.set_threshold(100)
    yield
    gc.callbacks.remove(give_way)
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("threads_that_change_in_the_middle_of_a_tree")
def test_cells_are_read_by_several_threads_at_once() -> None:
    source = "\n".join(f"assert f({n})[{n}] == [({n}, {{'a': [1, (2, 3)]}})]" for n in range(40))
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(parse_cell, [source] * 80))
    assert all(tree is not None for tree in read)
