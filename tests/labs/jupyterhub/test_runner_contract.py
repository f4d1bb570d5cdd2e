"""What Paja relies on of the box's runner, asked of the fake and, marked live, of a real one with real boxes."""

import contextlib
import secrets
import socket
from collections.abc import Iterator

import httpx
import psutil
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from labs.box import BoxEnvironment, BoxLimits, execute_notebook
from labs.box.orders import Order, order_to_json
from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.jupyterhub import RemoteBox, RunnerAnswer, RunnerClient
from labs.nbgrader import autograde, make_release
from labs.states import GradingOutcome
from tests.fakes.runner import FakeRunner
from tests.labs.box.people import find_lab_python
from tests.live import small_course
from tests.servers import wait_for
from tests.servers.runner import OTHERS_TOKEN, OWN_TOKEN, PREFIX, TOKEN, RealRunner, run_runner

Runner = RunnerClient | FakeRunner
LIVE = [pytest.mark.live, pytest.mark.xdist_group("runner"), pytest.mark.timeout(300)]
ENOUGH = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def real_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRunner]:
    with run_runner(tmp_path_factory.mktemp("runner"), find_lab_python()) as runner:
        yield runner


@pytest.fixture(params=["fake", pytest.param("real", marks=LIVE)])
def runner(request: pytest.FixtureRequest) -> Runner:
    if request.param == "fake":
        return FakeRunner(looks=1)
    real: RealRunner = request.getfixturevalue("real_runner")
    return real.client()


def make_order(*sources: str) -> bytes:
    return order_to_json(Order(make_notebook(*sources), {}, BoxLimits(cell_seconds=60, total_seconds=90)))


def make_notebook(*sources: str) -> NotebookNode:
    notebook: NotebookNode = new_notebook(cells=[new_code_cell(source) for source in sources])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


def wait_done(runner: Runner, key: str) -> RunnerAnswer:
    return wait_for(lambda: runner.find(key, max_bytes=ENOUGH), seconds=90, what="done")  # type: ignore[return-value]


def test_an_order_is_carried_out_and_its_answer_kept_until_it_is_ended(runner: Runner) -> None:
    key = secrets.token_hex(16)
    assert runner.begin(key, make_order("1 + 1"))
    assert runner.begin(key, make_order("1 + 1"))  # asked again, because the first answer was lost

    first, second = wait_done(runner, key), wait_done(runner, key)

    assert first == second
    assert isinstance(first.execution, dict)
    assert first.execution["outcome"] == "scored"
    runner.end(key)
    runner.end(key)
    with pytest.raises(ServerAnswerError) as caught:
        runner.find(key, max_bytes=ENOUGH)
    assert caught.value.reason == "grader_lost"


def test_what_is_no_order_fails_with_a_reason(runner: Runner) -> None:
    key = secrets.token_hex(16)
    assert runner.begin(key, b"[]")

    assert wait_done(runner, key) == RunnerAnswer(reason="wrong_order")
    runner.end(key)


def test_what_is_taken_is_bounded_and_free_again_at_the_end(runner: Runner) -> None:
    keys = [secrets.token_hex(16) for _ in range(3)]
    order = make_order("import time; time.sleep(60)")
    begun = [key for key in keys if runner.begin(key, order)]

    assert begun == keys[: len(begun)]
    assert len(begun) < len(keys)
    for key in begun:
        runner.end(key)
    assert runner.begin(keys[-1], make_order("1"))
    runner.end(keys[-1])


