"""Boxes side by side: none sees, reads or ends another, and a greedy one costs the others no more than time."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from labs.box import BoxEnvironment, BoxLimits, Execution, execute_notebook
from labs.states import GradingOutcome

pytestmark = [pytest.mark.live, pytest.mark.timeout(300), pytest.mark.xdist_group("attacks")]

LIMITS = BoxLimits(memory_bytes=400 * 1024**2, cell_seconds=100, total_seconds=200)

# Each lays its secret wherever another might look, takes names that only one can have, and looks for others' secrets.
SPY = """
import contextlib, os, pathlib, socket, subprocess, sys, time

secret = pathlib.Path("secret").read_bytes()
for place in ("/tmp/secret", "/dev/shm/secret", "/run/secret"):
    pathlib.Path(place).write_bytes(secret)
with socket.socket(socket.AF_UNIX) as abstract, socket.create_server(("127.0.0.1", 50123)):
    abstract.bind("\\0everybody")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)", secret])
    seen, signalled = set(), []
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for place in ("/proc", "/tmp", "/dev/shm", "/run", "/home"):
            for pattern in ("secret", "*/secret", "*/*/secret", "[0-9]*/cmdline", "[0-9]*/environ"):
                for file in pathlib.Path(place).glob(pattern):
                    with contextlib.suppress(OSError):
                        seen |= {word for word in file.read_bytes().split(b"\\0") if word.startswith(b"SECRET-")}
        mine = {os.getpid(), child.pid, *map(int, os.listdir("/proc/self/task"))}
        for process in set(range(3, 500)) - mine:
            with contextlib.suppress(OSError):
                os.kill(process, 0)
                signalled.append(process)
    print("strange:", seen - {secret}, signalled)
    print("own:", secret in seen)
"""

GREEDY = """
import os
for _ in range(12):
    if os.fork() == 0:
        while True:
            pass
while True:
    pass
"""


def execute(source: str, environment: BoxEnvironment, limits: BoxLimits = LIMITS) -> Execution:
    secret = f"SECRET-{secrets.token_hex(8)}".encode()
    notebook = new_notebook(cells=[new_code_cell(source)])
    return execute_notebook(notebook, files={"secret": secret}, limits=limits, environment=environment)


def test_boxes_side_by_side_see_nothing_of_each_other(lab_python: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: execute(SPY, BoxEnvironment(lab_python)), range(2)))
    for run in runs:
        assert run.notebook.cells[0].outputs[0].text == "strange: set() []\nown: True\n"


def test_a_neighbour_of_a_greedy_box_gets_to_its_end(lab_python: Path) -> None:
    environment = BoxEnvironment(lab_python)
    limits = BoxLimits(cell_seconds=8, total_seconds=100)
    greedy = threading.Thread(target=execute, args=(GREEDY, environment, limits))
    greedy.start()
    run = execute("print(sum(range(1000)))", environment)
    greedy.join()
    assert run.outcome is GradingOutcome.SCORED
    assert run.seconds < 60
