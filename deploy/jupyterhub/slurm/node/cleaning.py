"""Making a Unix account ready for a session: of whoever had it before, nothing may be left.

The first part of the batch script; the standard library only. It runs as the account itself.
"""

import contextlib
import ctypes
import fcntl
import itertools
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

LOCK_NAME = ".paja-lock"
SHARED_PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue")  # noqa: S108
# Parents that are root's: what they hold is of a job that lives, or a command of the hub's.
LIVE_PARENTS = {"slurmstepd", "sudo"}
END_SECONDS = 20
LOCK_SECONDS = 60


class JobError(Exception):
    """The session cannot run here; the job ends, and the hub learns it from Slurm."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One job of an account at a time: the second must find what the first has cleaned, not clean it again.

    Whoever had the account before may hold the lock still, or have put something else there: after a while it is
    taken for granted.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        discard(path)
        descriptor = os.open(path, flags, 0o600)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while not is_locked_by_us(descriptor) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def is_locked_by_us(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody else's, or a file system without locks
        return False
    return True


def clean(home: Path, lease: str) -> None:
    """Nothing of whoever had the account before is there afterwards: no file, no process of this node.

    A marker names the lease that the home was cleaned for, another per node that of its shared places.
    """
    folder = home / ".paja-lease"
    on_node = folder / socket.gethostname()
    is_home_clean, is_node_clean = has_marker(folder / "home", lease), has_marker(on_node, lease)
    if is_home_clean and is_node_clean:
        return
    end_processes()
    if not is_home_clean:
        empty(home, but=LOCK_NAME)
        if left := {path.name for path in home.iterdir()} - {LOCK_NAME}:
            raise JobError(f"{len(left)} entries of the home cannot be removed")
    folder.mkdir(exist_ok=True)
    for place in SHARED_PLACES:
        remove_own(Path(place))
    remove_shared_memory()
    for marker in (on_node, folder / "home"):
        with contextlib.suppress(FileNotFoundError):
            discard(marker)
        marker.write_text(lease)


def has_marker(path: Path, lease: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.read(descriptor, 64) == lease.encode()
    finally:
        os.close(descriptor)


def end_processes() -> None:
    """Kill what runs as this account here, but for jobs that live: those are the same person's."""
    deadline = time.monotonic() + END_SECONDS
    while left := leftover_processes():
        if time.monotonic() > deadline:
            raise JobError("processes of the person before do not end")
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def leftover_processes() -> list[int]:
    table = read_processes()
    spared = {os.getpid()}
    return [
        pid
        for pid, (uid, _parent, _name) in table.items()
        if uid == os.getuid() and not any(is_alive_job(table, each, spared) for each in ancestors(table, pid))
    ]


def is_alive_job(table: dict[int, tuple[int, int, str]], pid: int, spared: set[int]) -> bool:
    uid, _parent, name = table[pid]
    return pid in spared or (uid == 0 and name in LIVE_PARENTS)


def ancestors(table: dict[int, tuple[int, int, str]], pid: int) -> Iterator[int]:
    """The process and those above it; a table read while it changes may hold a ring."""
    seen: set[int] = set()
    while pid in table and pid not in seen:
        seen.add(pid)
        yield pid
        pid = table[pid][1]


def read_processes() -> dict[int, tuple[int, int, str]]:
    """Every process that can be seen: whose it is, its parent, its name. A zombie is none."""
    table = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = dict(
                line.split(":", 1)
                for line in (folder / "status").read_text("utf-8", "replace").splitlines()
                if ":" in line
            )
            if fields["State"].split()[0] not in {"Z", "X"}:
                table[int(folder.name)] = (
                    int(fields["Uid"].split()[0]),
                    int(fields["PPid"]),
                    fields["Name"].strip(),
                )
        except (OSError, KeyError, IndexError, ValueError):
            continue
    return table


def remove_own(place: Path) -> None:
    """What this account owns in a place that everybody writes to."""
    for path in list(place.glob("*")) if os.access(place, os.R_OK) else []:
        with contextlib.suppress(OSError):
            if path.lstat().st_uid == os.getuid():
                discard(path)


def remove_shared_memory() -> None:
    """System V's memory, semaphores and messages, which no folder lists and which outlive whoever made them."""
    libc = ctypes.CDLL(None)
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(FileNotFoundError):  # a kernel without them
            for number in own_numbers(Path("/proc/sysvipc") / kind):
                getattr(libc, f"{kind}ctl")(number, 0, 0)  # IPC_RMID, in the place that each has for it


def own_numbers(listing: Path) -> list[int]:
    head, *lines = listing.read_text().splitlines()
    names = head.split()
    rows = [dict(zip(names[2:], line.split()[2:], strict=True)) | {"id": line.split()[1]} for line in lines]
    return [int(row["id"]) for row in rows if str(os.getuid()) in {row["uid"], row["cuid"]}]


def discard(path: Path) -> None:
    if stat.S_ISDIR(path.lstat().st_mode):
        empty(path)
        path.rmdir()
    else:
        path.unlink()


def empty(folder: Path, *, but: str = "") -> None:
    """Remove all that can be removed from a folder, whatever its modes and depth; no link is followed."""
    top = open_folder(str(folder), None)
    numbers = itertools.count()
    try:
        is_moving = True
        while is_moving:  # again for what was moved up
            is_moving = False
            for name in names_in(top):
                is_moving |= name != but and remove(top, name, numbers)
    finally:
        os.close(top)


def remove(top: int, name: str, numbers: Iterator[int]) -> bool:
    """Remove an entry of the folder `top`, or move what is below it up, so that no depth breaks this.

    Whether anything was done.
    """
    is_moved = False
    try:
        if not is_folder(name, top):
            os.unlink(name, dir_fd=top)
            return True
        below = open_folder(name, top)
        try:
            for each in names_in(below):
                is_moved |= lift(below, each, top, numbers)
        finally:
            os.close(below)
        os.rmdir(name, dir_fd=top)
    except OSError:
        return is_moved
    return True


def lift(below: int, name: str, top: int, numbers: Iterator[int]) -> bool:
    try:
        if is_folder(name, below):
            os.close(open_folder(name, below))  # which gives it a mode in which it can be moved
            os.rename(name, f".paja-{os.getpid()}-{next(numbers)}", src_dir_fd=below, dst_dir_fd=top)
        else:
            os.unlink(name, dir_fd=below)
    except OSError:
        return False
    return True


def names_in(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def open_folder(name: str, parent: int | None) -> int:
    """A descriptor of a folder itself, never of what a link of that name points to."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=parent)
    try:
        with contextlib.suppress(OSError):  # another person's folder, within one of ours
            Path(f"/proc/self/fd/{handle}").chmod(0o700)
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY)
    finally:
        os.close(handle)
