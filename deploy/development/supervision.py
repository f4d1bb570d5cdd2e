"""Supervisor, kept on a short lead: its configuration written, its state read, its processes ended."""

import configparser
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil
from supervisor.xmlrpc import SupervisorTransport

from deploy.development.place import ROOT, Place
from deploy.development.programs import Program

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
STOP_SECONDS = 40  # Supervisor itself kills what does not stop in time
BASE, GROUP = "base", "paja"


@dataclass(frozen=True)
class ProcessState:
    """One supervised process now: Supervisor's own word for its state, and its number when it runs."""

    name: str
    state: str
    pid: int
    description: str


class Supervision:
    """Everything that runs, under one supervisord that ends with this process."""

    def __init__(self, place: Place, programs: list[Program]) -> None:
        self._place = place
        self._programs = programs
        self._socket = place.runtime / "supervisor.sock"
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start supervisord, and with it what needs no database."""
        configuration = self._place.runtime / "supervisord.conf"
        write_private(configuration, self._configuration())
        self._socket.unlink(missing_ok=True)
        adopt_orphans()
        with (self._place.logs / "supervisord.out").open("ab") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "-c", str(configuration)],
                cwd=ROOT,
                env=bare_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to pass on
                preexec_fn=prepare_daemon,  # noqa: PLW1509  (no thread runs yet)
            )

    def start_program(self, name: str) -> None:
        self._server().supervisor.startProcess(f"{GROUP}:{name}", False)

    def states(self) -> list[ProcessState]:
        """How every process is; empty while supervisord itself does not answer."""
        try:
            wires = self._server().supervisor.getAllProcessInfo()
        except (OSError, xmlrpc.client.Error):
            return []
        return [
            ProcessState(wire["name"], wire["statename"], wire["pid"], wire["description"])
            for wire in cast("list[dict[str, Any]]", wires)
        ]

    @property
    def is_running(self) -> bool:
        return self._daemon is not None and self._daemon.poll() is None

    def stop(self) -> None:
        """End every process, and then whatever they left behind: learners' servers and their kernels."""
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.terminate()
            try:
                self._daemon.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
        end_descendants()
        shutil.rmtree(self._place.runtime, ignore_errors=True)

    def _server(self) -> xmlrpc.client.ServerProxy:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)

    def _configuration(self) -> str:
        config = configparser.RawConfigParser()
        config["supervisord"] = {
            "logfile": escape(str(self._place.logs / "supervisord.log")),
            "pidfile": escape(str(self._place.runtime / "supervisord.pid")),
            "childlogdir": escape(str(self._place.logs)),
            "minfds": "1024",
        }
        config["unix_http_server"] = {"file": escape(str(self._socket)), "chmod": "0600"}
        config["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        # All of a group are told to stop at once; what others hold on to stops after them.
        for priority, (group, is_base) in enumerate(((BASE, True), (GROUP, False))):
            names = [program.name for program in self._programs if program.is_base == is_base]
            config[f"group:{group}"] = {"programs": ",".join(names), "priority": str(priority)}
        for program in self._programs:
            config[f"program:{program.name}"] = {
                "command": " ".join(quote(word) for word in program.argv),
                "directory": escape(str(ROOT)),
                "environment": ",".join(f"{key}={quote(text)}" for key, text in program.environment.items()),
                "autostart": "false" if program.needs_database else "true",
                "autorestart": "true",
                "startsecs": "3",  # what ends sooner did not start: it is tried again later and later
                "startretries": "1000",
                "stopwaitsecs": str(program.stop_seconds),
                "stopasgroup": "false",
                "killasgroup": "true",
                "redirect_stderr": "true",
                "stdout_logfile": escape(str(self._place.logs / f"{program.name}.log")),
                "stdout_logfile_maxbytes": "10MB",
                "stdout_logfile_backups": "2",
            }
        text = []
        for section in config.sections():
            text.append(f"[{section}]")
            text += [f"{key}={value}" for key, value in config[section].items()]
        return "\n".join([*text, ""])


def escape(text: str) -> str:
    """Supervisor expands `%(name)s` in every value."""
    return text.replace("%", "%%")


def quote(text: str) -> str:
    return '"' + escape(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def bare_environment() -> dict[str, str]:
    """This process's environment without what is Paja's, make's, or another Python environment's."""
    dropped = ("PAJA_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHON", "DJANGO_")
    kept = {key: text for key, text in os.environ.items() if not key.startswith(dropped)}
    return {**kept, "PYTHONUNBUFFERED": "1"}  # a log is read while its process runs


def adopt_orphans() -> None:
    """Become the parent of what processes below leave behind, so that nothing is out of reach at the end."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def prepare_daemon() -> None:
    """In supervisord before it starts: adopt orphans (it reaps them), and end when this process is killed."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def wait_for_earlier(runtime: Path) -> None:
    """A run that was killed leaves its supervisord, which ends by itself with all that it runs."""
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        earlier = psutil.Process(int((runtime / "supervisord.pid").read_text()))
        if str(runtime / "supervisord.conf") in earlier.cmdline():
            earlier.wait(timeout=2 * STOP_SECONDS)


def end_descendants() -> None:
    """Politely, then at once. Repeated, as a process may have made another while it was being ended."""
    for seconds in (3, 1, 1):
        processes = psutil.Process().children(recursive=True)
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        psutil.wait_procs(processes, timeout=seconds)
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    psutil.wait_procs(psutil.Process().children(recursive=True), timeout=5)
