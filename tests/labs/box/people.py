"""Running a program of ours as an ordinary user, when the tests run as root."""

import shutil
import stat
import sys
from pathlib import Path

from django.conf import settings

from labs.box.bubblewrap import find_bubblewrap, find_prefixes
from labs.exceptions import BoxUnavailableError
from tests.labs.box.attacks import ROOT
from tests.servers import require

USER = 54321


def find_lab_python() -> Path:
    """The interpreter of the learners' environment, where there is one and a bubblewrap to run it in."""
    require(settings.LAB_PYTHON.exists(), "the labs' environment is not made: `make test` makes it")
    try:
        find_bubblewrap()
    except BoxUnavailableError as error:
        require(is_there=False, what=str(error))
    return Path(settings.LAB_PYTHON)


def as_user(command: list[str], *, python: Path) -> list[str]:
    """The command under a user id that owns nothing.

    What it needs may lie where only root gets to (a Python below root's home): such folders are covered, and
    what is needed of them is shown in their place.
    """
    setpriv = shutil.which("setpriv")
    require(setpriv is not None, "setpriv is missing: install util-linux")
    needed = sorted({ROOT, *find_prefixes(Path(sys.executable)), *find_prefixes(python)})
    closed = sorted({parent for path in needed for parent in path.parents if not _is_open(parent)})
    wrapper = [str(find_bubblewrap()), "--bind", "/", "/", "--dev-bind", "/dev", "/dev"]
    for folder in closed:
        wrapper += ["--perms", "0755", "--tmpfs", str(folder)]
    for path in needed:
        covered = [folder for folder in closed if path.is_relative_to(folder)]
        if not covered:
            continue
        for parent in reversed(path.parents):
            if parent.is_relative_to(covered[0]) and parent not in closed:
                wrapper += ["--perms", "0755", "--dir", str(parent)]
        wrapper += ["--ro-bind", str(path), str(path)]
    become = [str(setpriv), f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return [*wrapper, "--", *become, *command]


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
