"""How long a learner's server takes: ours through a real hub, beside the stock command alone."""

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from deploy.development.programs import LAB_PYTHON
from labs.jupyterhub import HubClient
from tests.live.alone import say
from tests.servers import wait_for
from tests.servers.hub import RealHub, run_hub

ROUNDS = 5
AIM = 0.5
STOCK_PORT = 28_888
USER = "p-0000be0c"


def time_ours(real: RealHub, number: int) -> tuple[float, float]:
    """Seconds until the hub has answered the start, and until the server is ready."""
    server = f"s-{number:08x}"
    with real.client() as client:
        started = time.monotonic()
        client.ensure_server(USER, server, {})
        answered = time.monotonic() - started
        wait_for(lambda: is_ready(client, server), seconds=120, what="ready")
        ready = time.monotonic() - started
    real.stop_server(USER, server)
    return answered, ready


def is_ready(client: HubClient, server: str) -> bool:
    model = client.find_server(USER, server)
    return model is not None and model.is_ready


def time_stock(real: RealHub, home: Path) -> float:
    """Seconds until the stock command answers: no hub in front, no sandbox, none of our settings."""
    with httpx.Client(headers={"Authorization": f"token {real.token}"}) as service:
        asked = service.post(f"{real.inside}/hub/api/users/{USER}/tokens", json={"expires_in": 600})
    environment = {
        "PATH": f"{LAB_PYTHON.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "JUPYTERHUB_API_TOKEN": asked.json()["token"],
        "JUPYTERHUB_API_URL": f"{real.inside}/hub/api",
        "JUPYTERHUB_ACTIVITY_URL": f"{real.inside}/hub/api/users/{USER}/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-bench",
        "JUPYTERHUB_USER": USER,
        "JUPYTERHUB_SERVICE_PREFIX": "/bench/",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{STOCK_PORT}/bench/",
    }
    started = time.monotonic()
    argv = [str(LAB_PYTHON), "-m", "jupyterhub.singleuser", "--allow-root"]
    with subprocess.Popen(
        argv, env=environment, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_for(lambda: answers(f"http://127.0.0.1:{STOCK_PORT}/bench/api"), seconds=120, what="stock")
        seconds = time.monotonic() - started
        process.kill()
    return seconds


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def measure() -> bool:
    """Say the table; whether the aim was kept."""
    with tempfile.TemporaryDirectory() as folder, run_hub(Path(folder)) as real:
        with real.client() as client:
            client.ensure_user(USER)
        home = Path(folder, "stock")
        home.mkdir()
        time_ours(real, 0)  # the first one reads files that the others find in memory
        time_stock(real, home)
        rounds = [(*time_ours(real, number), time_stock(real, home)) for number in range(1, ROUNDS + 1)]
    answered, ready, stock = (statistics.median(column) for column in zip(*rounds, strict=True))
    is_kept = bool(ready / stock <= AIM)
    say(f"A server's start: median of {ROUNDS} each, in turn, load {os.getloadavg()[0]:.1f}\n")
    say(f"{'the hub answers a start':<44}{answered:>8.2f} s")
    say(f"{'server ready, through the hub, in its sandbox':<45}{ready:>7.2f} s")
    say(f"{'stock jupyterhub-singleuser answers, alone':<44}{stock:>8.2f} s")
    say(f"{'ours to stock':<44}{ready / stock:>8.2f}     at most {AIM}: {'kept' if is_kept else 'MISSED'}")
    return is_kept
