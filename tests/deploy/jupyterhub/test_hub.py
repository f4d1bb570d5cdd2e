"""A real hub: what a learner can reach with every cookie and token they can get, and what survives what."""

import contextlib
import json
import os
import re
import secrets
import signal
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tornado.httpclient import HTTPRequest
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

from labs.exceptions import LabError
from labs.jupyterhub import ContentsClient, HubClient
from tests.deploy.jupyterhub.browsing import address_of, log_in, own_token, xsrf
from tests.servers import wait_for
from tests.servers.hub import LoopbackTransport, RealHub

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]


def api(real_hub: RealHub, path: str) -> str:
    return f"{real_hub.hub.origin}/hub/api{path}"


def run_code(real_hub: RealHub, user: str, server: str, code: str) -> str:
    """What `code` prints in a new kernel of that learner's server."""
    with real_hub.client() as client:
        token = client.create_server_token(user, server, expires_in=300).token
    headers = {"Authorization": f"token {token}", "Host": f"{user}.{real_hub.host}"}
    base = f"{real_hub.inside}/user/{user}/{server}/api/kernels"
    kernel = httpx.post(base, headers=headers, json={"name": "python3"}, timeout=60).json()["id"]

    async def converse() -> str:
        url = f"{base}/{kernel}/channels".replace("http", "ws", 1)
        socket = await websocket_connect(HTTPRequest(url, headers=headers))
        number = secrets.token_hex(8)
        header = {"msg_id": number, "msg_type": "execute_request", "version": "5.3", "session": "s"}
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": {"code": code}}
        await socket.write_message(json.dumps({**request, "channel": "shell"}))
        printed = ""
        while True:
            message: Any = json.loads(await socket.read_message() or "{}")
            if message["msg_type"] == "stream":
                printed += message["content"]["text"]
            elif message["msg_type"] == "error":
                printed += message["content"]["evalue"]
            # Not the reply: that comes by another channel, and may overtake what was printed.
            elif message["parent_header"].get("msg_id") == number and is_idle(message):
                socket.close()
                return printed

    printed: str = IOLoop().run_sync(converse, timeout=60)
    httpx.delete(f"{base}/{kernel}", headers=headers)
    return printed


def is_idle(message: dict[str, Any]) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")


def sandboxed(real_hub: RealHub) -> list[psutil.Process]:
    """Every process under a learner's home of this hub, bubblewrap's own included."""
    home = str(real_hub.homes)
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(home in word for word in process.info["cmdline"] or []):
            found += [process, *process.children(recursive=True)]
    return found


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/users/p-0000eee1/servers/s-0000eee2", {}),
        ("POST", "/users/p-0000eee1/server", {}),
        ("PUT", "/users/p-0000eee1/servers/s-0000eee2", {}),
        ("PATCH", "/users/p-0000eee1/servers/s-0000eee1", {"name": "s-0000eee3"}),
        ("DELETE", "/users/p-0000eee1/servers/s-0000eee1", {}),
        ("POST", "/users/p-0000eee1/tokens", {}),
        ("POST", "/users/p-0000eee1", {}),
        ("PATCH", "/users/p-0000eee1", {"admin": True}),
        ("POST", "/users/p-0000ada1/servers/s-0000ada2", {}),
        ("DELETE", "/users/p-0000ada1/servers/s-0000ada1", {}),
        ("POST", "/users/p-0000ada1/tokens", {}),
        ("GET", "/users/p-0000ada1", {}),
        ("GET", "/users", {}),
        ("POST", "/shares/p-0000ada1/s-0000ada1", {"user": "p-0000eee1"}),
        ("GET", "/proxy", {}),
        ("POST", "/shutdown", {}),
    ],
)
def test_a_learner_can_start_stop_and_mint_nothing(
    real_hub: RealHub, ada: str, eve: str, method: str, path: str, body: dict[str, object]
) -> None:
    with httpx.Client(transport=LoopbackTransport()) as client:
        by_token = client.request(
            method,
            api(real_hub, path),
            json=body,
            headers={"Authorization": f"token {own_token(real_hub, eve)}"},
        )
    with log_in(real_hub, eve) as browser:
        by_cookie = browser.request(
            method, api(real_hub, path), json=body, headers={"X-XSRFToken": xsrf(browser)}
        )

    assert by_token.status_code in {403, 404}, by_token.text
    assert by_cookie.status_code in {403, 404}, by_cookie.text


