"""One box as a tree of processes: its names of files, its user, and its end, whatever happens to the worker."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from labs.box import BoxEnvironment, BoxLimits, execute_notebook
from labs.box.file_names import check_file_names
from labs.box.identity import find_identity
from labs.states import GradingOutcome
from tests.labs.box.attacks import ROOT, find_sleepers
from tests.servers import wait_for

LIMITS = BoxLimits(cell_seconds=60, total_seconds=120)
PICTURE = "from matplotlib import pyplot\npyplot.plot([1])\npyplot.show()"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/", "a\0b", "\ud800", "x" * 300],
)
def test_a_name_that_is_not_below_a_folder_is_refused(name: str) -> None:
    assert check_file_names({name: b"", "data/fine.csv": b""}) == [name]


def test_root_becomes_somebody_else_for_every_box() -> None:
    identities = {find_identity().unix_uid for _ in range(5)}
    assert (None in identities) is (os.geteuid() != 0)
    assert 0 not in identities


@pytest.mark.live
def test_a_box_sees_its_files_and_the_same_surroundings_every_time(lab_python: Path) -> None:
    source = """
import os, random, sys, numpy, time
print(open("data/table.csv").read(), os.listdir("."), os.getcwd())
print(random.random(), numpy.random.rand(), hash("x"), time.tzname, os.environ["LANG"])
print(os.environ["COLOUR"], sys.prefix)
"""
    notebook = new_notebook(cells=[new_code_cell(source), new_code_cell(PICTURE)])
    runs = [
        execute_notebook(
            notebook,
            files={"data/table.csv": b"1,2"},
            limits=LIMITS,
            environment=BoxEnvironment(lab_python),
            variables={"COLOUR": "blue"},
        )
        for _ in range(2)
    ]
    first, second = (run.notebook.cells[0].outputs[0].text for run in runs)
    assert first == second
    assert first.startswith("1,2 ['data'] /home/learner/work")
    assert first.endswith(f"blue {lab_python.parent.parent}\n")
    for run in runs:  # a word on standard error would cost the points of a test
        assert [output.output_type for output in run.notebook.cells[1].outputs] == ["display_data"]


@pytest.mark.live
def test_files_of_a_learner_that_keep_the_kernel_from_starting_are_the_learners_fault(
    lab_python: Path,
) -> None:
    notebook = new_notebook(cells=[new_code_cell("1 + 1")])
    run = execute_notebook(
        notebook,
        files={"file": b"", "file/inside": b""},
        limits=LIMITS,
        environment=BoxEnvironment(lab_python),
    )
    assert (run.outcome, run.reason) == (GradingOutcome.KERNEL_DIED, "kernel_not_started")
    assert run.not_run == (notebook.cells[0].id,)


@pytest.mark.live
def test_a_learners_module_does_not_take_the_kernels_place(lab_python: Path) -> None:
    notebook = new_notebook(cells=[new_code_cell("print('ran')")])
    shadows = {
        f"{name}.py": b"raise SystemExit" for name in ("ipykernel_launcher", "ipykernel", "sitecustomize")
    }
    run = execute_notebook(notebook, files=shadows, limits=LIMITS, environment=BoxEnvironment(lab_python))
    assert run.outcome is GradingOutcome.SCORED
    assert run.notebook.cells[0].outputs[0].text == "ran\n"


@pytest.mark.live
def test_a_box_dies_with_a_worker_that_is_killed(lab_python: Path) -> None:
    seconds = f"8638{secrets.randbelow(10**9):09}"
    cell = f"import subprocess\\nsubprocess.run(['setsid', 'sleep', '{seconds}'])"
    program = f"""
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from labs.box import BoxEnvironment, BoxLimits, execute_notebook
execute_notebook(
    new_notebook(cells=[new_code_cell("{cell}")]),
    files={{}}, limits=BoxLimits(), environment=BoxEnvironment(Path("{lab_python}")),
)
"""
    worker = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    try:
        wait_for(lambda: find_sleepers(seconds), seconds=90, what="the learner's process")
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
        wait_for(lambda: not find_sleepers(seconds), seconds=30, what="the end of the learner's process")
    finally:
        worker.kill()
        worker.wait(30)
