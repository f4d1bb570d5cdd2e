"""What a job does on its node besides cleaning: a folder of its own, its post to the hub, its server's environment."""

import json
import os
import pwd
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.jupyterhub.slurm.node import job
from deploy.jupyterhub.slurm.node.cleaning import JobError


class Hub(ThreadingHTTPServer):
    """Answers each post with the next of `statuses`."""

    statuses: list[int]
    heard: list[tuple[str, Any]]


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.headers["Authorization"], json.loads(body)))
        self.send_response(self.server.statuses.pop(0))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    server = Hub(("127.0.0.1", 0), HubHandler)
    server.statuses, server.heard = [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def order(hub: Hub | None = None) -> dict[str, Any]:
    port = hub.server_address[1] if hub else 1
    return {
        "kind": "session",
        "hub_api_url": f"http://127.0.0.1:{port}/hub/api",
        "listen": "127.0.0.1",
        "environment": {"JUPYTERHUB_API_TOKEN": "secret", "JUPYTERHUB_SERVICE_PREFIX": "/user/p-1/s-1/"},
    }


@pytest.mark.live
def test_a_hub_that_does_not_know_yet_or_is_away_is_asked_again(hub: Hub) -> None:
    hub.statuses = [409, 503, 403, 204]

    job.tell_hub(order(hub), {"port": 40_001})

    assert hub.heard == [("token secret", {"port": 40_001})] * 4


@pytest.mark.live
def test_a_hub_that_does_not_understand_is_not_asked_again(hub: Hub) -> None:
    hub.statuses = [400]

    with pytest.raises(JobError):
        job.tell_hub(order(hub), {"port": 40_001})

    assert len(hub.heard) == 1


@pytest.mark.live
def test_a_hub_that_stays_away_ends_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 10_000, 400))
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr("time.monotonic", lambda: next(moments))

    with pytest.raises(JobError):
        job.tell_hub(order(), {"port": 40_001})


def test_folders_of_sessions_that_were_killed_go_and_those_that_live_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "SHARED_PLACES", (str(tmp_path),))
    monkeypatch.setattr(job, "STALE_SECONDS", -1)
    killed, others = tmp_path / "paja-killed", tmp_path / "other"
    for folder in (killed, others):
        folder.mkdir()
        (folder / "lock").touch()
    (tmp_path / "paja-link").symlink_to(others)

    living = job.make_runtime()
    second = job.make_runtime()

    assert living.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in tmp_path.iterdir()} == {living.name, second.name, "other"}
    assert (others / "lock").exists()


def test_a_server_gets_the_jobs_devices_and_nothing_else_of_the_nodes_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("SLURM_JOB_USER", "ada")

    environment = job.server_environment(
        order(), pwd.getpwuid(os.getuid()), tmp_path / "paja", tmp_path / "runtime", 40_001
    )

    assert environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert "SLURM_JOB_USER" not in environment
    assert environment["JUPYTERHUB_SERVICE_URL"] == "http://127.0.0.1:40001/user/p-1/s-1/"
    assert environment["PAJA_LAB_ROOT"] == str(tmp_path / "paja")
