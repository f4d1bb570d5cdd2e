"""An author's notebooks with faults of every kind, rehearsed in a real box."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from labs.box import BoxEnvironment, BoxLimits
from labs.exceptions import BoxUnavailableError
from labs.nbgrader import (
    CellKind,
    CellResult,
    Evidence,
    GradeCellSpec,
    GradingResult,
    NotebookResult,
    ReleasedLab,
    SourceProblem,
    make_release,
    rehearse,
    rehearsing,
)
from labs.states import GradingOutcome
from tests.labs.nbgrader.writing import Cell, answer, code, graded, markdown, solution, task, write

live = pytest.mark.live


def doubling(body: str) -> Cell:
    return solution("double", f"def double(x):\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION")


FAULTY = {
    "lab.ipynb": write(
        doubling("return 3 * x"),
        graded("defines", "def test():\n    assert double(1) == 2", 3),
        graded("passes", "double"),
        graded("free", "pass", points=0),
        graded("asserts", "assert double(1) == 2, 'twice one is two'"),
        graded("part", "double(1) / 6", 1),
        graded("warns", "import sys\nassert double(0) == 0\nprint('old', file=sys.stderr)"),
        graded("waits", "import time\ndouble(0)\ntime.sleep(99)"),
        answer("why", "Because."),
        task("plan", "Plan."),
    )
}
UNSTABLE = {
    "lab.ipynb": write(
        markdown("# Double it"),
        code("rows = open('rows.csv').read()"),
        doubling("return 2 * x"),
        graded("test", "assert double(2) == 4\n### BEGIN HIDDEN TESTS\nassert double(3) == 6\n### END HIDDEN TESTS"),
        graded("part", "double(1) / 2"),
        graded("by-chance", "import os\nassert double(1) == 2\nint.from_bytes(os.urandom(6), 'big') / 2**48"),
        solution("also", "raise ValueError(os.urandom(8).hex())"),
    ),
    "rows.csv": b"1\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def environment(lab_python: Path) -> BoxEnvironment:
    return BoxEnvironment(lab_python)


@pytest.fixture(scope="module")
def faulty(environment: BoxEnvironment) -> list[SourceProblem]:
    release = make_release(FAULTY, name="lab", environment=environment)
    return rehearse(release, limits=BoxLimits(cell_seconds=5), environment=environment)


def describe(problems: list[SourceProblem], source: Mapping[str, bytes]) -> list[tuple[str, str, str]]:
    """Of each the grade id of the cell on its line, its code and its message."""
    lines = source["lab.ipynb"].decode().splitlines()
    found = []
    for problem in problems:
        assert problem.line is not None
        named = next(line for line in lines[problem.line - 1 :] if "grade_id" in line)
        found.append((named.split('"')[3], problem.code, problem.message))
    return found


@live
@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("defines", "blank_gets_points", "3 of its 3 points to an empty answer"),
        ("passes", "blank_gets_points", "1 of its 1 points to an empty answer"),
        ("asserts", "cell_fails", "AssertionError: twice one is two"),
        ("part", "cell_fails", "0.5 of its 1 points"),
        ("warns", "cell_fails", "standard error, and then nbgrader gives no points: old"),
        ("waits", "does_not_run", "Out of time at the cell waits"),
    ],
)
def test_a_cell_that_gives_points_wrongly_is_named_once(
    faulty: list[SourceProblem], name: str, code: str, words: str
) -> None:
    found = describe(faulty, FAULTY)
    assert len(found) == 6
    (own,) = (each for each in found if each[0] == name)
    assert own[1] == code
    assert words in own[2]


@live
def test_what_comes_out_differently_the_second_time_is_named(environment: BoxEnvironment) -> None:
    release = make_release(UNSTABLE, name="lab", environment=environment)
    said: list[str] = []
    problems = rehearse(release, limits=BoxLimits(), environment=environment, is_twice=True, say=said.append)
    assert said == ["grading the solution", "grading the solution once more", "grading an empty answer"]
    unstable = {name: message for name, code, message in describe(problems, UNSTABLE) if code == "unstable"}
    assert list(unstable) == ["by-chance", "also"]
    assert "Graded twice" in unstable["by-chance"]
    assert "The clock cannot be" in unstable["by-chance"]
    assert "ended with “ValueError: " in unstable["also"]
    assert {name for name, _code, _message in describe(problems, UNSTABLE)} == {"by-chance", "also"}


@live
def test_what_only_a_person_grades_is_not_run(environment: BoxEnvironment) -> None:
    nowhere = BoxEnvironment(Path("/nowhere/python"))
    for cells in ([answer("why", "Because.")], [code("1 / 0")]):
        released = make_release({"lab.ipynb": write(*cells)}, name="lab", environment=environment)
        assert rehearse(released, limits=BoxLimits(), environment=nowhere) == []


@live
def test_without_an_environment_it_is_no_fault_of_the_author(environment: BoxEnvironment) -> None:
    release = make_release(FAULTY, name="lab", environment=environment)
    nowhere = BoxEnvironment(Path("/nowhere/python"))
    with pytest.raises(BoxUnavailableError):
        rehearse(release, limits=BoxLimits(), environment=nowhere)


def test_a_test_that_takes_more_than_one_answer_is_named_and_so_is_a_blank_that_is_taken_for_cheating(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the twin run finds it; nothing is run here."""

    def grade(_release: ReleasedLab, submitted: Mapping[str, bytes], **_named: object) -> GradingResult:
        cell = CellResult(
            grade_id="test",
            kind=CellKind.AUTOGRADED,
            auto_score=None,
            max_score=2,
            extra_credit=0,
            needs_manual_grade=True,
            was_run=True,
            is_tampered=True,
        )
        evidence = Evidence("test", "assert f(2) > 3", "assert f(2) > 2")
        outcome = GradingOutcome.TAMPERED
        notebook = NotebookResult("lab", outcome, "tampered", None, (cell,), (), evidence=(evidence,))
        return GradingResult(outcome, (notebook,))

    monkeypatch.setattr(rehearsing, "autograde", grade)
    source = {"lab.ipynb": write(doubling("return 2 * x"), graded("test", "assert f(2) > 3", 2))}
    spec = GradeCellSpec("lab", "test", CellKind.AUTOGRADED, 2, is_manual=False, position=0)
    release = ReleasedLab("lab", source, b"", source, (spec,))
    problems = rehearse(release, limits=BoxLimits(), environment=BoxEnvironment(Path("/nowhere/python")))
    assert [problem.code for problem in problems] == ["blank_gets_points", "takes_any_answer"]
    assert "with “assert f(2) > 2” in the place of “assert f(2) > 3”" in problems[1].message
