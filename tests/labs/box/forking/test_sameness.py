"""A kernel that was forked into its box is as one that was started in it, and knows nothing of another box."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labs.box import BoxEnvironment, BoxKernel, BoxLimits, CellRun
from labs.box.forking import servers
from tests.labs.box.attacks import ROOT
from tests.labs.box.forking.telling import FACTS, tell_facts
from tests.labs.box.people import as_user

pytestmark = [pytest.mark.live, pytest.mark.timeout(300), pytest.mark.xdist_group("forking")]

LIMITS = BoxLimits(cell_seconds=60, total_seconds=120)

DRAWS = """
import random, subprocess, sys, tempfile
import numpy
print(random.random(), random.Random().random(), hash("x"), tempfile.mkstemp())
print(numpy.random.rand(), numpy.random.default_rng().random(), numpy.random.RandomState().rand())
random.seed()
print(random.random())
"""
# What is printed, shown, drawn and complained of; what is in the notebook and what is not.
CELLS = (
    "import sys; print([name for name in ('numpy', 'pandas', 'matplotlib') if name in sys.modules])",
    "import pandas as pd, random; print(random.random(), 'matplotlib' in sys.modules, 'numpy' in sys.modules)",
    DRAWS,
    "import numpy as np; np.random.default_rng().random(), pd.DataFrame({'a': [1, 2]}).sample(1)",
    "import matplotlib.pyplot as plt\nplt.plot([1, 3]); plt.title('x')",
    "fig, ax = plt.subplots(); ax.plot([3, 1]); plt.show(); print(__import__('matplotlib').get_backend())",
    "def f():\n    raise ValueError('x')\nf()",
    "def f(:",
    "import warnings; warnings.warn('careful')",
    "print(In[1], Out); _",
    "5",
    "_ + 1",
    "%history -l 3",
    "!echo hi; exit 3",
    "input()",
    "len?",
    "import multiprocessing as mp\nwith mp.get_context('fork').Pool(1) as pool: print(pool.map(abs, [-1, 2]))",
    "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int",
    "import inspect, pickle; print(pickle.loads(pickle.dumps(A(3))), A.__module__, inspect.getsource(A))",
    "import importlib.util; print([importlib.util.find_spec(name).origin for name in ('numpy', 'scipy', 'dateutil')])",
    "import asyncio\nasync def g(): return 4\nawait g()",
    "%%writefile statistics.py\nanswer = 42",
    "import statistics; print(statistics.answer)",
)


@pytest.fixture
def environment(lab_python: Path) -> BoxEnvironment:
    return BoxEnvironment(lab_python)


def run(environment: BoxEnvironment, *cells: str) -> list[CellRun]:
    files, variables = {"data.csv": b"1,2"}, {"NBGRADER_EXECUTION": "autograde"}
    with BoxKernel(environment, LIMITS, files=files, variables=variables) as kernel:
        return [kernel.run_cell(cell, seconds=60) for cell in cells]


def start_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every box gets a kernel of its own."""
    monkeypatch.setattr(servers, "find_server", lambda _: None)


@pytest.mark.parametrize("identity", ["root", "user"] if os.geteuid() == 0 else ["user"])
def test_a_forked_kernel_looks_as_one_of_its_own(lab_python: Path, identity: str) -> None:
    command = [sys.executable, "-m", "tests.labs.box.forking.telling", str(lab_python)]
    if os.geteuid() == 0 and identity == "user":
        command = as_user(command, python=lab_python)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout)
    assert (told["uid"] == 0) is (identity == "root")
    assert told["forked"]["facts"] == told["started"]["facts"]
    assert told["forked"]["facts"]["environment"]["COLOUR"] == "blue"


def test_a_forked_kernel_gives_what_one_of_its_own_gives(
    environment: BoxEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    forked = run(environment, *CELLS)
    start_each(monkeypatch)
    started = run(environment, *CELLS)
    for cell, one, other in zip(CELLS, forked, started, strict=True):
        # The place of a cell's source in messages has the process's number in it.
        assert json.dumps(one.outputs).replace("ipykernel_3", "ipykernel_2") == json.dumps(other.outputs), (
            cell
        )
        assert (one.execution_count, one.is_error) == (other.execution_count, other.is_error), cell


def test_no_box_shares_a_namespace_with_the_worker_or_with_another_box(environment: BoxEnvironment) -> None:
    with BoxKernel(
        environment, LIMITS, files={}, variables={}
    ) as kernel:  # open, or its numbers are given anew
        one = json.loads(str(kernel.run_cell(FACTS, seconds=60).outputs[0]["text"]))["namespaces"]
        other = tell_facts(environment)["namespaces"]
    own = {name: os.readlink(f"/proc/self/ns/{name}") for name in one}  # noqa: PTH115
    as_root = {"user"} if os.geteuid() == 0 else set()
    for name in {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user"} - as_root:
        assert len({one[name], other[name], own[name]}) == 3, name
    assert one["pid"] == one["pid_for_children"]


TRACES = """
import ctypes, gc, os, re
words = set()
for line in open("/proc/self/maps"):
    span, rights = line.split()[:2]
    start, end = (int(part, 16) for part in span.split("-"))
    if "r" in rights and "w" in rights and "[v" not in line:
        with open("/proc/self/mem", "rb", 0) as memory:
            memory.seek(start)
            text = memory.read(end - start) or b""
        words |= {word.decode() for word in re.findall(rb"word-of-[a-z]+-[0-9]", text)}
print(sorted(words))
"""


def test_nothing_that_one_box_was_told_is_in_the_memory_of_the_next(environment: BoxEnvironment) -> None:
    limits = BoxLimits(cell_seconds=60)
    for told in ("word-of-another-1", "word-of-another-2"):
        with BoxKernel(
            environment, limits, files={f"{told}.txt": told.encode()}, variables={"TOLD": told}
        ) as kernel:
            kernel.run_cell(f"x = {told!r}", seconds=60)
    with BoxKernel(environment, limits, files={}, variables={"TOLD": "word-of-mine-1"}) as kernel:
        ran = kernel.run_cell(TRACES, seconds=60)
    assert ran.outputs[0]["text"] == "['word-of-mine-1']\n"
