"""The fork servers of this worker process: one for each environment, started at first use, replaced when it has served.

Where none can be had, boxes get kernels of their own, and the log says why, once.
"""

import logging
import os
import threading
import time
import tomllib
from pathlib import Path
from typing import Final

from labs.box.forking.server import ForkServer, ForkServerError, ThreadsStartedError
from labs.box.kernelspecs import get_python
from labs.box.limits import BoxEnvironment
from labs.exceptions import LabError

logger = logging.getLogger(__name__)

# What an environment says about itself, below its prefix.
FILE: Final = Path("share", "paja", "environment.toml")
_TRIES_AGAIN_AFTER: Final = 600


class _Place:
    """Where the server of one environment is, or why there is none."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.server: ForkServer | None = None
        self.refusal = ""
        self.refused_at = 0.0


_places: dict[BoxEnvironment, _Place] = {}
_lock = threading.Lock()


def find_server(environment: BoxEnvironment) -> ForkServer | None:
    """The environment's fork server; None where this machine or this environment can have none."""
    with _lock:
        place = _places.setdefault(environment, _Place())
    with place.lock:
        if place.server is not None and place.server.is_usable:
            return place.server
        if place.server is not None:
            place.server.close()
            place.server = None
        if place.refusal and time.monotonic() - place.refused_at < _TRIES_AGAIN_AFTER:
            return None
        try:
            place.server = _start(environment)
            place.refusal = ""
        except LabError as error:
            if str(error) != place.refusal:
                logger.warning("kernels are started one by one: %s", error)
            place.refusal, place.refused_at = str(error), time.monotonic()
        return place.server


def start_forking(environment: BoxEnvironment) -> None:
    """Have the environment's fork server started, without waiting for it."""
    threading.Thread(target=find_server, args=(environment,), name="fork server's start", daemon=True).start()


def find_refusal(environment: BoxEnvironment) -> str:
    """Why there is no fork server, as the log has it; empty where there is one, or none was asked for."""
    place = _places.get(environment)
    return place.refusal if place else ""


def close_servers() -> None:
    """End them all, as a worker does that ends."""
    with _lock:
        places = list(_places.values())
    for place in places:
        with place.lock:
            if place.server is not None:
                place.server.close()
                place.server = None


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
        except ThreadsStartedError as error:
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

__all__ = ["ForkServerError", "close_servers", "find_refusal", "find_server", "read_preload", "start_forking"]
