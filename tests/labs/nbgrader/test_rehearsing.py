"""An author's notebooks, each with a fault of its own, rehearsed twice in one go in a real box."""

from pathlib import Path

import pytest

from labs.box import BoxEnvironment, BoxLimits
from labs.exceptions import BoxUnavailableError
from labs.nbgrader import ReleasedLab, SourceProblem, make_release, rehearse
from tests.labs.nbgrader.writing import Cell, answer, code, graded, markdown, solution, task, write

live = pytest.mark.live
STEPS = ["grading the solution", "grading the solution once more", "grading an empty answer"]


def doubling(body: str = "return 2 * x") -> Cell:
    return solution("double", f"def double(x):\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION")


SOURCE = {
    "easy.ipynb": write(
        doubling(),
        graded("defines", "def test():\n    assert double(1) == 2", 3),
        graded("passes", "double"),
        graded("free", "pass", points=0),
    ),
    "sound.ipynb": write(
        markdown("# Double it"),
        code("rows = open('rows.csv').read()"),
        doubling(),
        graded("test", "assert double(2) == 4\n### BEGIN HIDDEN TESTS\nassert double(3) == 6\n### END HIDDEN TESTS"),
        graded("part", "double(1) / 2"),
        answer("why", "Because."),
        task("plan", "Plan."),
    ),
    "unstable.ipynb": write(
        doubling(),
        graded("by-chance", "import os\nassert double(1) == 2\nint.from_bytes(os.urandom(6), 'big') / 2**48", 1),
        solution("also", "try:\n    pass\nfinally:\n    raise ValueError(os.urandom(8).hex())"),
    ),
    "wrong.ipynb": write(
        doubling("return 3 * x"),
        graded("asserts", "assert double(1) == 2, 'twice one is two'"),
        graded("part", "double(1) / 6", 1),
        graded("warns", "import sys\nassert double(0) == 0\nprint('old', file=sys.stderr)"),
        graded("waits", "double(0)\nwhile True: pass"),
    ),
    "rows.csv": b"1\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def environment(lab_python: Path) -> BoxEnvironment:
    return BoxEnvironment(lab_python)


@pytest.fixture(scope="module")
def release(environment: BoxEnvironment) -> ReleasedLab:
    return make_release(SOURCE, name="lab", environment=environment)


@pytest.fixture(scope="module")
def found(release: ReleasedLab, environment: BoxEnvironment) -> list[SourceProblem]:
    said: list[str] = []
    limits = BoxLimits(cell_seconds=3, total_seconds=60)
    problems = rehearse(release, limits=limits, environment=environment, is_twice=True, say=said.append)
    assert said == STEPS
    return problems


def name(problem: SourceProblem) -> str:
    """The grade id on the line that the problem names, or near below it."""
    lines = SOURCE[problem.notebook].decode().splitlines()
    assert problem.line is not None
    named = next(line for line in lines[problem.line - 1 :] if "grade_id" in line)
    return named.split('"')[3]


def select(found: list[SourceProblem], notebook: str) -> list[tuple[str, str]]:
    return [(name(each), each.code) for each in found if each.notebook == notebook and each.cell is not None]


@live
def test_a_solution_with_all_points_beside_a_blank_with_none_is_sound(found: list[SourceProblem]) -> None:
    assert select(found, "sound.ipynb") == []


@live
def test_cells_that_give_an_empty_answer_points_are_named(found: list[SourceProblem]) -> None:
    assert select(found, "easy.ipynb") == [("defines", "blank_gets_points"), ("passes", "blank_gets_points")]
    messages = [problem.message for problem in found if problem.notebook == "easy.ipynb"]
    assert messages[0] == "This graded cell gives 3 of its 3 points to an empty answer."


@live
def test_cells_in_which_the_solution_loses_points_are_named_with_the_reason(
    found: list[SourceProblem],
) -> None:
    failing = [(each, "cell_fails") for each in ("asserts", "part", "warns")]
    assert select(found, "wrong.ipynb") == [*failing, ("waits", "does_not_run")]
    messages = [problem.message for problem in found if problem.notebook == "wrong.ipynb"]
    reasons = [
        "AssertionError: twice one is two",
        "0.5 of its 1 points",
        "standard error, and then nbgrader gives no points: old",
        "does not run to its end: Out of time at the cell waits",
    ]
    assert len(messages) == len(reasons)
    for message, reason in zip(messages, reasons, strict=True):
        assert reason in message


@live
def test_what_comes_out_differently_the_second_time_is_named(found: list[SourceProblem]) -> None:
    unstable = [each for each in select(found, "unstable.ipynb") if each[1] == "unstable"]
    assert unstable == [("by-chance", "unstable"), ("also", "unstable")]
    (message,) = (
        each.message for each in found if each.code == "unstable" and "Graded twice" in each.message
    )
    assert "The clock cannot be" in message


@live
def test_what_only_a_person_grades_is_not_run(environment: BoxEnvironment) -> None:
    nowhere = BoxEnvironment(Path("/nowhere/python"))
    for cells in ([answer("why", "Because.")], [code("1 / 0")]):
        released = make_release({"lab.ipynb": write(*cells)}, name="lab", environment=environment)
        assert rehearse(released, limits=BoxLimits(), environment=nowhere) == []


@live
def test_without_an_environment_it_is_no_fault_of_the_author(release: ReleasedLab) -> None:
    nowhere = BoxEnvironment(Path("/nowhere/python"))
    with pytest.raises(BoxUnavailableError):
        rehearse(release, limits=BoxLimits(), environment=nowhere)
