"""The fork servers of this worker process: one for each environment, started at first use, replaced when it has served.

Where none can be had, boxes get kernels of their own, and the log says why, once.
"""

import logging
import os
import threading
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from labs.box.forking.server import ForkServer, ForkServerError, UnforkableError
from labs.box.kernelspecs import get_python
from labs.box.limits import BoxEnvironment
from labs.exceptions import BoxUnavailableError, LabError

logger = logging.getLogger(__name__)

# What an environment says about itself, below its prefix.
FILE: Final = Path("share", "paja", "environment.toml")
_TRIES_AGAIN_AFTER: Final = 600

T = TypeVar("T")


class _Place:
    """Where the server of one environment is, or why there is none."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.server: ForkServer | None = None
        self.refusal = ""
        self.refused_at = 0.0

    def refuse(self, reason: str) -> None:
        if reason != self.refusal:
            logger.warning("kernels are started one by one: %s", reason)
        self.refusal, self.refused_at = reason, time.monotonic()

    @property
    def is_refusing(self) -> bool:
        return bool(self.refusal) and time.monotonic() - self.refused_at < _TRIES_AGAIN_AFTER


_places: dict[BoxEnvironment, _Place] = {}
_lock = threading.Lock()


def find_server(environment: BoxEnvironment) -> ForkServer | None:
    """The environment's fork server; None where this machine or this environment can have none."""
    if environment.devices:
        return None  # what asks an accelerator is started behind it, and takes its time anyway
    place = _find_place(environment)
    with place.lock:
        if place.server is not None and place.server.is_usable:
            return place.server
        if place.server is not None:
            place.server.close()
            place.server = None
        if place.is_refusing:
            return None
        try:
            place.server = _start(environment)
        except LabError as error:
            place.refuse(str(error))
        return place.server


def open_with_server(environment: BoxEnvironment, open_box: Callable[..., T]) -> T | None:
    """A box that is opened with a `server` to fork from; None where there is none, or none that forks.

    A server that was killed costs nothing: what it did not do, the next one does. Two that do not fork, one behind
    the other, are not asked again for a while, since starting them costs more than kernels of their own.
    """
    for is_last in (False, True):
        server = find_server(environment)
        if server is None:
            return None
        try:
            return open_box(server=server)
        except (BoxUnavailableError, ForkServerError) as error:
            server.close()
            if is_last:
                place = _find_place(environment)
                with place.lock:
                    place.refuse(str(error))
            else:
                logger.warning("a box got no fork, and is given another: %s", error)
    return None


def start_forking(environment: BoxEnvironment) -> None:
    """Have the environment's fork server started, without waiting for it."""
    threading.Thread(target=find_server, args=(environment,), name="fork server's start", daemon=True).start()


def find_refusal(environment: BoxEnvironment) -> str:
    """Why there is no fork server, as the log has it; empty where there is one, or none was asked for."""
    place = _find_place(environment)
    return place.refusal if place.is_refusing else ""


def close_servers() -> None:
    """End them all, as a worker does that ends."""
    with _lock:
        places = list(_places.values())
    for place in places:
        with place.lock:
            if place.server is not None:
                place.server.close()
                place.server = None


def _find_place(environment: BoxEnvironment) -> _Place:
    with _lock:
        return _places.setdefault(environment, _Place())


def read_preload(environment: BoxEnvironment) -> list[str]:
    """The modules that the environment's file names; none where it has no file, or one that cannot be read."""
    file = environment.python.parent.parent / FILE
    try:
        told = tomllib.loads(file.read_text()).get("preload", [])
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read: %s", file, error)
        return []
    if not isinstance(told, list) or not all(isinstance(name, str) for name in told):
        logger.warning("%s: `preload` is no list of names", file)
        return []
    return told


def _start(environment: BoxEnvironment) -> ForkServer:
    preload = read_preload(environment)
    arguments = [part for part in get_python(environment).argv if part.startswith("--")]
    while True:
        try:
            server = ForkServer(environment, arguments, preload)
        except UnforkableError as error:
            logger.warning("%s: %s; it is left to the notebooks that import it", FILE, error)
            preload.remove(error.module)
            continue
        for name, fault in server.left_out.items():
            logger.warning("%s: %s cannot be imported: %s", FILE, name, fault)
        return server


def _forget() -> None:
    """In a fork of the worker: the servers are its parent's."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    for place in _places.values():
        if place.server is not None:
            place.server.disown()
    _places.clear()


os.register_at_fork(after_in_child=_forget)
