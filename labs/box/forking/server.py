"""A fork server as its worker sees it: started in a bubblewrap of its own, asked for forks, ended."""

import contextlib
import json
import logging
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any, Final

from labs.box import seeding
from labs.box.bubblewrap import HOME, build_server_command, read_info
from labs.box.descriptors import pipe_with, wait_for
from labs.box.forking.apartness import find_obstacle
from labs.box.identity import SERVER_UID, Identity, find_identity, make_etc
from labs.box.limits import MEBIBYTE, BoxEnvironment
from labs.exceptions import LabError

logger = logging.getLogger(__name__)

_START_SECONDS: Final = 120
_SEND_SECONDS: Final = 20
_END_SECONDS: Final = 20
_IDLE_SECONDS: Final = 900
_MAX_FORKS: Final = 2000
_MAX_GROWTH: Final = 256 * MEBIBYTE
_SAID_BYTES: Final = 4000
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

# Where the server's own program stands: in the folder of its bubblewrap that no box shows.
_PLACE: Final = "/run/paja"
_HERE: Final = Path(__file__).parent
_MODULES: Final = {
    "labs/__init__.py": b"",
    "labs/box/__init__.py": b"",
    "labs/box/launch.py": (_HERE.parent / "launch.py").read_bytes(),
    **{
        f"labs/box/forking/{name}.py": (_HERE / f"{name}.py").read_bytes()
        for name in ("__init__", "entering", "holding", "program", "rehearsing", "warm_kernel")
    },
}
_BOOT: Final = (
    f"import sys; sys.path[:] = [*filter(None, sys.path), {_PLACE!r}]; from labs.box.forking.program import main; "
    "sys.path.pop(); main()"
)


class ForkServerError(LabError):
    """No kernel can be forked here, or not now; a box gets a kernel of its own instead."""

    reason = "fork_server"


class UnforkableError(ForkServerError):
    """Importing this module leaves something behind that forks cannot have, or must not."""

    def __init__(self, module: str, obstacle: str) -> None:
        super().__init__(f"importing {module} {obstacle}")
        self.module = module


