"""Where plain nbgrader meets the attacks of tests/notebooks: a user of its own, no network, little memory."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
from django.conf import settings

from labs.box.bubblewrap import find_bubblewrap, find_prefixes

USER: Final = 54399
MEMORY_BYTES: Final = 3 * 1024**3
# Of a machine that has less left than this, nothing more is asked.
_SPARE_BYTES: Final = 3 * 1024**3
_LIMITS: Final = {"as": 3 * 1024**3, "nproc": 200, "nofile": 512, "fsize": 200 * 1024**2, "core": 0}
_DISK_BYTES: Final = 300 * 1024**2


def run_fenced(course: Path, kernels: Path, program: Path, *, plan: str, patience: float) -> tuple[str, str]:
    """What the program printed, and `""`, `hung` or `out of memory`. The course folder is only read: it has a copy."""
    command = [*_fence(course, kernels, program), "/bin/sh", "-c", _COMMANDS, "sh", sys.executable]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    ended: list[str] = []
    watcher = threading.Thread(target=_watch, args=(process, patience, ended), daemon=True)
    watcher.start()
    out, _ = process.communicate(plan)
    watcher.join()
    return out, ended[0] if ended else ""


_COMMANDS: Final = (
    'cp -r /in/course /tmp/course && cd /tmp/course && exec nice -n 15 "$1" /in/program.py /tmp/course'
)


def _fence(course: Path, kernels: Path, program: Path) -> list[str]:
    options = [
        str(find_bubblewrap()),
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--hostname",
        "fence",
    ]
    options += ["--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    options += [
        "--cap-drop",
        "ALL",
        "--cap-add",
        "CAP_SETUID",
        "--cap-add",
        "CAP_SETGID",
        "--cap-add",
        "CAP_SETPCAP",
    ]
    for folder in ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"):
        options += ["--ro-bind-try", folder, folder]
    options += [
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--perms",
        "1777",
        "--size",
        str(_DISK_BYTES),
        "--tmpfs",
        "/tmp",
    ]
    options += ["--perms", "1777", "--size", str(64 * 1024**2), "--tmpfs", "/dev/shm"]
    for python in (Path(sys.executable), Path(settings.LAB_PYTHON)):
        for prefix in find_prefixes(python):
            options += [*_make_parents(prefix), "--ro-bind", str(prefix), str(prefix)]
    options += ["--perms", "0755", "--dir", "/in"]
    for place, path in {"course": course, "kernels": kernels, "program.py": program}.items():
        options += ["--ro-bind", str(path), f"/in/{place}"]
    variables = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": "/tmp/home",
        "JUPYTER_PATH": "/in/kernels",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    for name, value in variables.items():
        options += ["--setenv", name, value]
    limits = [f"--{name}={value}" for name, value in _LIMITS.items()]
    become = [str(shutil.which("setpriv")), f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return [*options, "--", *become, "--no-new-privs", "--bounding-set=-all", "prlimit", *limits, "--"]


def _make_parents(folder: Path) -> Iterator[str]:
    for parent in reversed(folder.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))


def _watch(process: "subprocess.Popen[str]", patience: float, ended: list[str]) -> None:
    started_at = time.monotonic()
    while process.poll() is None:
        if time.monotonic() - started_at > patience:
            ended.append("hung")
        elif _measure(process.pid) > MEMORY_BYTES or psutil.virtual_memory().available < _SPARE_BYTES:
            ended.append("out of memory")
        if ended:
            os.killpg(process.pid, signal.SIGKILL)
            return
        time.sleep(0.1)


def _measure(pid: int) -> int:
    total = 0
    for process in psutil.Process(pid).children(recursive=True) if psutil.pid_exists(pid) else ():
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
