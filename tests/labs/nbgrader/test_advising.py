"""What an author is told about a test that may stay as it is."""

import pytest

from labs.nbgrader import SourceProblem, check_source
from tests.labs.nbgrader.writing import Cell, answer, code, graded, markdown, solution, write

LAB = [
    code("import datetime as dt\nimport numpy as np\nimport os, random, secrets, time, uuid"),
    solution("f", "def f(x):\n    ### BEGIN SOLUTION\n    return time.time()\n    ### END SOLUTION"),
]


def check(*cells: Cell) -> list[SourceProblem]:
    return check_source({"lab.ipynb": write(*LAB, *cells)})


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("time.time()", "reads_clock"),
        ("dt.datetime.now()", "reads_clock"),
        ("dt.datetime.now(dt.UTC)", "reads_clock"),
        ("dt.date.today()", "reads_clock"),
        ("os.urandom(4)", "draws_from_chance"),
        ("uuid.uuid4()", "draws_from_chance"),
        ("secrets.token_hex()", "draws_from_chance"),
        ("random.SystemRandom()", "draws_from_chance"),
        ("np.random.default_rng(7)", None),
        ("np.random.default_rng()", None),  # the box gives it a seed
        ("random.Random()", None),
        ("random.random()", None),
        ("np.random.rand(3)", None),
        ("dt.datetime(2026, 1, 1)", None),
        ("uuid.uuid5(uuid.NAMESPACE_DNS, 'x')", None),
        ("clock.time()", None),
    ],
)
def test_what_comes_out_differently_without_anybodys_doing_is_a_hint(call: str, found: str | None) -> None:
    problems = check(graded("test", f"y = 2\nassert f({call}) == 2"))
    assert [(problem.code, problem.is_hint, problem.cell) for problem in problems] == (
        [(found, True, 2)] if found else []
    )
    if found:
        lines = write(*LAB, graded("test", f"y = 2\nassert f({call}) == 2")).decode().splitlines()
        assert problems[0].line is not None
        assert "assert f(" in lines[problems[0].line - 1]


def test_it_is_said_once_for_each_cell_and_named() -> None:
    (problem,) = check(graded("test", "assert f(time.time() - time.time()) == 2"))
    assert "(time.time)" in problem.message


def test_a_name_that_was_imported_in_any_cell_before_is_known() -> None:
    (problem,) = check(
        code("from time import perf_counter as p"), graded("test", "start = p()\nassert f(1) == 2")
    )
    assert (problem.code, problem.cell) == ("reads_clock", 3)


def test_only_tests_are_looked_at() -> None:
    assert check(code("time.time()"), answer("why", "x")) == []


@pytest.mark.parametrize(
    "source",
    [
        "def test():\n    assert f(1) == 2",
        "import math\n\nclass Test:\n    pass",
        "'''Only a text.'''",
        "# Only a comment.",
        "",
    ],
)
def test_a_graded_cell_that_only_defines_things_tests_nothing(source: str) -> None:
    (problem,) = check(graded("test", source))
    assert (problem.code, problem.is_hint, problem.cell) == ("tests_nothing", True, 2)


@pytest.mark.parametrize(
    "source",
    [
        "def test():\n    assert f(1) == 2\ntest()",
        "x = f(1)",
        "0.5",
        "!pytest",
        "%run tests.py",
        "%%bash\n# anything",
        "files = !ls",
    ],
)
def test_what_may_fail_tests_something(source: str) -> None:
    assert "tests_nothing" not in [problem.code for problem in check(graded("test", source))]


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("assert f(2) == 4", []),
        ("assert f(2)", ["expects_nothing"]),
        ("x = f(1)", ["expects_nothing"]),
        ("assert f(2) == f(f(1))", ["expects_nothing"]),
    ],
)
def test_a_test_in_which_cheating_is_hard_to_find_is_a_hint(source: str, codes: list[str]) -> None:
    problems = check(graded("test", source))
    assert [(problem.code, problem.is_hint) for problem in problems] == [(code, True) for code in codes]


def test_a_cell_without_points_may_only_define_things() -> None:
    assert check(graded("test", "def test():\n    pass", points=0)) == []


def test_autotests_are_written_later() -> None:
    source = {"lab.ipynb": write(*LAB, graded("test", "### AUTOTEST f(1)")), "autotests.yml": b""}
    assert check_source(source) == []


def test_a_broken_notebook_has_no_hints() -> None:
    problems = check(graded("test", "time.time()"), code("x = ("))
    assert [problem.code for problem in problems] == ["syntax_error"]


def test_a_lab_without_graded_cells_is_a_practice_lab() -> None:
    source = {"a.ipynb": write(markdown("# Look around")), "b.ipynb": write(code("1 + 1"))}
    (problem,) = check_source(source)
    assert (problem.notebook, problem.code, problem.is_hint) == ("", "no_graded_cells", True)
    assert check_source({**source, "c.ipynb": write(answer("why", "x"))}) == []
