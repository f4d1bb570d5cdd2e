"""A lab in another language than Python on its whole way: checked, released, graded."""

from pathlib import Path

import pytest

from labs.box import BoxLimits
from labs.nbgrader import autograde, check_source, make_release
from tests.labs.box.environments import make_shell_environment
from tests.labs.nbgrader.writing import edit, graded, solution, write

SHELL = {"kernelspec": {"name": "shell", "display_name": "Shell", "language": "bash"}}
# Each cell is a run of the shell of its own, so that answers are scripts.
LAB = write(
    solution("double", "### BEGIN SOLUTION\necho 'echo $((2 * $1))' > double\n### END SOLUTION"),
    graded(
        "test", 'test -f double\n### BEGIN HIDDEN TESTS\ntest "$(sh double 4)" = 8\n### END HIDDEN TESTS', 2
    ),
    solution("triple", "### BEGIN SOLUTION\necho 'echo $((3 * $1))' > triple\n### END SOLUTION"),
    graded("test-triple", 'test "$(sh triple 1)" = 3', 3),
    metadata=SHELL,
)


@pytest.mark.live
def test_a_lab_in_bash_is_checked_released_and_graded(lab_python: Path, tmp_path: Path) -> None:
    environment = make_shell_environment(tmp_path, lab_python)
    source = {"blank.ipynb": LAB, "half.ipynb": LAB, "right.ipynb": LAB}
    assert check_source(source, environment=environment) == []
    release = make_release(source, name="shell", environment=environment)
    given = release.learner_files["half.ipynb"]
    assert b'test \\"$(double 4)' not in given
    assert b"# YOUR CODE HERE" in given
    half = edit(given, {"double": "echo 'echo $((2 * $1))' > double", "triple": "echo 'echo 4' > triple"})
    submitted = {**release.learner_files, "half.ipynb": half, "right.ipynb": LAB}
    result = autograde(release, submitted, limits=BoxLimits(), environment=environment)
    points = {each.name: [cell.auto_score for cell in each.cells] for each in result.notebooks}
    assert points == {"blank": [0, 0], "half": [2, 0], "right": [2, 3]}
