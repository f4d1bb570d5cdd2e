"""Signing out: what browsers hold ends at once, and nothing that runs."""

import asyncio

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.deploy.jupyterhub.browsing import (
    address_of,
    hub_says,
    is_in,
    lab_path,
    log_in,
    open_address,
    own_token,
    xsrf,
)
from tests.servers import wait_for
from tests.servers.hub import LoopbackTransport, RealHub

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]


def test_a_sign_out_ends_what_browsers_hold_at_once_and_nothing_that_runs(
    real_hub: RealHub, ada: str
) -> None:
    files = address_of(real_hub, ada, "s-0000ada1")
    home = f"{real_hub.hub.origin}/hub/user/{ada}/"
    with real_hub.browser(ada) as browser, real_hub.client() as service:
        browser.get(open_address(real_hub, lab_path(ada, "s-0000ada1")))
        assert is_in(browser, files)
        assert browser.get(home, follow_redirects=False).status_code == 424
        token = service.create_server_token(ada, "s-0000ada1", expires_in=300).token

        service.sign_out(ada)

        # The hub tells the server; else the server would ask again after its half minute.
        wait_for(lambda: not is_in(browser, files), seconds=20, what="the server knows nobody any more")
        assert "/hub/login" in browser.get(home, follow_redirects=False).headers["Location"]
        model = service.find_server(ada, "s-0000ada1")
        assert model is not None
        assert model.is_ready
        with real_hub.contents(ada, "s-0000ada1", token) as contents:
            assert contents.find_file("nothing-there") is None


def test_a_log_in_since_outlives_a_sign_out_that_comes_late(real_hub: RealHub, ada: str) -> None:
    with real_hub.browser(ada) as browser, real_hub.client() as service:
        browser.get(open_address(real_hub, lab_path(ada, "s-0000ada1")))

        said = hub_says(real_hub)
        service.sign_out(ada, seconds_ago=600)

        wait_for(lambda: "s-0000ada1 knows of the sign-out" in said(), seconds=10, what="the server was told")
        assert is_in(browser, address_of(real_hub, ada, "s-0000ada1"))


def test_somebody_whom_the_hub_does_not_know_is_signed_out_already(real_hub: RealHub) -> None:
    with real_hub.client() as service:
        service.sign_out("p-0000dead")


def test_only_pajas_own_token_signs_anybody_out(real_hub: RealHub, ada: str, eve: str) -> None:
    address = f"{real_hub.hub.origin}/hub/api/paja/users/{ada}/sign-out"
    with real_hub.client() as service:
        session_token = service.create_server_token(ada, "s-0000ada1", expires_in=60).token
    tokens = [own_token(real_hub, eve), own_token(real_hub, ada), session_token, "nonsense"]
    with httpx.Client(transport=LoopbackTransport()) as client:
        by_token = [
            client.post(address, json={}, headers={"Authorization": f"token {token}"}).status_code
            for token in tokens
        ]
        by_nobody = client.post(address, json={}).status_code
    with log_in(real_hub, ada) as browser:
        by_cookie = browser.post(address, json={}, headers={"X-XSRFToken": xsrf(browser)}).status_code
        assert f"/user/{ada}" in str(browser.get(f"{real_hub.hub.origin}/hub/user/{ada}/").url)

    assert {*by_token, by_nobody, by_cookie} <= {403, 404}


@pytest.mark.parametrize(
    "body", ['{"seconds_ago": -1}', '{"seconds_ago": "1"}', '{"seconds_ago": 1e400}', "[1]", "x"]
)
def test_nonsense_in_a_sign_out_signs_nobody_out(real_hub: RealHub, ada: str, body: str) -> None:
    with httpx.Client(transport=LoopbackTransport()) as client:
        answer = client.post(
            f"{real_hub.hub.origin}/hub/api/paja/users/{ada}/sign-out",
            content=body,
            headers={"Authorization": f"token {real_hub.token}", "Content-Type": "application/json"},
        )

    assert answer.status_code == 400


def test_a_sign_out_closes_what_pages_have_open_and_ends_no_kernel_and_no_terminal(real_hub: RealHub) -> None:
    user, server = "p-00000009", "s-00000001"
    real_hub.start_server(user, server, tools=["terminal"])
    with real_hub.client() as service:
        token = service.create_server_token(user, server, expires_in=300).token
    headers = {"Authorization": f"token {token}", "Host": f"{user}.{real_hub.host}"}
    base = f"{real_hub.inside}/user/{user}/{server}/"
    with httpx.Client(base_url=base, headers=headers, timeout=60) as http:
        kernel = http.post("api/kernels", json={"name": "python3"}).json()["id"]
        terminal = http.post("api/terminals").json()["name"]
        paths = (f"api/kernels/{kernel}/channels", f"terminals/websocket/{terminal}", "api/events/subscribe")

        async def converse() -> None:
            requests = [
                HTTPRequest(f"{base}{path}".replace("http", "ws", 1), headers=headers) for path in paths
            ]
            sockets = [await websocket_connect(request) for request in requests]
            with real_hub.client() as service:
                await asyncio.to_thread(service.sign_out, user)
            for socket in sockets:
                while await socket.read_message() is not None:
                    pass

        asyncio.run(asyncio.wait_for(converse(), 60))
        assert [each["id"] for each in http.get("api/kernels").json()] == [kernel]
        assert [each["name"] for each in http.get("api/terminals").json()] == [terminal]
    real_hub.stop_server(user, server)
