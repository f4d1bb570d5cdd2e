"""A running Paja for a program that is no test: `make soak` and `make bench`."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import django
import psutil

from tests.live.stack import Stack


@dataclass
class Folder:
    """Where this Paja keeps everything; it is thrown away at the end unless somebody `is_wanted` it."""

    path: Path
    is_wanted: bool = False
    left_running: list[psutil.Process] = field(default_factory=list)


@contextmanager
def own_folder(purpose: str) -> Iterator[Folder]:
    folder = Folder(Path(tempfile.mkdtemp(prefix=f"paja-{purpose}-")))
    try:
        yield folder
    finally:
        if folder.is_wanted:
            say(f"Logs and data are kept: {folder.path}")
        else:
            shutil.rmtree(folder.path, ignore_errors=True)


def keep_temporary_files(folder: Folder) -> None:
    """What this process and those that it starts from now on leave in the system's folder for such files stays here."""
    place = folder.path / "tmp"
    place.mkdir()
    os.environ["TMPDIR"] = tempfile.tempdir = str(place)


@contextmanager
def running_paja(folder: Folder, settings: Mapping[str, str]) -> Iterator[Stack]:
    """A Paja on PAJA_PORT, else on free ports, whose rows Django's models in this process work on.

    At the end, and on Ctrl-C, it gets Ctrl-C; what is then left of it is noted in the folder and ended.
    """
    interrupt_on_termination()
    port = os.environ.get("PAJA_PORT")
    stack = Stack.start(folder.path / "data", port=int(port) if port else None, settings=settings)
    try:
        os.environ.update(stack.environment)
        django.setup()
        yield stack
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        before = stack.belongings()
        stack.stop()
        _gone, left = psutil.wait_procs({*before, *stack.belongings()}, timeout=5)
        folder.left_running = left
        for process in left:
            process.kill()


def interrupt_on_termination() -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def say(line: str = "") -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
