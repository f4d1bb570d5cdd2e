"""What a learner can get hold of against a hub on Slurm, what they try it on, and what must not move by it."""

import base64
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.deploy.jupyterhub.browsing import address_of, log_in, own_token
from tests.deploy.jupyterhub.running import run_code
from tests.servers.hub import RealHub
from tests.servers.slurm import RealCluster

ATHENS = "athens"
ADA, EVE, GRADER = ("p-0000ada1", "s-0000ada1"), ("p-0000eee1", "s-0000eee1"), ("p-grader", "g-00000001")
BEN = ("p-0000be01", "s-0000be01")
LEASE = "1f00ba12-0000-4000-8000-00000000000"


def options(slurm: RealCluster, number: int, **changes: Any) -> dict[str, Any]:
    asked = {
        "kind": "session", "partition": "gpu", "flavour": "gpu", "minutes": 30, "account": "training",
        "unix_account": slurm.learners(ATHENS)[number], "lease": f"{LEASE}{number}",
    }  # fmt: skip
    return {**asked, **changes}


# --- What must not move ----------------------------------------------------------------------------


def what_there_is(hub: RealHub, slurm: RealCluster) -> dict[str, object]:
    """Jobs and as whom they run, what the hub stores of its servers and their people, the proxy's routes."""
    with contextlib.closing(sqlite3.connect(hub_data(hub) / "jupyterhub.sqlite")) as database:
        stored = database.execute("SELECT name, state, user_options FROM spawners ORDER BY name").fetchall()
        people = database.execute("SELECT name, admin FROM users ORDER BY name").fetchall()
        servers = database.execute("SELECT proto, ip, port, base_url FROM servers ORDER BY id").fetchall()
    token = (hub.place.data / "secrets" / f"proxy_token_{hub.hub.factory}").read_text()
    routes = httpx.get(
        f"http://127.0.0.1:{hub.hub.proxy_api_port}/api/routes", headers={"Authorization": f"token {token}"}
    ).json()
    return {
        "jobs": slurm.ask(ATHENS, "squeue", "--noheader", "--sort=i", "--format=%A %j %u %P %l"),
        "stored": stored,
        "people": people,
        "servers": servers,
        "routes": {path: route["target"] for path, route in routes.items()},
    }


def hub_data(hub: RealHub) -> Path:
    return hub.place.hub_data(hub.hub)


def jobs_of_root() -> list[str]:
    """Processes below a job's supervisor that have not become anybody's."""
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["name", "uids", "cmdline"])
        if process.info["name"] not in {"slurmstepd", "sleep"}
        and process.info["uids"].real == 0
        and any(parent.name() == "slurmstepd" for parent in parents(process))
    ]


def parents(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.parents()
    return []


# --- Tokens ----------------------------------------------------------------------------------------


def find_tokens(hub: RealHub) -> dict[str, str]:
    """Eve's, from her session, her browser and Paja's visits; and a grader's, should she ever get one."""
    with hub.client() as client:
        visits = client.create_server_token(*EVE, expires_in=300).token
    with log_in(hub, EVE[0]) as browser:
        assert browser.get(address_of(hub, *EVE, path="lab")).status_code == 200
        cookie = next(
            each.value or "" for each in browser.cookies.jar if each.name.startswith("jupyterhub-user-")
        )
    with contextlib.closing(sqlite3.connect(hub_data(hub) / "jupyterhub.sqlite")) as database:
        (state,) = database.execute("SELECT state FROM spawners WHERE name = ?", (GRADER[1],)).fetchone()
    return {
        "her server's": run_code(hub, *EVE, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip(),
        "her browser's": base64.b64decode(cookie.strip('"').split("|")[4].split(":")[1]).decode(),
        "Paja's for a visit": visits,
        "the strongest of her role": own_token(hub, EVE[0]),
        "a grader's": json.loads(state)["token"],
    }


def find_attempts(slurm: RealCluster) -> list[tuple[str, str, object]]:
    """Starts of every wrong kind, for herself and others; stops, tokens, routes, and all that is the service's."""
    evil: list[dict[str, Any]] = [
        options(slurm, 2),
        options(slurm, 0),
        {"kind": "grading"},
        {"kind": "check", **options(slurm, 2)},
        options(slurm, 2, partition="gpu\n#SBATCH --uid=0"),
        options(slurm, 2, cmd=["/bin/sh", "-c", "id"]),
        options(slurm, 2, unix_account="root", account="$(id)"),
    ]
    starts = [
        ("POST", f"users/{user}/{path}", each)
        for each in evil
        for user, path in (
            (EVE[0], "servers/s-00000bad"),
            (EVE[0], "server"),
            (ADA[0], "servers/s-00000bad"),
            (ADA[0], f"servers/{ADA[1]}"),
            (GRADER[0], "servers/g-00000bad"),
        )
    ]
    return [
        *starts,
        ("POST", f"users/{EVE[0]}/servers/{EVE[1]}", {"user_options": evil[0]}),
        ("DELETE", f"users/{ADA[0]}/servers/{ADA[1]}", {"remove": True}),
        ("DELETE", f"users/{EVE[0]}/servers/{EVE[1]}", {"remove": True}),
        ("POST", f"users/{ADA[0]}/tokens", {}),
        ("POST", f"users/{EVE[0]}/tokens", {"scopes": ["admin:users"]}),
        ("PATCH", f"users/{EVE[0]}", {"admin": True}),
        ("POST", "users/p-0000bad1", {}),
        ("GET", "paja/queue", None),
        ("GET", "proxy", None),
        ("POST", "proxy", {}),
        ("PATCH", "proxy", {"port": 1}),
        ("POST", "batchspawner", {"port": 22, "batch_cancel_cmd": "id"}),
        ("POST", "shutdown", {}),
    ]


def find_posts(port_of_ada: int) -> list[tuple[object, set[int]]]:
    """What a job could tell of itself, and how that is refused."""
    other = [{"port": 40_001}, {"port": port_of_ada}, {"checked": True}]
    nonsense: list[object] = [
        {"port": 22}, {"port": -1}, {"port": True}, {"port": None}, {"port": 1e9}, {"port": f"{port_of_ada}; id"},
        {"port": port_of_ada, "ip": "127.0.0.1"}, {"ip": "10.0.0.1"}, {"node": "x"}, {"job_id": "1"}, {"cmd": "id"},
        {"unix_account": "root"}, {"api_token": "x"}, {"user_options": {"cmd": "id"}}, {"name": ADA[1]}, [], "x",
    ]  # fmt: skip
    return [(each, {403}) for each in other] + [(each, {400, 403}) for each in nonsense]


def port_of(hub: RealHub, learner: tuple[str, str]) -> int:
    code = "import os; print(os.environ['JUPYTERHUB_SERVICE_URL'].split(':')[2].split('/')[0])"
    return int(run_code(hub, *learner, code))