@pytest.mark.parametrize(
    "path",
    ["/hub/spawn", "/hub/spawn/p-0000eee1/s-0000eee2", "/hub/spawn/p-0000ada1", "/hub/home", "/hub/token", "/hub/admin",
     "/hub/nothing", "/user/p-0000eee1/s-0000eee9/lab", "/hub/user/p-0000eee1/"],
)  # fmt: skip
def test_every_page_of_the_hub_leads_back_to_paja(real_hub: RealHub, eve: str, path: str) -> None:
    with log_in(real_hub, eve) as browser:
        answer = browser.get(f"{real_hub.hub.origin}{path}")

    assert f'href="{real_hub.place.origin}"' in answer.text
    assert "<script" not in answer.text
    assert "/hub/spawn" not in answer.text
    with real_hub.client() as client:
        assert {server for user, server in client.list_servers() if user == eve} == {"s-0000eee1"}


def test_posting_the_spawn_form_starts_nothing(real_hub: RealHub, eve: str) -> None:
    with log_in(real_hub, eve) as browser:
        answer = browser.post(
            f"{real_hub.hub.origin}/hub/spawn/{eve}/s-0000eee2", data={"_xsrf": xsrf(browser)}
        )

    assert answer.status_code == 405
    with real_hub.client() as client:
        assert client.find_server(eve, "s-0000eee2") is None


def test_the_hub_itself_is_paja(real_hub: RealHub, eve: str) -> None:
    with log_in(real_hub, eve) as browser:
        assert str(browser.get(f"{real_hub.hub.origin}/").url).startswith(real_hub.place.origin)


def test_a_learner_opens_their_own_server_without_a_second_log_in(real_hub: RealHub, ada: str) -> None:
    with real_hub.browser(ada) as browser:
        answer = browser.get(f"http://{ada}.{real_hub.host}/user/{ada}/s-0000ada1/lab")

    assert answer.status_code == 200
    assert "JupyterLab" in answer.text
    assert answer.url.host == f"{ada}.kajaani.localhost"


def test_another_learners_server_stays_shut(real_hub: RealHub, ada: str, eve: str) -> None:
    address = f"http://{ada}.{real_hub.host}/user/{ada}/s-0000ada1/api/contents"
    with real_hub.browser(eve) as browser:
        by_cookie = browser.get(f"http://{ada}.{real_hub.host}/user/{ada}/s-0000ada1/lab")
    with httpx.Client(transport=LoopbackTransport()) as client:
        by_token = client.get(address, headers={"Authorization": f"token {own_token(real_hub, eve)}"})

    assert by_cookie.status_code == 404
    assert "This lab belongs to another account" in by_cookie.text
    assert by_token.status_code == 403


def test_somebody_the_hub_does_not_know_is_not_let_in(real_hub: RealHub) -> None:
    with real_hub.browser("p-00000000") as browser:
        answer = browser.get(f"{real_hub.hub.origin}/hub/oauth_login?next=/hub/home")

    assert answer.status_code == 403
    assert f'href="{real_hub.place.origin}"' in answer.text


def test_a_token_for_one_server_reaches_no_other_and_starts_nothing(
    real_hub: RealHub, ada: str, eve: str
) -> None:
    with real_hub.client() as service:
        token = service.create_server_token(ada, "s-0000ada1", expires_in=300).token
    headers = {"Authorization": f"token {token}"}
    with httpx.Client(transport=LoopbackTransport()) as client:
        own = client.get(f"http://{ada}.{real_hub.host}/user/{ada}/s-0000ada1/api/contents", headers=headers)
        other = client.get(
            f"http://{eve}.{real_hub.host}/user/{eve}/s-0000eee1/api/contents", headers=headers
        )
        start = client.post(api(real_hub, f"/users/{ada}/servers/s-0000ada2"), headers=headers)

    assert (own.status_code, other.status_code, start.status_code) == (200, 403, 403)


def test_the_service_cannot_make_an_administrator(real_hub: RealHub) -> None:
    with httpx.Client(transport=LoopbackTransport()) as client:
        answer = client.post(
            api(real_hub, "/users/p-0000ad01"),
            json={"admin": True},
            headers={"Authorization": f"token {real_hub.token}"},
        )

    assert answer.status_code == 403


