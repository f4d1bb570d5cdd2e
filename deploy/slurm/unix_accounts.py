"""The Unix accounts that learners' jobs run as: made at start, deleted at stop, and only those that are ours."""

import fcntl
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from deploy.slurm.place import TMP, ClusterError, ClusterPlace

COMMENT: Final = "Paja dev-cluster"
LOCK: Final = Path("/run/lock/paja-slurm")
NODE_FOLDERS: Final = (TMP, Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108


def ensure_accounts(place: ClusterPlace, names: list[str]) -> None:
    """Make those accounts, each with a home that nobody else may enter. Refuses names that somebody has."""
    place.homes.mkdir(mode=0o755, exist_ok=True)
    taken = [entry for entry in pwd.getpwall() if entry.pw_name in set(names)]
    ours = {entry.pw_name for entry in own_accounts(place)}
    strangers = [f"{entry.pw_name} ({entry.pw_dir})" for entry in taken if entry.pw_name not in ours]
    if strangers:
        raise ClusterError(
            f"{len(strangers)} of its Unix accounts are there already: {', '.join(strangers[:3])} …\n"
            "Another pretend Slurm has them, or they are this machine's. Stop the other one, or set other names "
            "apart: --suffix b"
        )
    for name in names:
        home = place.homes / name
        if name not in ours:
            run("useradd", "--no-create-home", "--no-log-init", "--user-group", "--shell", "/usr/sbin/nologin",
                "--comment", COMMENT, "--home-dir", str(home), name)  # fmt: skip
        home.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(home, name, name)


def remove_accounts(run_folder: Path) -> None:
    """Delete the accounts of the cluster of that folder, and what they left in folders that all share."""
    for entry in accounts_of(run_folder):
        for folder in NODE_FOLDERS:
            remove_owned(folder, entry.pw_uid)
        run("userdel", "--force", entry.pw_name)


def own_accounts(place: ClusterPlace) -> list[pwd.struct_passwd]:
    return accounts_of(place.run)


def accounts_of(run_folder: Path) -> list[pwd.struct_passwd]:
    """By comment and home: neither alone makes an account ours."""
    homes = run_folder / "homes"
    return [
        entry
        for entry in pwd.getpwall()
        if entry.pw_gecos == COMMENT and entry.pw_dir == str(homes / entry.pw_name)
    ]


def remove_owned(folder: Path, uid: int) -> None:
    for path in folder.iterdir():
        with suppress(OSError):
            if path.lstat().st_uid == uid:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two starts, or stops, on one machine take turns: they read and change one list of accounts."""
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(argv[:1])} of {argv[-1]} did not work: {done.stderr.strip()}")


def sudo(
    account: str, argv: list[str], environment: dict[str, str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command as one of the accounts, as a hub does, `text` on its input."""
    told = [f"{name}={value}" for name, value in environment.items()]
    return subprocess.run(
        ["sudo", "-n", "-u", account, "--", "env", *told, *argv],
        input=text,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
