"""One running Paja for all tests that need one: the supervisor of `make run` on ports and data of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from django.db import connections
from django.db.utils import ConnectionHandler
from django.test import override_settings

from deploy.development.keys import ensure_keys
from deploy.development.place import ROOT, Place
from deploy.development.programs import platform_environment
from deploy.development.supervision import Supervision, bare_environment
from tests.live.waiting import wait_until
from tests.servers import find_base_port

READY_SECONDS = 150


@dataclass
class Stack:
    """A running Paja and what a test may do to it."""

    place: Place
    runner: subprocess.Popen[bytes]
    blocker: Any

    @classmethod
    def start(
        cls,
        data: Path,
        blocker: Any = None,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> "Stack":
        """`settings`: what the run is told beside its place, by the names of the environment."""
        place = Place(port=port or find_base_port(), data=data)
        own = {"PAJA_PORT": str(place.port), "PAJA_DATA": str(place.data), **(settings or {})}
        environment = {**bare_environment(), **own}
        with (data.parent / "run.log").open("wb") as log:
            runner = subprocess.Popen(
                [sys.executable, "-m", "deploy.development.run"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        stack = cls(place, runner, blocker)
        try:
            wait_until(stack.has_said_ready, "Paja says that it runs", seconds=READY_SECONDS)
        except BaseException:
            runner.terminate()
            runner.wait(timeout=60)
            raise
        return stack

    def has_said_ready(self) -> bool:
        said = self.said
        if self.runner.poll() is not None:
            raise AssertionError(f"Paja did not start. It said:\n{said}")
        return f"Paja runs: {self.url}" in said

    @property
    def said(self) -> str:
        """What the person who typed `make run` reads."""
        return (self.place.data.parent / "run.log").read_text()

    @property
    def url(self) -> str:
        return self.place.origin

    @property
    def environment(self) -> dict[str, str]:
        """What `manage.py` needs to work on this Paja."""
        names = [hub.factory for hub in self.place.hubs]
        keys = ensure_keys(self.place.data / "secrets", names)
        return {**bare_environment(), **platform_environment(self.place, keys)}

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `manage.py` as a person would, and return what it said."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @contextmanager
    def database(self) -> Iterator[None]:
        """Django's models in this process work on the rows and files of this Paja. Tasks are sent nowhere.

        Playwright's loop may run in this thread, and Django is told to bear it.
        """
        data = self.place.data
        rows = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": data / "db.sqlite3",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
        files = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
        static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        tokens = {
            hub.factory: (data / "secrets" / f"hub_token_{hub.factory}").read_text()
            for hub in self.place.hubs
        }
        mine = connections["default"]
        own = override_settings(
            MEDIA_ROOT=data / "media",
            STORAGES={"default": files, "staticfiles": static},
            HUB_TOKENS=tokens,
            PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"],
        )
        with self.blocker.unblock(), patch.dict(os.environ, DJANGO_ALLOW_ASYNC_UNSAFE="true"), own:
            connections["default"] = ConnectionHandler({"default": rows})["default"]
            try:
                yield
            finally:
                connections["default"].close()
                connections["default"] = mine

    # --- Processes ---------------------------------------------------------------------------------

    def process(self, name: str) -> psutil.Process:
        """The process of that name, once Supervisor calls it running."""
        return psutil.Process(wait_until(lambda: self.find_pid(name), f"{name} runs"))

    def is_running(self, name: str) -> bool:
        return self.find_pid(name) != 0

    def find_pid(self, name: str) -> int:
        """Its number, or 0 while Supervisor does not call it running."""
        states = Supervision(self.place, []).states()
        return next((each.pid for each in states if each.name == name and each.state == "RUNNING"), 0)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """The process of that name does nothing while the body runs; its children go on."""
        process = self.process(name)
        process.suspend()
        try:
            yield
        finally:
            if process.is_running():
                process.resume()

    def kill(self, name: str) -> None:
        """End the process of that name and its own forks with SIGKILL; return when another one runs.

        What they had started to run learners' code is left to notice by itself.
        """
        process = self.process(name)
        forks = [child for child in process.children() if child.cmdline() == process.cmdline()]
        for each in (process, *forks):
            each.suspend()  # else one could still act on the death of the other
        for each in (process, *forks):
            each.kill()
        wait_until(lambda: self.find_pid(name) not in {0, process.pid}, f"{name} was started again")

    def belongings(self) -> list[psutil.Process]:
        """Every living process of this Paja, learners' servers and kernels included."""
        return [each for each in psutil.process_iter() if each.pid != os.getpid() and self._owns(each)]

    def _owns(self, process: psutil.Process) -> bool:
        """By what only processes of this Paja are told: its folders, and the addresses of its hubs."""
        marks = (str(self.place.data), str(self.place.runtime), *(hub.origin for hub in self.place.hubs))
        inner = tuple(f"http://127.0.0.1:{hub.hub_port}/" for hub in self.place.hubs)
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            return False
        return any(mark in word for word in words for mark in (*marks, *inner))

    def stop(self) -> None:
        """Press Ctrl-C."""
        self.runner.send_signal(signal.SIGINT)
        self.runner.wait(timeout=60)
