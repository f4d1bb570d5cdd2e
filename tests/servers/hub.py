"""A real hub with its proxy, and in place of Paja the smallest OpenID Connect provider that will do."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import psutil

from deploy.development.keys import ensure_keys
from deploy.development.messages import compile_catalogues
from deploy.development.place import ROOT, HubPlace, Place
from deploy.development.programs import LAB_PYTHON, Program, jupyterhub, proxy
from deploy.development.supervision import bare_environment
from deploy.jupyterhub.sandbox import SandboxError, find_bubblewrap
from labs.jupyterhub import HubClient, ServerClient
from tests.servers import find_base_port, require, wait_for


class SignIn(ThreadingHTTPServer):
    """Signs in whoever `person` names, without a question, and says that they read `language`."""

    person = ""
    language = "en"


class SignInHandler(BaseHTTPRequestHandler):
    server: SignIn

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/identity/o/authorize":
            asked = parse_qs(url.query)
            answer = urlencode({"code": "code", "state": asked["state"][0]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri'][0]}?{answer}")
            self.end_headers()
        elif url.path == "/identity/o/api/userinfo":
            person = self.server.person
            self.answer({"sub": person, "preferred_username": person, "locale": self.server.language})
        else:
            self.answer({"page": "Paja"})

    def do_POST(self) -> None:
        self.answer({"access_token": "access", "token_type": "Bearer", "scope": "openid"})

    def answer(self, value: dict[str, str]) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class LoopbackTransport(httpx.HTTPTransport):
    """As browsers do: every name below localhost is this machine."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(host="127.0.0.1")
        inner = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return super().handle_request(inner)


@dataclass
class RealHub:
    """A running hub of the factory kajaani, and how a test reaches it as the LMS and as a learner."""

    place: Place
    hub: HubPlace
    token: str
    sign_in: SignIn
    processes: dict[str, subprocess.Popen[bytes]]
    programs: dict[str, Program]

    @property
    def homes(self) -> Path:
        return self.place.hub_data(self.hub) / "homes"

    @property
    def inside(self) -> str:
        return f"http://127.0.0.1:{self.hub.port}"

    @property
    def host(self) -> str:
        return f"{self.hub.factory}.localhost:{self.hub.port}"

    def client(self) -> HubClient:
        return HubClient(f"{self.inside}/hub/api", self.token, host=self.host)

    def contents(self, user: str, server: str, token: str) -> ServerClient:
        return ServerClient(self.inside, f"/user/{user}/{server}/", token, host=f"{user}.{self.host}")

    def browser(self, person: str) -> httpx.Client:
        """A browser that Paja would sign in as `person`."""
        self.sign_in.person = person
        return httpx.Client(transport=LoopbackTransport(), follow_redirects=True, timeout=20)

    def start(self, name: str) -> None:
        program = self.programs[name]
        with (self.place.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                program.argv,
                cwd=ROOT,
                env={**bare_environment(), **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(program.is_answering, seconds=60, what=f"{name} answers")

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def start_server(self, user: str, server: str, *, tools: Sequence[str] = ()) -> None:
        with self.client() as client:
            client.ensure_user(user)
            client.ensure_server(user, server, {"tools": list(tools)} if tools else {})
            wait_for(
                lambda: self.is_ready(client, user, server), seconds=90, what=f"{user}/{server} is ready"
            )

    def stop_server(self, user: str, server: str) -> None:
        with self.client() as client:
            wait_for(lambda: client.ensure_stopped(user, server), seconds=30, what=f"{user}/{server} stops")

    @staticmethod
    def is_ready(client: HubClient, user: str, server: str) -> bool:
        model = client.find_server(user, server)
        return model is not None and model.is_ready


@contextmanager
def run_hub(folder: Path, *, write_factory_file: Callable[[str], Path] | None = None) -> Iterator[RealHub]:
    """A hub with its proxy until the end of the block; every server that it started ends with it.

    With `write_factory_file`, which is told the address of the hub's API, its servers are Slurm jobs.
    """
    require_parts()
    compile_catalogues()
    place = Place(port=find_base_port(), data=folder)
    place.make_folders()
    hub = place.hubs[0]
    keys = ensure_keys(folder / "secrets", [hub.factory])
    programs = {"proxy": proxy(place, hub, keys), "hub": jupyterhub(place, hub, keys)}
    if write_factory_file:
        path = write_factory_file(f"http://127.0.0.1:{hub.hub_port}/hub/api")
        programs["hub"].environment["PAJA_HUB_FACTORY_FILE"] = str(path)
    sign_in = SignIn(("127.0.0.1", place.port), SignInHandler)
    real = RealHub(place, hub, keys[f"hub_token_{hub.factory}"].read_text(), sign_in, {}, programs)
    with ExitStack() as ending:
        thread = threading.Thread(target=sign_in.serve_forever, daemon=True)
        thread.start()
        ending.callback(sign_in.server_close)
        ending.callback(sign_in.shutdown)
        ending.callback(end_all, real)
        real.start("proxy")
        real.start("hub")
        yield real


def end_all(real: RealHub) -> None:
    with real.client() as client:
        for user, server in client.list_servers():
            real.stop_server(user, server)
    for process in real.processes.values():
        process.terminate()
    psutil.wait_procs(
        [psutil.Process(process.pid) for process in real.processes.values() if process.poll() is None],
        timeout=10,
    )
    for process in real.processes.values():
        process.kill()
        process.wait()
    real.place.runtime.rmdir()


def require_parts() -> None:
    require(LAB_PYTHON.exists(), "The labs' environment is not made: make test makes it.")
    require(
        (ROOT / "deploy/proxy/node_modules").exists(),
        "JupyterHub's proxy is not there: make test fetches it.",
    )
    try:
        find_bubblewrap()
    except SandboxError as error:
        require(False, str(error))
