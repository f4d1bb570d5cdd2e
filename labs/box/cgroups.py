"""A control group (cgroup v2) for each box, where the machine lets its worker make some: a bound that nothing escapes.

Without one the watcher alone bounds the memory of a box. What counts as delegated to us is what systemd and containers
mean by it: https://systemd.io/CGROUP_DELEGATION
"""

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, Self

from labs.box.limits import BoxLimits

logger = logging.getLogger(__name__)

_CONTROLLERS: Final = frozenset({"memory", "pids"})
_REMOVE_SECONDS: Final = 10
# The group's processes besides the box's own: bubblewrap itself, outside and inside.
_SPARE_TASKS: Final = 8


class ControlGroup:
    """One box's group. Made before the box, removed behind it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def make(cls, home: Path, limits: BoxLimits) -> Self:
        """Raises OSError where the machine refuses after all.

        Folders that are held in memory count here, which `limits.memory_bytes` does not mean: they come on top.
        """
        group = cls(home / f"box-{secrets.token_hex(8)}")
        group._folder.mkdir()
        try:
            # Most first: a machine without swap accounting has no file for it, and nothing to forbid.
            group._write("memory.max", str(limits.memory_bytes + limits.held_bytes))
            group._write("pids.max", str(limits.processes + _SPARE_TASKS))
            group._write("memory.oom.group", "1")
            with contextlib.suppress(FileNotFoundError, PermissionError):
                group._write("memory.swap.max", "0")
        except OSError:
            group.remove()
            raise
        return group

    def enter_command(self) -> list[str]:
        """What a command starts with to be in the group before it is itself: nothing of it ever runs outside."""
        return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._folder / "cgroup.procs")]

    def add(self, pid: int) -> None:
        """Take in a process that has been started elsewhere. Raises OSError where the machine refuses."""
        self._write("cgroup.procs", str(pid))

    @property
    def was_out_of_memory(self) -> bool:
        """Whether the machine ended the group's processes for their memory."""
        return self._count("memory.events", "oom_kill") > 0

    @property
    def was_out_of_tasks(self) -> bool:
        return self._count("pids.events", "max") > 0

    def remove(self) -> None:
        """End what is left in the group and remove it; what cannot be removed is logged, and harms nobody."""
        deadline = time.monotonic() + _REMOVE_SECONDS
        with contextlib.suppress(OSError):
            self._write("cgroup.kill", "1")
        while self._folder.exists():
            try:
                self._folder.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    logger.exception("the control group %s stays", self._folder)
                    return
                time.sleep(0.02)

    def _write(self, name: str, text: str) -> None:
        # Never made: a file that the machine did not put there would bound nothing.
        descriptor = os.open(self._folder / name, os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def _count(self, name: str, event: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            for line in (self._folder / name).read_text().splitlines():
                key, _, count = line.partition(" ")
                if key == event:
                    return int(count)
        return 0


def make_group(limits: BoxLimits) -> ControlGroup | None:
    """A group for a box, where this machine lets its worker make one."""
    home = find_home()
    if home is None:
        return None
    try:
        return ControlGroup.make(home, limits)
    except OSError:
        logger.warning("no control group for a box: its memory is bounded by watching", exc_info=True)
        return None


@cache
def find_home(proc: Path = Path("/proc")) -> Path | None:
    """The folder in which boxes may have groups with limits on memory and tasks; None where there is none.

    It is the worker's own group or the one above it (a group with processes of its own can limit no groups below
    itself), if that was delegated.
    """
    mount, own = _find_own(proc)
    if mount is None or own is None:
        return None
    for folder in (own, own.parent):
        if folder.is_relative_to(mount) and _is_delegated(folder, mount) and _hands_on(folder):
            return folder
    logger.info("no control group v2 is delegated to this worker: the memory of boxes is bounded by watching")
    return None


def _find_own(proc: Path) -> tuple[Path | None, Path | None]:
    """Where version 2 is mounted, and this process's group there."""
    try:
        groups = (proc / "self" / "cgroup").read_text().splitlines()
        mounts = [line.split() for line in (proc / "mounts").read_text().splitlines()]
    except OSError:
        return None, None
    mount = next((Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"), None)
    path = next((line.removeprefix("0::") for line in groups if line.startswith("0::")), None)
    if mount is None or path is None or "/.." in path:
        return None, None
    return mount, mount / path.strip("/")


def _is_delegated(folder: Path, mount: Path) -> bool:
    if not os.access(folder / "cgroup.procs", os.W_OK) or not os.access(folder, os.W_OK):
        return False
    if os.geteuid() != 0:
        return True  # somebody gave it to this user
    # Root may write everywhere, also in what is systemd's. The machine's real root has no `cgroup.type`; one that has
    # it at the mount's own place is a container's.
    is_containers = folder == mount and (folder / "cgroup.type").exists()
    return is_containers or any(mark == b"1" for mark in _read_marks(folder))


def _read_marks(folder: Path) -> Iterator[bytes]:
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            yield os.getxattr(folder, name)


def _hands_on(folder: Path) -> bool:
    """Whether groups below this one have limits on memory and tasks, made so if need be."""
    control = folder / "cgroup.subtree_control"
    try:
        if not set((folder / "cgroup.controllers").read_text().split()) >= _CONTROLLERS:
            return False
        if not set(control.read_text().split()) >= _CONTROLLERS:
            # Refused where the group has processes of its own, or the one above does not hand them on.
            control.write_text(" ".join(f"+{name}" for name in sorted(_CONTROLLERS)))
    except OSError:
        return False
    return True
