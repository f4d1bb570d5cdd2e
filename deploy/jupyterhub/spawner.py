"""The spawner of a developer's machine: a local process per named server, each in bubblewrap."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import random_port
from sqlalchemy.orm import object_session
from tornado import web
from traitlets import Dict, Integer, List, Unicode

from deploy.jupyterhub.accounts import ensure_home
from deploy.jupyterhub.lab_environment import (
    GRADING,
    LEARNER_FILES,
    PROJECT,
    TOOLS,
    common_environment,
    runner_command,
    session_command,
    session_environment,
)
from deploy.jupyterhub.processes import ProcessMark, end_all_with
from deploy.jupyterhub.sandbox import HOME, RunnerSandbox, Sandbox, find_bubblewrap, passwd_lines

LOG_NAME = ".paja-server.log"
STOP_SECONDS = 5.0  # for Jupyter to end its kernels by itself


class BubblewrapSpawner(Spawner):
    """Starts `jupyterhub-singleuser` so that it sees its own home, the lab environment and nothing else.

    The process is no child of the hub in any way that matters: it goes on while the hub restarts and is found
    again by its mark. What is followed is the first process of the sandbox's own process namespace, since
    killing that one kills everything in it, kernels and their children included.
    """

    python = Unicode(help="The interpreter of the lab environment.").tag(config=True)
    homes = Unicode(help="The folder of the learners' homes.").tag(config=True)
    first_uid = Integer(40_000, help="The first Unix account to give to learners, as root.").tag(config=True)
    flavours = List(Unicode(), ["development"], help="What `flavour` may be asked for.").tag(config=True)
    tools = List(Unicode(), list(TOOLS), help="What `tools` may be asked for.").tag(config=True)
    grader = Unicode(help="The account whose servers are the box's runner; no person has it.").tag(
        config=True
    )
    runner_python = Unicode(help="The runner's own interpreter; empty where nothing is graded.").tag(
        config=True
    )
    runner_environment = Dict(help="What the runner is told: PAJA_RUNNER_… .").tag(config=True)
    mark = Dict(help="The ProcessMark of the sandbox's first process.")

    _process: subprocess.Popen[bytes] | None = None
    _was_launching = False

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.mark = state.get("mark", {})
        self.port = state.get("port", 0)
        # By a hub that was killed over it: what came of it has a port, and no mark by which to follow it.
        self._was_launching = bool(self.port and not self.mark)

    def get_state(self) -> dict[str, Any]:
        own = {"mark": self.mark, "port": self.port} if self.port else {}
        return {**super().get_state(), **own}

    async def get_url(self) -> str:
        """Where the server is; a hub that was killed during a start knows it only from the stored state."""
        return f"http://127.0.0.1:{self.port}"

    def clear_state(self) -> None:
        super().clear_state()
        self.mark = {}
        self.port = 0
        self._was_launching = False

    @property
    def is_grading(self) -> bool:
        """Whether this is the grader account, which has no session and whose every server is a runner."""
        return bool(self.grader) and self.user.name == self.grader

    def check_options(self, options: dict[str, Any]) -> None:
        """Refuse whatever this factory does not offer. Nothing of `user_options` is used unchecked."""
        if self.is_grading:
            if options != GRADING:
                raise web.HTTPError(400, "The grader account grades, and does nothing else.")
            if not self.runner_python:
                raise web.HTTPError(400, "This factory has no runner for grading.")
            return
        unknown = sorted(set(options) - {"flavour", "tools"})
        if unknown:
            raise web.HTTPError(400, f"This factory does not know the option {unknown[0][:40]!r}.")
        if options.get("flavour", self.flavours[0]) not in self.flavours:
            raise web.HTTPError(400, f"This factory offers only {', '.join(self.flavours)}.")
        tools = options.get("tools", [])
        if not isinstance(tools, list) or any(tool not in self.tools for tool in tools):
            raise web.HTTPError(400, f"Of tools this factory offers only {', '.join(self.tools)}.")

    def get_env(self) -> dict[str, str]:
        """What the server's process finds in its environment; the place of its token, which no list shows."""
        env = {**super().get_env(), "HOME": HOME, "USER": "learner"}
        if self.is_grading:
            own = {**self.runner_environment, "PYTHONPATH": str(PROJECT)}
            return {**env, **common_environment(self.python), **own}
        return {
            **env,
            **session_environment(self.python, self.user_options.get("tools", [])),
            "LAB_MACHINE": "development",
            "JUPYTER_RUNTIME_DIR": "/tmp/jupyter",  # noqa: S108  (private to the sandbox)
        }

    async def start(self) -> tuple[str, int]:
        self.check_options(self.user_options)
        home = await asyncio.to_thread(
            ensure_home, Path(self.homes), self.user.name, first_uid=self.first_uid
        )
        sandbox = self._make_sandbox(home)
        self.port = random_port()
        if self.is_grading:
            command = runner_command(self.runner_python)
        else:
            command = session_command(self.python, "/etc/jupyter/learner_server.py", self.get_args())
        # Stored before there is a process and as soon as it is known, not when this method has returned: a hub that
        # is killed meanwhile would lose the server.
        self._store_state()
        self.mark = vars(await self._launch_or_end(sandbox, command))
        self._store_state()
        await self._wait_listening()
        return "127.0.0.1", self.port

    def _make_sandbox(self, home: Path) -> Sandbox:
        owner = home.stat()
        own: dict[str, Any] = {
            "bubblewrap": find_bubblewrap(),
            "python": Path(self.python),
            "home": home,
            "config": LEARNER_FILES,
            "uid": owner.st_uid,
            "gid": owner.st_gid,
        }
        if self.is_grading:
            return RunnerSandbox(**own, platform=Path(self.runner_python), project=PROJECT)
        return Sandbox(**own)

    def _store_state(self) -> None:
        self.orm_spawner.state = self.get_state()
        if session := object_session(self.orm_spawner):
            session.commit()

    async def poll(self) -> int | None:
        if self._process is not None:
            self._process.poll()  # else it stays a zombie
        if self.mark and ProcessMark(**self.mark).is_alive():
            return None
        if self._was_launching:
            await asyncio.to_thread(end_all_with, f"JUPYTERHUB_SERVICE_PREFIX={self.server.base_url}")
        self.clear_state()
        return self._process.returncode or 0 if self._process is not None else 0

    async def stop(self, now: bool = False) -> None:
        """End the server: politely at first, so that kernels may finish writing, then everything at once."""
        if not self.mark:
            return
        first = ProcessMark(**self.mark)
        if not now:
            # A runner has no process namespace of its own: the first process is itself, and its end that of its boxes.
            for server in [first] if self.is_grading else first.children():
                server.send(signal.SIGTERM)
            await self._wait(first)
        first.send(signal.SIGKILL)
        await self._wait(first)
        await self.poll()

    async def _wait_listening(self) -> None:
        """Return when the server takes connections; raise at once where it has ended instead."""
        while await self.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
        raise web.HTTPError(500, f"The server ended while starting; see {LOG_NAME} in the learner's home.")

    async def _wait(self, process: ProcessMark) -> None:
        for _ in range(int(STOP_SECONDS / 0.05)):
            if not process.is_alive():
                return
            await asyncio.sleep(0.05)

    async def _launch_or_end(self, sandbox: Sandbox, command: list[str]) -> ProcessMark:
        """A start that is taken back meanwhile cannot call its thread back: what that launches is ended at once."""
        launching = asyncio.create_task(asyncio.to_thread(self._launch, sandbox, command))
        try:
            return await asyncio.shield(launching)
        except asyncio.CancelledError:
            launching.add_done_callback(end_launched)
            raise

    def _launch(self, sandbox: Sandbox, command: list[str]) -> ProcessMark:
        passwd, group = passwd_lines(sandbox.uid, sandbox.gid)
        info_read, info_write = os.pipe()
        with (
            memory_file(passwd) as passwd_fd,
            memory_file(group) as group_fd,
            open_log(sandbox.home / LOG_NAME, sandbox) as log,
            os.fdopen(info_read, "rb") as info,
        ):
            try:
                self._process = subprocess.Popen(
                    sandbox.argv(command, passwd_fd=passwd_fd, group_fd=group_fd, info_fd=info_write),
                    env=self.get_env(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # a signal to the hub's group is not for learners' servers
                    pass_fds=(passwd_fd, group_fd, info_write),
                )
            finally:
                os.close(info_write)
            return self._read_mark(info.read())

    def _read_mark(self, info: bytes) -> ProcessMark:
        """Bubblewrap's report of the process it made; an empty one means that it could not."""
        mark = ProcessMark.of(json.loads(info)["child-pid"]) if info else None
        if mark is None:
            raise web.HTTPError(500, f"The sandbox did not start; see {LOG_NAME} in the learner's home.")
        return mark


def end_launched(launching: asyncio.Task[ProcessMark]) -> None:
    if not launching.cancelled() and launching.exception() is None:
        launching.result().send(signal.SIGKILL)


@contextlib.contextmanager
def memory_file(content: bytes) -> Iterator[int]:
    """A descriptor that reads `content`, from no file."""
    descriptor = os.memfd_create("paja")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def open_log(path: Path, sandbox: Sandbox) -> Iterator[int]:
    """A new log in the learner's home, so that what they print fills their own space and no other's.

    The learner may have put a link or a folder of that name there: it is removed, a link is never followed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        if os.geteuid() == 0:
            os.fchown(descriptor, sandbox.uid, sandbox.gid)
        yield descriptor
    finally:
        os.close(descriptor)
