"""Fork servers: one for each environment, gone with their worker, replaced when they are, refused with a reason."""

import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from labs.box import BoxEnvironment, BoxKernel, BoxLimits
from labs.box import process as box_process
from labs.box.cgroups import ControlGroup
from labs.box.forking import server as fork_server
from labs.box.forking import servers
from labs.box.forking.server import ForkServer, ForkServerError
from labs.box.forking.servers import close_servers, find_refusal, find_server, read_preload
from labs.box.identity import Identity
from labs.box.watching import find_children
from tests.labs.box.attacks import ROOT
from tests.labs.box.environments import make_environment
from tests.servers import wait_for

LIMITS = BoxLimits(cell_seconds=60)
LIVE = [pytest.mark.live, pytest.mark.timeout(300), pytest.mark.xdist_group("forking")]


def live(test: Callable[..., None]) -> Callable[..., None]:
    for mark in LIVE:
        test = mark(test)
    return test


@pytest.fixture
def environment(lab_python: Path, tmp_path: Path) -> Iterator[BoxEnvironment]:
    """One that imports nothing ahead but what a kernel does."""
    yield make_environment(tmp_path, lab_python)
    close_servers()


def execute(environment: BoxEnvironment, source: str = "print(6 * 7)") -> str:
    with BoxKernel(environment, LIMITS, files={}, variables={}) as kernel:
        return "".join(str(output.get("text", "")) for output in kernel.run_cell(source, seconds=60).outputs)


def get_server(environment: BoxEnvironment) -> ForkServer:
    server = find_server(environment)
    assert server is not None, find_refusal(environment)
    return server


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@live
def test_one_server_forks_for_all_threads_and_outlives_each_of_them(environment: BoxEnvironment) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: get_server(environment), range(3)))
    assert len(set(found)) == 1
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: execute(environment), range(2))) == ["42\n"] * 2
    assert get_server(environment) is found[0]


@live
def test_a_server_that_was_killed_costs_no_run(environment: BoxEnvironment) -> None:
    server = get_server(environment)
    with BoxKernel(environment, LIMITS, files={}, variables={}) as kernel:
        os.kill(server.pid, signal.SIGKILL)
        wait_for(lambda: is_gone(server.pid), seconds=30, what="the end of the server")
        assert kernel.run_cell("print('on')", seconds=60).outputs[0]["text"] == "on\n"
    assert execute(environment) == "42\n"
    assert get_server(environment).pid != server.pid


