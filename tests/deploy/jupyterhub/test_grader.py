"""The account that grades, at a real hub: it starts runners and nothing else, and no person gets near it."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from labs.exceptions import SpawnRejectedError
from tests.deploy.jupyterhub.browsing import log_in, own_token, xsrf
from tests.deploy.jupyterhub.running import is_down
from tests.servers import wait_for
from tests.servers.hub import LoopbackTransport, RealHub

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]

GRADER, SERVER = "p-grader", "g-00000001"
GRADING = {"kind": "grading"}


@pytest.fixture(scope="module")
def runner(real_hub: RealHub) -> Iterator[psutil.Process]:
    """A grader that runs, and its process."""
    with real_hub.client() as client:
        client.ensure_user(GRADER)
        client.ensure_server(GRADER, SERVER, GRADING)
        wait_for(lambda: real_hub.is_ready(client, GRADER, SERVER), seconds=60, what="the grader is ready")
    yield find_runner()
    real_hub.stop_server(GRADER, SERVER)


def find_runner() -> psutil.Process:
    """The runner itself, not the bubblewrap that watches over it."""
    [found] = [process for process in psutil.process_iter() if is_runner(process)]
    return found


def is_runner(process: psutil.Process) -> bool:
    try:
        is_python = process.name() != "bwrap" and process.cmdline()[-1:] == ["labs.box.runner"]
        return is_python and process.environ().get("JUPYTERHUB_SERVER_NAME") == SERVER
    except psutil.Error:
        return False


def address(real_hub: RealHub) -> str:
    return f"http://{GRADER}.{real_hub.host}/user/{GRADER}/{SERVER}/"


def test_the_runner_is_an_account_of_its_own_that_sees_no_learners_home(
    real_hub: RealHub, runner: psutil.Process, ada: str
) -> None:
    home = real_hub.homes / GRADER
    assert runner.uids().real == home.stat().st_uid
    if os.geteuid() == 0:
        assert runner.uids().real != (real_hub.homes / ada).stat().st_uid
    seen = Path(f"/proc/{runner.pid}/root")
    assert not (seen / str(real_hub.homes).lstrip("/")).exists()
    assert not (seen / str(real_hub.place.data / "secrets").lstrip("/")).exists()
    assert "Traceback" not in (home / ".paja-server.log").read_text()


@pytest.mark.parametrize(
    ("user", "options"),
    [
        ("p-00000007", GRADING),
        ("p-00000007", {**GRADING, "flavour": "development"}),
        (GRADER, {}),
        (GRADER, {"kind": "session"}),
        (GRADER, {**GRADING, "tools": ["terminal"]}),
        (GRADER, {"flavour": "development"}),
    ],
)
def test_a_grader_is_for_the_grader_account_and_nothing_else_is(
    real_hub: RealHub, user: str, options: dict[str, object]
) -> None:
    with real_hub.client() as client:
        client.ensure_user(user)
        try:
            client.ensure_server(user, "g-00000002", options)
        except SpawnRejectedError:
            return
        wait_for(lambda: is_down(client, user, "g-00000002"), seconds=10, what="refused")


def test_nobody_logs_in_as_the_grader(real_hub: RealHub, runner: psutil.Process) -> None:
    with real_hub.browser(GRADER) as browser:
        assert browser.get(f"{real_hub.hub.origin}/hub/oauth_login?next=/hub/home").status_code == 403
        assert browser.get(address(real_hub)).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/users/{GRADER}/servers/g-00000003"),
        ("DELETE", f"/users/{GRADER}/servers/{SERVER}"),
        ("POST", f"/users/{GRADER}/tokens"),
        ("GET", f"/users/{GRADER}"),
        ("POST", f"/shares/{GRADER}/{SERVER}"),
    ],
)
def test_a_learner_cannot_start_end_or_read_a_grader(
    real_hub: RealHub, runner: psutil.Process, eve: str, method: str, path: str
) -> None:
    url = f"{real_hub.hub.origin}/hub/api{path}"
    with httpx.Client(transport=LoopbackTransport()) as client:
        headers = {"Authorization": f"token {own_token(real_hub, eve)}"}
        by_token = client.request(method, url, json=GRADING, headers=headers)
    with log_in(real_hub, eve) as browser:
        by_cookie = browser.request(method, url, json=GRADING, headers={"X-XSRFToken": xsrf(browser)})

    assert {by_token.status_code, by_cookie.status_code} <= {403, 404}


def test_a_learner_cannot_reach_a_grader(real_hub: RealHub, runner: psutil.Process, eve: str) -> None:
    with real_hub.client() as service:
        minted = service.create_server_token(eve, "s-0000eee1", expires_in=300).token
    execution = f"{address(real_hub)}executions/{'0' * 32}"
    with httpx.Client(transport=LoopbackTransport()) as client:
        by_token = [
            client.request(method, execution, headers={"Authorization": f"token {token}"}).status_code
            for token in (own_token(real_hub, eve), minted)
            for method in ("GET", "PUT", "DELETE")
        ]
    with log_in(real_hub, eve) as browser:
        by_cookie = [browser.get(url).status_code for url in (execution, address(real_hub))]

    assert {*by_token, *by_cookie} == {403}


def test_a_grader_outlives_its_hub_and_ends_when_it_is_asked(
    real_hub: RealHub, runner: psutil.Process
) -> None:
    """Who was let in goes on asking while the hub is away: the runner answers that it knows no such execution."""
    with real_hub.client() as client:
        token = client.create_server_token(GRADER, SERVER, expires_in=300).token
    headers = {"Authorization": f"token {token}"}
    with httpx.Client(transport=LoopbackTransport(), headers=headers) as asker:
        execution = f"{address(real_hub)}executions/{'0' * 32}"
        before = asker.get(execution)
        real_hub.kill("hub")
        meanwhile = asker.get(execution)
    real_hub.start("hub")

    assert (before.status_code, meanwhile.status_code) == (404, 404)
    with real_hub.client() as client:
        wait_for(lambda: real_hub.is_ready(client, GRADER, SERVER), seconds=30, what="found again")
        assert runner.is_running()
        wait_for(lambda: client.ensure_stopped(GRADER, SERVER), seconds=30, what="stopped")
    wait_for(lambda: not runner.is_running(), seconds=10, what="its process has ended")
