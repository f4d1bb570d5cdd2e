"""A real runner of the box, and in place of its hub the smallest one that says whose a token is."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deploy.development.place import ROOT
from labs.exceptions import LabError
from labs.jupyterhub import RunnerClient
from tests.servers import wait_for

PREFIX = "/user/p-grader/g-00000001/"
SCOPE = "access:servers!server=p-grader/g-00000001"
TOKEN = "token-of-paja"
OTHERS_TOKEN = "token-of-eve"
OWN_TOKEN = "token-of-the-runner-itself"


class PretendHub(ThreadingHTTPServer):
    """Knows two tokens: one that reaches the runner, one that reaches another server. `told` is activity."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), PretendHubHandler)
        self.told: list[dict[str, object]] = []


class PretendHubHandler(BaseHTTPRequestHandler):
    server: PretendHub

    def do_GET(self) -> None:
        scopes = {
            f"token {TOKEN}": [SCOPE],
            f"token {OTHERS_TOKEN}": ["access:servers!server=p-0000eee1/s-00000001"],
        }.get(self.headers["Authorization"])
        if scopes is None:
            self.answer(403, {})
        else:
            self.answer(200, {"name": "paja", "kind": "service", "scopes": scopes})

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(200, {})

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@dataclass
class RealRunner:
    """A running runner and how a test reaches it."""

    origin: str
    process: subprocess.Popen[bytes]
    log: Path
    clients: list[RunnerClient] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.origin + PREFIX

    def client(self, token: str = TOKEN) -> RunnerClient:
        self.clients.append(RunnerClient(self.origin, PREFIX, token, host="localhost"))
        return self.clients[-1]


@contextmanager
def run_runner(folder: Path, lab_python: Path) -> Iterator[RealRunner]:
    """A runner with two boxes until the end of the block."""
    hub = PretendHub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    origin = f"http://127.0.0.1:{port}"
    api = f"http://127.0.0.1:{hub.server_port}/hub/api"
    log = folder / "runner.log"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "JUPYTERHUB_API_TOKEN": OWN_TOKEN,
        "JUPYTERHUB_API_URL": api,
        "JUPYTERHUB_ACTIVITY_URL": f"{api}/users/p-grader/activity",
        "JUPYTERHUB_SERVER_NAME": "g-00000001",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_URL": f"{origin}{PREFIX}",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([SCOPE, "access:servers!user=p-grader"]),
        "PAJA_RUNNER_LAB_PYTHON": str(lab_python),
        "PAJA_RUNNER_BOXES": "2",
    }
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "labs.box.runner"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
        )
    runner = RealRunner(origin, process, log)
    try:
        wait_for(lambda: is_answering(runner), seconds=60, what="the runner answers")
        yield runner
    finally:
        for client in runner.clients:
            client.close()
        process.terminate()
        process.wait(timeout=30)
        hub.shutdown()
        hub.server_close()


def is_answering(runner: RealRunner) -> bool:
    try:
        runner.client().end("0" * 32)
    except LabError:
        return False
    return True
