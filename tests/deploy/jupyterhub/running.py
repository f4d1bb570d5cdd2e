"""Learners' servers at a real hub: code that runs in them, their processes, and whether they answer."""

import contextlib
import json
import sqlite3

import psutil

from labs.exceptions import LabError
from labs.jupyterhub import ContentsClient, HubClient
from tests.servers import kernel
from tests.servers.hub import RealHub


def run_code(real_hub: RealHub, user: str, server: str, code: str) -> str:
    """What `code` prints in a new kernel of that learner's server."""
    with real_hub.client() as client:
        token = client.create_server_token(user, server, expires_in=300).token
    headers = {"Authorization": f"token {token}", "Host": f"{user}.{real_hub.host}"}
    return kernel.run_code(f"{real_hub.inside}/user/{user}/{server}", headers, code)


def sandboxed(real_hub: RealHub) -> list[psutil.Process]:
    """Every process under a learner's home of this hub, bubblewrap's own included."""
    home = str(real_hub.homes)
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(home in word for word in process.info["cmdline"] or []):
            found += [process, *process.children(recursive=True)]
    return found


def is_answering(contents: ContentsClient) -> bool:
    try:
        return contents.find_file("") is not None
    except LabError:
        return False


def is_down(client: HubClient, user: str, server: str) -> bool:
    model = client.find_server(user, server)
    return model is None or not (model.is_ready or model.pending)


def find_first_process(real_hub: RealHub, user: str) -> psutil.Process | None:
    """The first process of a learner's sandbox: the second bubblewrap."""
    home = str(real_hub.homes / user)
    found = [
        process
        for process in psutil.process_iter(["cmdline", "ppid"])
        if home in (process.info["cmdline"] or [])
    ]
    return next(
        (process for process in found if process.info["ppid"] in {other.pid for other in found}), None
    )


def has_stored_mark(real_hub: RealHub, user: str) -> bool:
    """Whether the hub's database has what the hub follows a learner's server by."""
    with contextlib.closing(
        sqlite3.connect(real_hub.place.hub_data(real_hub.hub) / "jupyterhub.sqlite")
    ) as database:
        states = database.execute(
            "SELECT spawners.state FROM spawners JOIN users ON users.id = spawners.user_id WHERE users.name = ?",
            (user,),
        ).fetchall()
    return any(json.loads(state or "{}").get("mark") for (state,) in states)


def first_process(real_hub: RealHub, user: str) -> psutil.Process:
    found = find_first_process(real_hub, user)
    assert found is not None
    return found
