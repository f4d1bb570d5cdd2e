import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.jupyterhub.slurm.marks import draw_mark, join_lines, split_marked
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError

MARK = "|0123456789abcdef|"
texts = st.text(st.characters(exclude_characters=MARK), max_size=20)


def test_no_two_marks_are_alike() -> None:
    assert draw_mark() != draw_mark()


@given(st.lists(st.tuples(st.integers(0, 10**6), texts)))
def test_a_field_may_hold_anything(rows: list[tuple[int, str]]) -> None:
    said = "".join(f"{number}{MARK}{text}{MARK}\n" for number, text in rows)

    assert split_marked(said, MARK, 2) == [[str(number), text] for number, text in rows]


@given(st.lists(st.tuples(texts, st.integers(0, 10**6))))
def test_a_field_between_marks_may_hold_anything(rows: list[tuple[str, int]]) -> None:
    said = "".join(f"A{MARK}{text}{MARK}{number}\n" for text, number in rows)

    assert join_lines(said, MARK, 3) == [["A", text, str(number)] for text, number in rows]


@pytest.mark.parametrize(
    "said",
    [
        "some words of a site's own\n",
        f"1{MARK}a{MARK}\n2{MARK}b",
        f"1{MARK}a{MARK}\n2{MARK}",
        f"1{MARK}a{MARK}2{MARK}b{MARK}\n",
        f"1{MARK}a{MARK}\nslurm_load_jobs error",
    ],
)
def test_an_answer_of_another_shape_is_none(said: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        split_marked(said, MARK, 2)


@pytest.mark.parametrize(
    "said",
    [
        "some words of a site's own\n",
        f"A{MARK}a{MARK}1\nB{MARK}b",
        f"A{MARK}a{MARK}1\nB{MARK}b{MARK}",
        f"A{MARK}a{MARK}1{MARK}2\n",
        f"A{MARK}a{MARK}1",
    ],
)
def test_lines_of_another_shape_are_no_answer(said: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        join_lines(said, MARK, 3)