@live
def test_a_server_has_a_last_fork_and_may_not_grow(
    environment: BoxEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = get_server(environment)
    monkeypatch.setattr(fork_server, "_MAX_GROWTH", -1)
    second = get_server(environment)
    monkeypatch.undo()
    assert execute(environment) == "42\n"
    assert get_server(environment) is second
    monkeypatch.setattr(fork_server, "_MAX_FORKS", 1)
    third = get_server(environment)
    assert len({first.pid, second.pid, third.pid}) == 3
    wait_for(lambda: is_gone(first.pid) and is_gone(second.pid), seconds=30, what="the end of both servers")


@live
def test_a_server_that_nobody_asks_ends(environment: BoxEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    server = get_server(environment)
    monkeypatch.setattr(fork_server, "_IDLE_SECONDS", 0)
    wait_for(lambda: is_gone(server.pid), seconds=30, what="the end of the server")
    monkeypatch.undo()
    assert execute(environment) == "42\n"


@live
def test_server_and_box_are_gone_with_a_worker_that_is_killed(environment: BoxEnvironment) -> None:
    program = f"""
from pathlib import Path
from labs.box import BoxEnvironment, BoxKernel, BoxLimits
from labs.box import process as box_process
from labs.box.cgroups import ControlGroup
from labs.box.forking.servers import find_server
environment = BoxEnvironment(Path({str(environment.python)!r}))
kernel = BoxKernel(environment, BoxLimits(), files={{}}, variables={{}})
print(find_server(environment).pid, kernel._process._first_pid, flush=True)
input()
"""
    command = [sys.executable, "-c", program]
    worker = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    try:
        pids = [int(word) for word in worker.stdout.readline().split()]
        assert len(pids) == 2
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
        wait_for(lambda: all(map(is_gone, pids)), seconds=30, what="the end of server and box")
    finally:
        worker.kill()
        worker.communicate(timeout=30)


@live
def test_a_kernel_is_adopted_by_the_first_process_and_goes_with_it(environment: BoxEnvironment) -> None:
    server = get_server(environment)
    with BoxKernel(environment, LIMITS, files={}, variables={}) as kernel:
        first = psutil.Process(kernel._process._first_pid)
        (forked,) = first.children()
        source = "import os, subprocess\nif os.fork() == 0:\n    os.setsid()\n    subprocess.run(['sleep', '1000'])"
        kernel.run_cell(source, seconds=60)
        inside = [first, *first.children(recursive=True)]
        assert len(inside) > 2
        assert psutil.Process(server.pid).children() == []
        kernel.run_cell("if os.fork() == 0: os._exit(0)", seconds=60)
    for process in [*inside, forked]:
        assert is_gone(process.pid), process


@live
def test_a_forked_kernel_is_in_its_boxs_group_before_it_has_the_learners_files(
    environment: BoxEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_real_group()
    taken_in: list[tuple[int, int]] = []

    class Group(ControlGroup):
        def add(self, pid: int) -> None:
            work = Path(f"/proc/{pid}/root/home/learner/work")
            taken_in.append((pid, len(list(work.iterdir())) if work.exists() else 0))
            super().add(pid)

    monkeypatch.setattr(box_process, "make_group", lambda _: Group(folder))
    with BoxKernel(environment, LIMITS, files={"mine.txt": b"1"}, variables={}) as kernel:
        (forked,) = find_children(kernel._process._first_pid)
        seen = kernel.run_cell("print(open('/proc/self/cgroup').read())", seconds=60).outputs[0]["text"]
    assert taken_in == [(forked, 0)]
    assert "0::/" in str(seen).splitlines()  # the box shows its own group as the topmost
    assert not folder.exists()


def make_real_group() -> Path:
    """A group of version 2 without any limits, where this machine lets the tests make one."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    mount = next((Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"), None)
    if mount is None or not os.access(mount, os.W_OK):
        pytest.skip("no control group of version 2 can be made here")
    folder = mount / f"paja-test-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def test_a_user_needs_nsenter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fork_server, "find_identity", lambda: Identity(1000))
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(ForkServerError, match="nsenter is missing"):
        ForkServer(BoxEnvironment(tmp_path / "python"), [], [])


def test_an_environment_without_a_file_imports_nothing_ahead(tmp_path: Path) -> None:
    assert read_preload(BoxEnvironment(tmp_path / "bin" / "python")) == []


@pytest.mark.parametrize("text", ["preload = 'numpy'", "preload = [1]", "preload = ["])
def test_a_file_that_says_something_else_is_named_in_the_log(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "share" / "paja").mkdir(parents=True)
    (tmp_path / "share" / "paja" / "environment.toml").write_text(text)
    assert read_preload(BoxEnvironment(tmp_path / "bin" / "python")) == []
    assert "environment.toml" in caplog.text


@live
def test_what_cannot_be_imported_ahead_is_named_and_left_to_notebooks(
    lab_python: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment = make_environment(
        tmp_path,
        lab_python,
        says='preload = ["fine", "broken", "missing", "threaded", "letterbox"]',
        modules={
            "fine": "import os\npid = os.getpid()",
            "broken": "raise ValueError('no luck')",
            "letterbox": "import mmap\npage = mmap.mmap(-1, 4096)",
            "threaded": "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        },
    )
    source = "import os, fine, threaded, letterbox; print(fine.pid != os.getpid(), letterbox.page[:1]); "
    said = [execute(environment, source + "letterbox.page[:1] = b'x'") for _ in range(2)]
    close_servers()
    assert said == ["True b'\\x00'\n"] * 2
    assert "broken cannot be imported: ValueError: no luck" in caplog.text
    assert "missing cannot be imported" in caplog.text
    assert "importing threaded starts threads" in caplog.text
    assert "importing letterbox makes memory that all forks would share" in caplog.text


@live
def test_a_machine_that_cannot_fork_says_why_once_and_grades_all_the_same(
    environment: BoxEnvironment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ForkServerError("this machine is too old")

    monkeypatch.setattr(fork_server.ForkServer, "_start", refuse)
    for _ in range(2):
        assert execute(environment) == "42\n"
    assert caplog.text.count("this machine is too old") == 1
    assert find_refusal(environment) == "this machine is too old"


@live
def test_a_server_that_never_forks_is_not_started_for_every_box(
    environment: BoxEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    class DeafServer:
        is_usable = True

        def __init__(self, *_: object) -> None:
            started.append(self)
            self.left_out: dict[str, str] = {}

        def enter_command(self) -> list[str]:
            return []

        def fork(self, *_: object) -> None:
            raise ForkServerError("nobody there")

        def close(self) -> None:
            self.is_usable = False

    monkeypatch.setattr(servers, "ForkServer", DeafServer)
    for _ in range(2):
        assert execute(environment) == "42\n"
    assert len(started) == 2
    assert find_refusal(environment) == "nobody there"


def test_a_fork_of_the_worker_leaves_the_servers_to_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disowned = threading.Event()

    class Server:
        def disown(self) -> None:
            disowned.set()

    place = servers._find_place(BoxEnvironment(tmp_path / "python"))
    monkeypatch.setattr(place, "server", Server())
    monkeypatch.setattr(servers, "_places", {BoxEnvironment(tmp_path): place})
    servers._forget()
    assert disowned.is_set()
    assert servers._places == {}


def test_what_asks_an_accelerator_is_started_behind_it(tmp_path: Path) -> None:
    assert find_server(BoxEnvironment(tmp_path / "python", devices=("/dev/nvidia0",))) is None


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