class TestReal:
    """What only the real one can show."""

    pytestmark = LIVE

    def test_a_run_there_is_a_run_here(self, real_runner: RealRunner) -> None:
        client = real_runner.client()
        box = RemoteBox(lambda: client)
        notebook = make_notebook("open('data.csv').read()", "1/0", "import os; os._exit(1)", "'after'")

        execution = box.execute(
            notebook,
            files={"data.csv": b"a;b"},
            limits=BoxLimits(),
            environment=BoxEnvironment(find_lab_python()),
        )

        cells = execution.notebook.cells
        assert cells[0].outputs[0].data["text/plain"] == "'a;b'"
        assert cells[1].outputs[0].ename == "ZeroDivisionError"
        assert cells[3].outputs[0].data["text/plain"] == "'after'"
        assert (execution.outcome, execution.reason) == (GradingOutcome.KERNEL_DIED, "kernel_died")

    def test_a_submission_has_the_marks_and_feedback_there_that_it_has_here(
        self, real_runner: RealRunner
    ) -> None:
        """One with a wrong answer, output of every kind, and a cell that takes the kernel with it."""
        environment = BoxEnvironment(find_lab_python())
        name = small_course.NOTEBOOK
        lab = make_release({name: small_course.make_source()}, name=small_course.LAB, environment=environment)
        cells = ["print('seen')", "1/0", "import sys; print('x', file=sys.stderr)", "import os; os._exit(1)"]
        work = small_course.solve(lab.learner_files[name], *map(new_code_cell, cells))
        client = real_runner.client()

        here, there = (
            autograde(lab, {name: work}, limits=BoxLimits(), environment=environment, execute_with=execute)
            for execute in (execute_notebook, RemoteBox(lambda: client).execute)
        )

        assert here.notebooks == there.notebooks
        assert (here.outcome, here.notebooks[0].cells[0].auto_score) == (GradingOutcome.KERNEL_DIED, 3)

    def test_code_in_the_box_finds_no_token(self, real_runner: RealRunner) -> None:
        client = real_runner.client()
        code = """
import glob, os, socket
found = []
for path in ["/proc/self/environ", *glob.glob("/proc/*/environ"), *glob.glob("/proc/*/cmdline")]:
    try:
        found.append(open(path, "rb").read())
    except OSError:
        pass
try:
    socket.create_connection(("127.0.0.1", %d), timeout=5)
    found.append(b"reached")
except OSError:
    pass
print(any(b"token-of" in text or text == b"reached" or b"JUPYTERHUB" in text for text in found), len(found) > 2)
print(os.path.exists(%r))
"""
        port = int(real_runner.origin.rpartition(":")[2])
        execution = RemoteBox(lambda: client).execute(
            make_notebook(code % (port, str(real_runner.log))),
            files={},
            limits=BoxLimits(),
            environment=BoxEnvironment(find_lab_python()),
        )

        assert execution.notebook.cells[0].outputs[0].text == "False True\nFalse\n"

    def test_no_token_is_in_the_log_or_with_the_process_that_closes_boxes(
        self, real_runner: RealRunner
    ) -> None:
        runner = real_runner.client()
        key = secrets.token_hex(16)
        runner.begin(key, make_order("1"))
        wait_done(runner, key)
        runner.end(key)

        [child] = psutil.Process(real_runner.process.pid).children()[:1]
        assert not [name for name in child.environ() if name.startswith(("JUPYTERHUB", "JPY"))]
        assert OWN_TOKEN not in "".join(child.environ().values())
        assert not [
            token for token in (TOKEN, OTHERS_TOKEN, OWN_TOKEN) if token in real_runner.log.read_text()
        ]

    @pytest.mark.parametrize("token", [OTHERS_TOKEN, "of-nobody"])
    @pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
    def test_only_a_token_for_this_server_is_let_in(
        self, real_runner: RealRunner, method: str, token: str
    ) -> None:
        address = f"{real_runner.url}executions/{'0' * 32}"
        answer = httpx.request(method, address, headers={"Authorization": f"token {token}"})
        in_address = httpx.request(method, f"{address}?token={TOKEN}")
        nobody = httpx.request(method, address)

        refused = (answer, in_address, nobody)
        assert [each.status_code for each in refused] == [403, 403, 403]
        assert {each.headers["Connection"] for each in refused} == {"close"}

    def test_a_body_is_not_read_before_it_is_known_whose_it_is(self, real_runner: RealRunner) -> None:
        head = f"PUT {PREFIX}executions/{'0' * 32} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"
        port = int(real_runner.origin.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(head.encode())
            assert connection.recv(64).startswith(b"HTTP/1.1 403")

    def test_a_box_that_is_ended_is_gone_and_one_whose_process_dies_is_lost(
        self, real_runner: RealRunner
    ) -> None:
        runner = real_runner.client()
        keys = [secrets.token_hex(16) for _ in range(2)]
        for key in keys:
            assert runner.begin(key, make_order("import subprocess; subprocess.run(['sleep', '60'])"))
        front = psutil.Process(real_runner.process.pid)
        wait_for(lambda: len(find_code(front)) == 2, seconds=60, what="the code of both runs")
        code = find_code(front)

        runner.end(keys[0])
        wait_for(lambda: len(find_code(front)) == 1, seconds=20, what="one box has ended")
        for child in front.children():
            child.kill()
        assert wait_done(runner, keys[1]) == RunnerAnswer(reason="grader_lost")
        runner.end(keys[1])
        _gone, left = psutil.wait_procs(code, timeout=20)
        assert not left, "learners' code outlived its runner"


def find_code(front: psutil.Process) -> list[psutil.Process]:
    """What a notebook has started, in the boxes of this runner."""
    found = []
    for process in front.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [process] if process.name() == "sleep" else []
    return found


@pytest.mark.live
def test_a_runner_that_is_gone_is_unreachable() -> None:
    with (
        RunnerClient("http://127.0.0.1:1", "/user/p-grader/g-1/", "token", host="localhost") as client,
        pytest.raises(HubUnavailableError),
    ):
        client.end("0" * 32)
