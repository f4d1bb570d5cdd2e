"""A real hub: what a learner can reach with every cookie and token they can get, and what their kernels see."""

import json
import os
import re
from pathlib import Path

import httpx
import psutil
import pytest

from tests.deploy.jupyterhub.browsing import log_in, own_token, xsrf
from tests.deploy.jupyterhub.running import (
    is_down,
    run_code,
    sandboxed,
)
from tests.servers import wait_for
from tests.servers.hub import LoopbackTransport, RealHub

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]


def api(real_hub: RealHub, path: str) -> str:
    return f"{real_hub.hub.origin}/hub/api{path}"


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
