"""A FirecREST v2 with a Slurm in memory behind it, which answers as its published OpenAPI says.

`FirecrestApi.answer` is all of it without a socket; `FirecrestServer` is the same over HTTP.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from deploy.jupyterhub.slurm.jobs import JobRequest
from tests.fakes.scheduler import FakeJob, FakeScheduler

SYSTEM = "lumi"
ROBOT = "robot01"
CLIENT_ID = "paja-hub"
CLIENT_SECRET = "a-secret-of-the-client"
JOBS = re.compile(rf"/compute/{SYSTEM}/jobs(?:/(?P<job_id>[a-zA-Z0-9]+))?")
STATUS = re.compile(rf"/status/{SYSTEM}/(?P<what>nodes|partitions|reservations)")
NO_PARTITION = "sbatch: error: Batch job submission failed: Invalid partition name specified"
NO_OPTION = "sbatch: unrecognized option"

Answer = tuple[int, object]


@dataclass
class FirecrestApi:
    """`asked` counts by method and path without ids; `tokens` are the ones given out, the last is good."""

    slurm: FakeScheduler = field(default_factory=FakeScheduler)
    asked: Counter[str] = field(default_factory=Counter)
    tokens: list[str] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    expires_in: int = 300
    fault: Answer | None = None  # what it answers instead, to everybody with a token

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        url = urlsplit(target)
        self.asked[f"{method} {url.path.rstrip('0123456789')}"] += 1
        if url.path == "/token":
            return self._give_token(parse_qs(body.decode()))
        if not self.tokens or headers.get("authorization") != f"Bearer {self.tokens[-1]}":
            return error(401, "Bad token")
        if self.fault is not None:
            return self.fault
        if match := JOBS.fullmatch(url.path):
            return self._about_jobs(method, match["job_id"], parse_qs(url.query), body)
        if method == "GET" and (match := STATUS.fullmatch(url.path)):
            return 200, {match["what"]: getattr(self, f"_{match['what']}")()}
        return error(404, "Not Found")

    def _give_token(self, form: Mapping[str, list[str]]) -> Answer:
        wanted = {
            "grant_type": ["client_credentials"],
            "client_id": [CLIENT_ID],
            "client_secret": [CLIENT_SECRET],
        }
        if form != wanted:
            return 401, {"error": "unauthorized_client"}
        self.tokens.append(f"token-{len(self.tokens)}")
        return 200, {
            "access_token": self.tokens[-1],
            "expires_in": self.expires_in,
            "token_type": "Bearer",
        }

    def _about_jobs(self, method: str, job_id: str, query: Mapping[str, list[str]], body: bytes) -> Answer:
        if method == "POST" and not job_id:
            return self._submit(json.loads(body)["job"])
        if method == "DELETE" and job_id:
            return self._cancel(job_id)
        if method != "GET":
            return error(405, "Method Not Allowed")
        is_for_all = query.get("allusers") == ["true"] or job_id
        found = [
            self._job(job)
            for job in self.slurm.jobs.values()
            if (not job_id or job.job_id == job_id) and (is_for_all or job.request.unix_account == ROBOT)
        ]
        return (200, {"jobs": found}) if found or not job_id else error(404, "Job not found.")

    def _submit(self, order: dict[str, Any]) -> Answer:
        """As sbatch reads a script: its options stand behind the first line, before anything else."""
        self.orders.append(order)
        if not isinstance(order.get("workingDirectory"), str):
            return error(400, "Field required", kind="validation")
        options: dict[str, str] = {}
        for line in order["script"].split("\n")[1:]:
            if not line.startswith("#SBATCH --"):
                break
            name, _, value = line.removeprefix("#SBATCH --").partition("=")
            options[name] = value
        if {"account", "job-name"} & {name for name, value in options.items() if " " in value}:
            return slurm_error(NO_OPTION)
        if options["partition"] not in self.slurm.gpus:
            return slurm_error(NO_PARTITION)
        request = JobRequest(
            name=order["name"],
            partition=options["partition"],
            gres=options.get("gres", ""),
            cores=int(options["cpus-per-task"]),
            memory_gb=int(options["mem"].removesuffix("G")),
            minutes=int(options["time"]),
            account=order.get("account", ""),
            qos=options.get("qos", ""),
            reservation=options.get("reservation", ""),
            unix_account=ROBOT,
        )
        return 201, {"jobId": int(self.slurm.add(request, order["script"]).job_id)}

    def _cancel(self, job_id: str) -> Answer:
        job = self.slurm.jobs.get(job_id)
        if job is None:
            return error(404, "Job not found")
        if job.ended_at is not None:
            return slurm_error(f"scancel: error: Kill job error on job id {job_id}: Invalid job id specified")
        self.slurm.end(job_id, "CANCELLED", cancelled_by=ROBOT)
        return 204, None

    def _job(self, job: FakeJob) -> dict[str, object]:
        by = f" by {job.cancelled_by}" if job.cancelled_by else ""
        start = job.started_at or job.expected_start_at
        return {
            "jobId": job.job_id,
            "name": job.request.name,
            "status": {
                "state": job.state + by,
                "stateReason": job.reason or "None",
                "exitCode": 0,
                "interruptSignal": 0,
            },
            "tasks": None,
            "time": {
                "elapsed": 0,
                "submission": seconds(job.submitted_at),
                "start": seconds(start),
                "end": seconds(job.ended_at),
                "suspended": 0,
                "limit": job.request.minutes * 60,
            },
            "account": job.request.account or None,
            "allocationNodes": 1 if job.node else 0,
            "cluster": SYSTEM,
            "group": "users",
            "nodes": job.node or "None assigned",
            "partition": job.request.partition,
            "killRequestUser": None,
            "user": job.request.unix_account,
            "workingDirectory": "/",
            "priority": 1000,
        }

    def _nodes(self) -> list[dict[str, object]]:
        return [
            {
                "sockets": 1,
                "cores": 64,
                "cpus": 64,
                "name": f"nid{number + 1:06}",
                "state": ["IDLE"],
                "partitions": [partition],
                "weight": 1,
            }
            for partition, gpus in self.slurm.gpus.items()
            for number in range(-(-gpus // 8))
        ]

    def _partitions(self) -> list[dict[str, object]]:
        return [
            {
                "name": name,
                "cpus": 64,
                "totalNodes": 1,
                "partition": "DOWN" if name in self.slurm.closed else "UP",
            }
            for name in self.slurm.gpus
        ]

    def _reservations(self) -> list[dict[str, object]]:
        return [
            {
                "name": each.name,
                "nodeList": ",".join(each.nodes),
                "startTime": seconds(each.starts_at),
                "endTime": seconds(each.ends_at),
                "features": None,
            }
            for each in self.slurm.reservations
        ]


class ApiTransport(httpx.AsyncBaseTransport):
    """The API without a socket."""

    def __init__(self, api: FirecrestApi) -> None:
        self.api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        target = request.url.raw_path.decode()
        status, value = self.api.answer(request.method, target, request.headers, body)
        return httpx.Response(status, content=b"" if value is None else json.dumps(value).encode())


class FirecrestServer:
    """The API over HTTP on loopback, until the end of the `with`."""

    def __init__(self, api: FirecrestApi) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(api))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


def handler_for(api: FirecrestApi) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class FirecrestRequest(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with lock:
                status, value = api.answer(self.command, self.path, headers, body)
            data = b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 (http.server's names)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return FirecrestRequest


def error(status: int, message: str, *, kind: str = "error") -> Answer:
    return status, {"errorType": kind, "message": message, "data": None, "user": ROBOT}


def slurm_error(stderr: str) -> Answer:
    """A command of Slurm's that failed: 500, with what it said."""
    return error(500, f"Unexpected Slurm command response. exit_status:1 std_err:{stderr}")


def seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
