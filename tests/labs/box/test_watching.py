"""The limits of a tree of processes, judged from what the machine tells of this one."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from labs.box import BoxLimits, Fault, watching
from labs.box.watching import ProcessTree, find_children
from tests.servers import wait_for

MEBIBYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def _sockets_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """These processes are in no box, so their network's sockets are those of all that the machine runs."""
    monkeypatch.setattr(watching, "_FREE_SOCKETS", 1_000_000)


@pytest.fixture(scope="module")
def parent() -> Iterator[int]:
    """A process with a child of about 60 MB."""
    child = "hog = b'x' * 60_000_000; print('there', flush=True); input()"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        yield process.pid


def judge(first_pid: int, files: int = 0, *, memory: int = 500, processes: int = 64) -> Fault | None:
    limits = BoxLimits(memory_bytes=memory * MEBIBYTE, processes=processes)
    return ProcessTree(first_pid, limits).find_fault(files, at_once=True)


def test_what_keeps_within_its_limits_has_no_fault(parent: int) -> None:
    assert judge(parent) is None


def test_memory_counts_for_the_whole_tree(parent: int) -> None:
    assert judge(parent, memory=50) is Fault.OUT_OF_MEMORY


def test_tasks_count_for_the_whole_tree(parent: int) -> None:
    assert judge(parent, processes=1) is Fault.TOO_MANY_PROCESSES


@pytest.mark.parametrize(("files", "fault"), [(1000, None), (1_000_000, Fault.OUT_OF_MEMORY)])
def test_files_are_memory_too(parent: int, files: int, fault: Fault | None) -> None:
    assert judge(parent, files) is fault


def test_between_two_looks_nothing_is_looked_at(parent: int) -> None:
    tree = ProcessTree(parent, BoxLimits(memory_bytes=50 * MEBIBYTE))
    assert tree.find_fault() is Fault.OUT_OF_MEMORY
    assert tree.find_fault() is None


def test_a_process_that_is_gone_has_no_children() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        wait_for(lambda: ended.poll() is not None, seconds=30, what="the end of a process")
    assert find_children(ended.pid) == []
    assert judge(ended.pid) is None
