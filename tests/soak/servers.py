"""Learners' servers as the machine itself shows them: one process each, whatever hubs and rows say."""

import contextlib
from dataclasses import dataclass

import psutil

from deploy.development.place import HubPlace, Place
from deploy.development.programs import LAB_PYTHON


@dataclass(frozen=True)
class Server:
    """The process that is a learner's server; its sandbox and kernels end with it."""

    name: str
    user: str
    factory: str
    process: psutil.Process


def find_servers(place: Place) -> list[Server]:
    """Every learner's server of this Paja that lives now."""
    hubs = {f"http://127.0.0.1:{hub.hub_port}/": hub for hub in place.hubs}
    found = [server for process in psutil.process_iter() if (server := read_server(process, hubs))]
    # A server that starts a kernel is two for a moment.
    processes = {server.process for server in found}
    return [server for server in found if find_parent(server.process) not in processes]


def find_parent(process: psutil.Process) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.parent()
    return None


def read_server(process: psutil.Process, hubs: dict[str, HubPlace]) -> Server | None:
    """The server that the process is. What stands around it is told the same, so the program's name decides."""
    with contextlib.suppress(psutil.Error, OSError):
        words = process.cmdline()
        if words[:1] != [str(LAB_PYTHON)] or not any("learner_server.py" in word for word in words[:4]):
            return None
        told = process.environ()
        name = told.get("JUPYTERHUB_SERVER_NAME", "")
        hub = next(
            (hubs[inner] for inner in hubs if told.get("JUPYTERHUB_API_URL", "").startswith(inner)), None
        )
        if hub and name:
            return Server(name, told.get("JUPYTERHUB_USER", ""), hub.factory, process)
    return None
