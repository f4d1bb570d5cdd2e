"""The keys that Eve can get hold of, and the doors that she tries them on."""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from labs.work.connections import connect_hub
from tests.live.sessions import AtWork, run_in_kernel
from tests.live.stack import Stack
from tests.servers.hub import LoopbackTransport

Ask = Callable[[str, str], httpx.Response]

# How she finds the token of her own server, wherever of her processes it is.
FIND_SERVER_TOKEN = """
import os
text = open(f"/proc/{os.getppid()}/environ").read()
print(next(pair for pair in text.split(chr(0)) if pair.startswith("JUPYTERHUB_API_TOKEN=")).split("=")[1])
"""


@dataclass(frozen=True)
class Keys:
    """What Eve can get, by how it opens something."""

    tokens: dict[str, str]
    browser: httpx.Client

    def asks(self) -> Iterator[tuple[str, Ask]]:
        """Each key as a way of asking."""
        client = httpx.Client(transport=LoopbackTransport(), timeout=30)
        for name, token in self.tokens.items():
            for scheme in ("token", "Bearer"):
                yield f"{name} as {scheme}", with_headers(client, {"Authorization": f"{scheme} {token}"})
            yield (
                f"{name} in the address",
                lambda method, url, token=token: client.request(  # type: ignore[misc]
                    method, f"{url}?token={token}", json=None if method == "GET" else {}
                ),
            )
        for cookie in self.browser.cookies.jar:
            if cookie.name == "_xsrf":
                headers = {"X-XSRFToken": cookie.value or ""}
                yield f"cookies, forgery token of {cookie.path}", with_headers(self.browser, headers)


def with_headers(client: httpx.Client, headers: dict[str, str]) -> Ask:
    return lambda method, url: client.request(
        method, url, headers=headers, json=None if method == "GET" else {}
    )


def find_keys(stack: Stack, eve: AtWork) -> Keys:
    """Those that she finds without a visit of Paja's to her server."""
    with stack.database():
        server_token = run_in_kernel(eve.session, FIND_SERVER_TOKEN).strip()
    assert re.fullmatch(r"[0-9a-f]{32}", server_token)
    # Her browser at her own server, and so at the hub.
    assert eve.visitor.roam(f"{eve.lab_url}lab").status_code == 200
    cookies = {cookie.name: cookie.value or "" for cookie in eve.visitor.client.cookies.jar}
    at_server = next(value for name, value in cookies.items() if name.startswith("jupyterhub-user-"))
    tokens = {
        "her server's token": server_token,
        "her OAuth token": base64.b64decode(at_server.strip('"').split("|")[4].split(":")[1]).decode(),
        "her Paja session": eve.visitor.session_key,
        "her API token": eve.visitor.renew_api_token(),
        "the hub's cookie": cookies["jupyterhub-hub-login"],
        "the hub's session": cookies["jupyterhub-session-id"],
    }
    return Keys(tokens, eve.visitor.client)


def hub_attempts(ada: AtWork, eve: AtWork) -> list[tuple[str, str]]:
    """Starting, stopping, minting, looking around."""
    mine, hers = f"users/{eve.hub_name}", f"users/{ada.hub_name}"
    return [
        ("POST", f"{mine}/servers/s-00000bad"),
        ("POST", f"{mine}/server"),
        ("DELETE", f"{mine}/servers/{eve.session.server_name}"),
        ("POST", f"{mine}/tokens"),
        ("GET", f"{mine}/tokens"),
        ("PATCH", mine),
        ("POST", f"{hers}/servers/s-00000bad"),
        ("POST", f"{hers}/servers/{ada.session.server_name}"),
        ("DELETE", f"{hers}/servers/{ada.session.server_name}"),
        ("GET", f"{hers}/servers/{ada.session.server_name}/progress"),
        ("POST", f"{hers}/tokens"),
        ("GET", f"{hers}/tokens"),
        ("POST", f"{hers}/activity"),
        ("GET", hers),
        ("GET", "users"),
        ("GET", "groups"),
        ("GET", "services"),
        ("GET", "info"),
        ("GET", "proxy"),
        ("POST", "proxy"),
        ("POST", "shutdown"),
    ]


def server_attempts(ada: AtWork) -> list[tuple[str, str]]:
    return [
        ("GET", "api/contents"),
        ("PUT", "api/contents/eve.txt"),
        ("GET", "api/kernels"),
        ("POST", "api/kernels"),
        ("GET", "api/sessions"),
        ("POST", "api/shutdown"),
        ("PUT", "paja/notice"),
        ("GET", "files/.paja-server.log"),
    ]


def is_refused(answer: httpx.Response) -> bool:
    """Refused, or sent to the hub to say who one is."""
    is_question = answer.status_code == 302 and "/hub/api/oauth2/authorize?" in answer.headers["Location"]
    return answer.status_code in {401, 403, 404, 405} or is_question


def list_servers(person: AtWork) -> set[tuple[str, str]]:
    with connect_hub(person.session.hub) as hub:
        return set(hub.list_servers())


def assert_alive(keys: Keys, origin: str) -> None:
    """Else the refusals would prove nothing: these keys open what is Eve's."""
    with httpx.Client(transport=LoopbackTransport()) as client:
        for name in ("her server's token", "her OAuth token"):
            headers = {"Authorization": f"token {keys.tokens[name]}"}
            assert client.get(f"{origin}/hub/api/user", headers=headers).status_code == 200, name


def inner_address(stack: Stack, person: AtWork) -> str:
    """Where the learner's server itself listens, as the proxy knows it; ends with a slash."""
    hub = stack.place.hubs[0]
    token = (stack.place.data / "secrets" / f"proxy_token_{hub.factory}").read_text()
    routes = httpx.get(
        f"http://127.0.0.1:{hub.proxy_api_port}/api/routes", headers={"Authorization": f"token {token}"}
    ).json()
    target = next(route["target"] for spec, route in routes.items() if person.session.server_name in spec)
    return f"{urlsplit(target).scheme}://{urlsplit(target).netloc}{person.session.url_path}"
