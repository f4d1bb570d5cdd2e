"""The processes of a running Paja's grading worker by kind, whatever is in its boxes."""

from collections.abc import Iterator

import psutil

from tests.live.stack import Stack

NAME = "worker-grading"
WORKER, FORK_SERVER, BOX = "grading worker", "fork servers", "boxes"
FORK_SERVER_MARK = "labs.box.forking"


def find_grading_processes(stack: Stack) -> Iterator[tuple[str, psutil.Process]]:
    """Every living one with its kind; none while the worker is started anew."""
    pid = stack.find_pid(NAME)
    try:
        root = psutil.Process(pid) if pid else None
    except psutil.NoSuchProcess:
        root = None
    if root is None:
        return
    for process in (root, *find_forks(root)):
        yield WORKER, process
        for child in list_children(process):
            if is_fork(child, root):
                continue
            kind = FORK_SERVER if FORK_SERVER_MARK in " ".join(read_command(child)) else BOX
            for each in (child, *list_children(child, recursive=True)):
                yield kind, each


def find_forks(root: psutil.Process) -> list[psutil.Process]:
    """The processes of the worker's pool."""
    return [child for child in list_children(root) if is_fork(child, root)]


def is_fork(process: psutil.Process, root: psutil.Process) -> bool:
    command = read_command(process)
    return bool(command) and command == read_command(root)


def read_command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def list_children(process: psutil.Process, *, recursive: bool = False) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=recursive))
    except psutil.NoSuchProcess:
        return []