class ForkServer:
    """One process that has everything imported. It ends with its worker, when it is idle, and when it is closed."""

    def __init__(self, environment: BoxEnvironment, arguments: Sequence[str], preload: Sequence[str]) -> None:
        """Starts it and waits until it can fork. Raises ForkServerError."""
        self._environment = environment
        self._settings = {"arguments": [*arguments], "preload": [*preload]}
        self._lock = threading.Lock()
        self._forks = 0
        self._size = 0
        self._used_at = time.monotonic()
        self._is_closed = False
        self._said = b""
        self._stack = contextlib.ExitStack()
        self._users: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._control, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_SEND_SECONDS)
        self.pid = 0
        self.left_out: dict[str, str] = {}
        # The machine ends what has `--die-with-parent` with the thread that started it: so it gets one of its own.
        started: Future[None] = Future()
        threading.Thread(target=self._mind, args=(started,), name="fork server", daemon=True).start()
        started.result()

    @property
    def is_usable(self) -> bool:
        """Whether it may be asked for another fork."""
        if self._is_closed or self._forks >= _MAX_FORKS:
            return False
        return self._read_size() - self._size < _MAX_GROWTH

    def enter_command(self) -> list[str]:
        """What a command starts with for its namespaces to be below the server's, which only then may enter them."""
        if self._users is None:
            return []
        # By way of this process: a descriptor that the command inherited would be open in the box.
        place = f"/proc/{os.getpid()}/fd/{self._users}"
        return [str(self._nsenter), f"--user={place}", "--preserve-credentials", "--"]

    def fork(self, box: int, orders: int, errors: int) -> None:
        """Have a kernel forked into the box of this pidfd, with these ends of a line to the worker and for errors.

        Raises ForkServerError. What becomes of it is told on the line.
        """
        with self._lock:
            if self._is_closed:
                raise ForkServerError("the fork server has ended")
            self._forks += 1
            self._used_at = time.monotonic()
            try:
                socket.send_fds(self._control, [b"\n"], [box, orders, errors])
            except OSError as error:
                raise ForkServerError(f"the fork server takes no request: {error}") from error

    def close(self) -> None:
        """Let it end; kernels that were forked go on."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._control.close()

    def disown(self) -> None:
        """In a fork of the worker: leave it to the parent."""
        self._is_closed = True
        self._control.close()
        self._stack.close()

    def _mind(self, started: Future[None]) -> None:
        try:
            self._start()
        except BaseException as error:
            try:
                self._end()
            finally:
                started.set_exception(error)
            return
        started.set_result(None)
        while not self._is_closed and self._process is not None and self._process.poll() is None:
            self._listen(seconds=1)
            if time.monotonic() - self._used_at > _IDLE_SECONDS:
                self.close()
        if not self._is_closed:
            logger.warning("a fork server has ended by itself: %s", self.diagnosis)
        self._end()

    def _start(self) -> None:
        identity = find_identity()
        is_user = identity.unix_uid is None
        self._nsenter = shutil.which("nsenter", path=os.environ.get("PATH", "") + ":/usr/bin:/bin")
        if is_user and self._nsenter is None:
            raise ForkServerError("nsenter is missing: install util-linux")
        try:
            self._launch(Identity(SERVER_UID) if is_user else identity)
            self._converse({**self._settings, "has_user_namespace": is_user})
            if is_user:
                # Not before it has spoken: until then bubblewrap may be on its way to the innermost one.
                self._users = os.open(f"/proc/{self.pid}/ns/user", os.O_RDONLY)
                self._stack.callback(os.close, self._users)
        except OSError as error:
            raise ForkServerError(f"no fork server starts: {error}") from error
        self._size = self._read_size()

    def _launch(self, identity: Identity) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self._theirs.close)
            info_read, info_write = os.pipe()
            info = stack.enter_context(open(info_read, "rb", buffering=0))  # noqa: PTH123
            texts = {f"{_PLACE}/{name}": text for name, text in _MODULES.items()}
            texts |= {**make_etc(identity.uid, HOME), seeding.SITE: seeding.SITE_TEXT}
            pipes = {path: pipe_with(stack, text) for path, text in texts.items()}
            argv = build_server_command(
                self._environment,
                identity,
                texts=pipes,
                info_fd=info_write,
                command=[str(self._environment.python), "-c", _BOOT],
            )
            try:
                self._process = subprocess.Popen(
                    argv,
                    stdin=self._theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    env={},
                    cwd="/",
                    pass_fds=[info_write, *pipes.values()],
                )
            finally:
                os.close(info_write)
            self.pid = self._read_pid(info)

    def _read_pid(self, info: IO[bytes]) -> int:
        text = b""
        deadline = time.monotonic() + _START_SECONDS
        while (pid := read_info(text.decode(errors="replace"))) is None:
            is_told = wait_for(info.fileno(), select.POLLIN, deadline - time.monotonic())
            more = info.read(4096) if is_told else b""
            if not more:
                self._listen(seconds=1)
                raise ForkServerError(f"bubblewrap starts no fork server: {self.diagnosis}")
            text += more
        return pid

    def _converse(self, settings: dict[str, Any]) -> None:
        """Let it import; after each module of the environment's list look whether forks would still be apart."""
        deadline = time.monotonic() + _START_SECONDS
        self._control.send(json.dumps(settings).encode())
        while True:
            told = self._hear(deadline)
            if "fault" in told:
                raise ForkServerError(str(told["fault"]))
            if told.get("is_ready"):
                self.left_out = dict(told["left_out"])
                if obstacle := find_obstacle(self.pid):
                    raise ForkServerError(f"a kernel of this environment {obstacle}")
                return
            if obstacle := find_obstacle(self.pid):
                raise UnforkableError(str(told["imported"]), obstacle)
            self._control.send(b"\n")

    def _hear(self, deadline: float) -> dict[str, Any]:
        while time.monotonic() < deadline:
            if wait_for(self._control.fileno(), select.POLLIN, 0.2):
                said = self._control.recv(65536)
                if not said:
                    self._listen(seconds=1)
                    raise ForkServerError(f"the fork server ended while it started: {self.diagnosis}")
                told: dict[str, Any] = json.loads(said)
                return told
            self._listen(seconds=0)
        raise ForkServerError(f"the fork server does not get ready: {self.diagnosis}")

    def _listen(self, *, seconds: float) -> None:
        """Read what it says on standard error, of which the last is kept for the log."""
        if self._process is None or self._process.stderr is None:
            return
        if wait_for(self._process.stderr.fileno(), select.POLLIN, seconds):
            said = os.read(self._process.stderr.fileno(), 65536)
            if not said:
                time.sleep(seconds)
            self._said = (self._said + said)[-_SAID_BYTES:]

    @property
    def diagnosis(self) -> str:
        """The last that it said on standard error."""
        return self._said.decode(errors="replace").strip()

    def _read_size(self) -> int:
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0

    def _end(self) -> None:
        self.close()
        self._theirs.close()
        if self._process is not None:
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(_END_SECONDS)
            if self._process.stderr is not None:
                self._process.stderr.close()
        self._stack.close()
