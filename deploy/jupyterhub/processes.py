"""Finding a process again after a restart of the hub: a number alone may have been given to another."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Self

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class ProcessMark:
    """One process for ever: its number, when it started (in ticks since boot), and which boot that was."""

    pid: int
    start_ticks: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The mark of a living process; None where it has ended, a zombie included."""
        stat = read_stat(pid)
        if stat is None:
            return None
        return cls(pid=pid, start_ticks=int(stat[19]), boot_id=BOOT_ID.read_text().strip())

    def is_alive(self) -> bool:
        return ProcessMark.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, unless it has ended."""
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def children(self) -> list["ProcessMark"]:
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        try:
            pids = [int(word) for word in path.read_text().split()]
        except OSError:
            return []
        return [mark for pid in pids if (mark := ProcessMark.of(pid)) is not None]


def end_all_with(variable: str) -> None:
    """Kill every process that was started with `variable` (NAME=value) in its environment."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_bytes().split(b"\0")
        except OSError:  # another person's, or gone meanwhile
            continue
        if variable.encode() in variables:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.parent.name), signal.SIGKILL)


def read_stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the name: state is the first, the start time the twentieth."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields
