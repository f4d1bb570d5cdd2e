"""The daemons' processes: started, found again by number and start time, ended with all that they began."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from deploy.jupyterhub.processes import ProcessMark, end_all_with
from deploy.slurm.place import ClusterError, ClusterPlace

OF_RUN: Final = "PAJA_SLURM_RUN"  # in every daemon's environment, so that none is lost when marks are
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
UMASK: Final = 0o022  # whatever the starter's is: accounts read what stands in the run folder
# A shell that says its number and becomes the words after it.
SAY_NUMBER: Final = ("sh", "-c", 'echo $$; exec "$@" >&2', "sh")


class Daemons:
    """The processes of one pretend Slurm, whoever started them: a mark of each stands in a file."""

    def __init__(self, place: ClusterPlace) -> None:
        self._place = place

    def start(
        self,
        name: str,
        argv: Sequence[str],
        environment: dict[str, str] | None = None,
        *,
        namespace: bool = False,
    ) -> None:
        """Start one, its output in a log of that name. It is nobody's child, so nobody's end takes it along.

        With `namespace` it is in bubblewrap, whose first process has the mark: its end is everybody's in there.
        """
        said, told = os.pipe()
        info = ["--info-fd", str(told)]
        words = [*argv[:1], *info, *argv[1:]] if namespace else [*SAY_NUMBER, *argv]
        with (self._place.logs / f"{name}.log").open("ab") as log, os.fdopen(said) as answer:
            subprocess.run(
                ["setsid", "--fork", *words],
                env={
                    "PATH": PATH,
                    "LC_ALL": "C.UTF-8",
                    OF_RUN: str(self._place.run),
                    **(environment or {}),
                },
                cwd="/",
                umask=UMASK,
                stdin=subprocess.DEVNULL,
                stdout=log if namespace else told,
                stderr=log,
                pass_fds=(told,) if namespace else (),
                check=True,
            )
            os.close(told)
            text = answer.read()
        found = json.loads(text or "0")
        mark = ProcessMark.of(found["child-pid"] if namespace and found else found)
        if mark is None:
            raise ClusterError(f"{name} ended at once. Its log: {self._place.logs / name}.log")
        (self._place.marks / name).write_text(json.dumps(asdict(mark)))

    def find(self, name: str) -> ProcessMark | None:
        """The living process of that name."""
        try:
            mark = ProcessMark(**json.loads((self._place.marks / name).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return mark if mark.is_alive() else None

    def list_running(self) -> list[str]:
        names = sorted(path.name for path in self._place.marks.glob("*"))
        return [name for name in names if self.find(name) is not None]

    def end(self, names: Sequence[str], *, seconds: float, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask all of them to end, and kill those that have not in time."""
        marks = [mark for name in names if (mark := self.find(name)) is not None]
        for mark in marks:
            mark.send(number)
        with suppress(ClusterError):
            wait_until(lambda: not any(mark.is_alive() for mark in marks), seconds, "the daemons' end")
        for mark in marks:
            mark.send(signal.SIGKILL)


def end_all_of(run: Path) -> None:
    """End whatever is left of the cluster of that folder, also of a start killed before it wrote its marks."""
    own = f"{OF_RUN}={run}"
    end_all_with(own)
    wait_until(lambda: not has_process_with(own), 10, "the end of every process")


def has_process_with(variable: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if variable.encode() in path.read_bytes().split(b"\0"):
                return True
    return False


def wait_until(look: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise ClusterError(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.05)
