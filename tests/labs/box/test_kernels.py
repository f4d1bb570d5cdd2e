"""Kernels in a box: another language than Python, and the seeds of Python's."""

from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from labs.box import BoxEnvironment, BoxLimits, execute_notebook
from labs.exceptions import BoxUnavailableError
from labs.states import GradingOutcome
from tests.labs.box.environments import make_shell_environment

LIMITS = BoxLimits(cell_seconds=60, total_seconds=200)
SHELL = {"kernelspec": {"name": "shell", "display_name": "Shell", "language": "bash"}}


def printed(cell: NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_a_kernel_that_the_environment_does_not_have_is_no_fault_of_the_learner(tmp_path: Path) -> None:
    with pytest.raises(BoxUnavailableError) as refusal:
        execute_notebook(
            new_notebook(metadata={"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}),
            files={},
            limits=LIMITS,
            environment=BoxEnvironment(tmp_path / "bin" / "python"),
        )
    assert refusal.value.reason == "unknown_kernel"


@pytest.mark.live
def test_a_kernel_of_another_language_runs_and_is_interrupted_by_signal(
    lab_python: Path, tmp_path: Path
) -> None:
    sources = ["pwd; echo $GREETING", "exit 3", "sleep 1000", "ls; echo after"]
    run = execute_notebook(
        new_notebook(cells=[new_code_cell(source) for source in sources], metadata=SHELL),
        files={"kernel.py": b"raise SystemExit", "ipykernel.py": b"raise SystemExit"},
        limits=BoxLimits(cell_seconds=8, total_seconds=200),
        environment=make_shell_environment(tmp_path, lab_python),
    )
    first, failed, slow, last = run.notebook.cells
    assert printed(first) == "/home/learner/work\nmoi\n"
    assert [output.ename for output in failed.outputs] == ["ShellError"]
    assert (run.outcome, run.faulty_cell) == (GradingOutcome.TIMEOUT, slow.id)
    assert run.not_run == ()
    assert printed(last) == "ipykernel.py\nkernel.py\nafter\n"


DRAWS = """
import random, subprocess, sys
import numpy
print(random.random(), random.Random().random(), hash("x"))
print(numpy.random.rand(), numpy.random.default_rng().random(), numpy.random.RandomState().rand())
random.seed()
print(random.random())
child = "import random, numpy; print(random.random(), numpy.random.default_rng().random(), hash('x'))"
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout)
"""


@pytest.mark.live
def test_generators_that_nobody_seeded_give_the_same_numbers_in_the_kernel_and_its_children(
    lab_python: Path,
) -> None:
    notebook = new_notebook(cells=[new_code_cell(DRAWS)])
    runs = [
        execute_notebook(notebook, files={}, limits=LIMITS, environment=BoxEnvironment(lab_python))
        for _ in range(2)
    ]
    first, second = (printed(run.notebook.cells[0]) for run in runs)
    assert first == second
    assert len(first.split()) == 10