def test_a_kernel_sees_its_home_and_nothing_of_this_machine(real_hub: RealHub, ada: str, eve: str) -> None:
    code = f"""
import json, os, socket, subprocess
def reads(path):
    try:
        return bool(os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1))
    except OSError:
        return False
def writes(path):
    try:
        open(path, "w").close()
        return True
    except OSError:
        return False
print(json.dumps({{
    "uid": os.getuid(),
    "home": os.path.expanduser("~"),
    "project": reads({str(Path.cwd())!r} + "/manage.py"),
    "homes": reads({str(real_hub.homes)!r}),
    "secrets": reads({str(real_hub.place.data / "secrets")!r}),
    "sockets": reads({str(real_hub.place.runtime)!r}),
    "shadow": reads("/etc/shadow"),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
    "environment": writes("{os.path.realpath(".venv-lab")}/x"),
    "system": writes("/usr/x") or writes("/x") or writes("/etc/jupyter/x"),
    "own": writes("x"),
    "tmp": writes("/tmp/x"),
    "shm": writes("/dev/shm/x"),
    "privileges": open("/proc/self/status").read().split("CapEff:")[1].split()[0],
    "setuid": subprocess.run(["setpriv", "--reuid=0", "true"], stderr=subprocess.DEVNULL).returncode == 0,
}}))
"""
    seen = json.loads(run_code(real_hub, ada, "s-0000ada1", code))

    uid = (real_hub.homes / ada).stat().st_uid
    assert seen["uid"] == uid
    if os.geteuid() == 0:
        assert uid >= 40_000
        assert uid != (real_hub.homes / eve).stat().st_uid
    assert seen["processes"] < 12
    assert int(seen["privileges"], 16) == 0
    assert {name: seen[name] for name in ("own", "tmp", "shm")} == {"own": True, "tmp": True, "shm": True}
    hidden = ("project", "homes", "secrets", "sockets", "shadow", "environment", "system", "setuid")
    assert {name: seen[name] for name in hidden} == dict.fromkeys(hidden, False)
    assert seen["home"] == "/home/learner"


def test_no_token_stands_in_a_list_of_processes(real_hub: RealHub, ada: str) -> None:
    token = re.compile(r"[0-9a-f]{32}")
    hub_and_proxy = [psutil.Process(process.pid) for process in real_hub.processes.values()]
    ours = set(os.environ.values())  # whoever runs the tests has numbers of their own
    shown = {word for process in hub_and_proxy for word in (*process.cmdline(), *process.environ().values())}
    assert not [word for word in shown - ours if token.search(word)]
    arguments = [word for process in sandboxed(real_hub) for word in process.cmdline()]

    assert arguments
    assert not [word for word in arguments if token.search(word) and "kernel" not in word]
    assert real_hub.token not in " ".join(arguments)


def test_a_restarted_hub_finds_its_servers_again(real_hub: RealHub) -> None:
    user, server = "p-00000002", "s-00000001"
    real_hub.start_server(user, server)
    before = {process.pid for process in sandboxed(real_hub)}

    real_hub.kill("hub")
    assert before <= {process.pid for process in sandboxed(real_hub)}
    real_hub.start("hub")

    with real_hub.client() as client:
        model = client.find_server(user, server)
        assert model is not None
        assert model.is_ready
        token = client.create_server_token(user, server, expires_in=60).token
    with real_hub.contents(user, server, token) as contents:
        assert is_answering(contents)
    real_hub.stop_server(user, server)


def test_a_hub_killed_during_a_start_finds_the_server_and_brings_it_up(real_hub: RealHub) -> None:
    user, server = "p-00000007", "s-00000001"
    with real_hub.client() as client:
        client.ensure_user(user)
        client.ensure_server(user, server, {})
    first = wait_for(lambda: find_first_process(real_hub, user), seconds=20, what="its process")
    assert first is not None
    # Before that the hub cannot follow it: then it ends it, as the next test shows.
    wait_for(lambda: has_stored_mark(real_hub, user), seconds=20, what="the mark of its process is stored")

    real_hub.kill("hub")
    real_hub.start("hub")

    with real_hub.client() as client:
        wait_for(lambda: real_hub.is_ready(client, user, server), seconds=90, what="adopted and ready")
        token = client.create_server_token(user, server, expires_in=60).token
    assert first.is_running()
    with real_hub.contents(user, server, token) as contents:
        assert is_answering(contents)
    real_hub.stop_server(user, server)
    assert find_first_process(real_hub, user) is None


def test_a_hub_killed_between_a_process_and_its_mark_leaves_no_stray(real_hub: RealHub) -> None:
    user, server = "p-00000008", "s-00000001"
    real_hub.start_server(user, server)
    run_code(real_hub, user, server, "import subprocess; subprocess.Popen(['setsid', 'sleep', '600'])")
    first = first_process(real_hub, user)
    left = [first, *first.children(recursive=True)]
    real_hub.kill("hub")
    with contextlib.closing(
        sqlite3.connect(real_hub.place.hub_data(real_hub.hub) / "jupyterhub.sqlite")
    ) as rows:
        (state,) = rows.execute("SELECT state FROM spawners WHERE name = ? AND state LIKE ?", (server, '%"mark": {"%'
                                )).fetchone()  # fmt: skip
        as_launched = json.dumps({**json.loads(state), "mark": {}})
        rows.execute("UPDATE spawners SET state = ? WHERE state = ?", (as_launched, state))
        rows.commit()

    real_hub.start("hub")

    _gone, strays = psutil.wait_procs(left, timeout=10)
    assert not strays
    with real_hub.client() as client:
        wait_for(lambda: is_down(client, user, server), seconds=15, what="known to be gone")


def test_while_the_hub_is_away_the_proxy_says_so_and_open_pages_go_on(real_hub: RealHub, ada: str) -> None:
    files = address_of(real_hub, ada, "s-0000ada1")
    with log_in(real_hub, ada) as browser:
        browser.get(address_of(real_hub, ada, "s-0000ada1", "lab"))
        assert browser.get(files).status_code == 200
        real_hub.kill("hub")
        try:
            page = browser.get(f"{real_hub.hub.origin}/hub/home")
            during = browser.get(files)
        finally:
            real_hub.start("hub")
        after = browser.get(files)

    assert page.status_code == 503
    for text in ("The labs do not answer", "Harjoitustyöt eivät", "Τα εργαστήρια δεν απαντούν"):
        assert text in page.text
    assert (during.status_code, after.status_code) == (200, 200)


def test_a_restarted_proxy_has_its_routes_again(real_hub: RealHub, ada: str) -> None:
    real_hub.kill("proxy")
    real_hub.start("proxy")

    with real_hub.client() as client:
        token = client.create_server_token(ada, "s-0000ada1", expires_in=300).token
    with real_hub.contents(ada, "s-0000ada1", token) as contents:
        wait_for(lambda: is_answering(contents), seconds=60, what="the route is back")


def test_a_server_killed_while_starting_is_soon_known_to_be_gone(real_hub: RealHub) -> None:
    user, server = "p-00000003", "s-00000001"
    with real_hub.client() as client:
        client.ensure_user(user)
        client.ensure_server(user, server, {})
        first = wait_for(lambda: find_first_process(real_hub, user), seconds=20, what="its process")
        assert first is not None
        first.kill()
        wait_for(lambda: is_down(client, user, server), seconds=10, what="known to be gone")


def test_a_server_that_dies_is_soon_known_to_be_gone_with_its_kernels(real_hub: RealHub) -> None:
    user, server = "p-00000004", "s-00000001"
    real_hub.start_server(user, server)
    run_code(real_hub, user, server, "import subprocess; subprocess.Popen(['sleep', '600'])")
    first = first_process(real_hub, user)
    below = first.children(recursive=True)

    first.send_signal(signal.SIGKILL)

    gone, left = psutil.wait_procs(below, timeout=5)
    assert gone
    assert not left
    with real_hub.client() as client:
        wait_for(lambda: is_down(client, user, server), seconds=15, what="known to be gone")


def test_stopping_ends_everything_a_learner_started(real_hub: RealHub) -> None:
    user, server = "p-00000005", "s-00000001"
    real_hub.start_server(user, server)
    run_code(real_hub, user, server, "import subprocess; subprocess.Popen(['setsid', 'sleep', '600'])")
    below = first_process(real_hub, user).children(recursive=True)
    assert below

    real_hub.stop_server(user, server)

    assert not [
        process for process in below if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


@pytest.mark.parametrize(
    "options",
    [{"cmd": "touch /tmp/x"}, {"flavour": "8-gpus"}, {"flavour": "development", "partition": "a\n#b"}],
)
def test_options_that_the_factory_does_not_know_start_nothing(
    real_hub: RealHub, options: dict[str, object]
) -> None:
    with real_hub.client() as client:
        client.ensure_user("p-00000006")
        client.ensure_server("p-00000006", "s-00000001", options)
        wait_for(lambda: is_down(client, "p-00000006", "s-00000001"), seconds=10, what="refused")
    assert not (real_hub.homes / "p-00000006").exists()


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
