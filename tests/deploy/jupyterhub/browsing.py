"""A learner's browser at a real hub, without a screen: what is common to the tests of several modules."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import httpx

from tests.servers.hub import LoopbackTransport, RealHub


@contextmanager
def log_in(real_hub: RealHub, user: str) -> Iterator[httpx.Client]:
    """A browser, logged in at the hub by way of Paja."""
    with real_hub.browser(user) as browser:
        answer = browser.get(f"{real_hub.hub.origin}/hub/oauth_login?next=/hub/home")
        assert answer.status_code == 200, answer.text
        yield browser


def xsrf(browser: httpx.Client) -> str:
    return next((cookie.value or "" for cookie in browser.cookies.jar if cookie.name == "_xsrf"), "")


def own_token(real_hub: RealHub, user: str) -> str:
    """The strongest token of a learner's own: everything that their role allows."""
    with httpx.Client(transport=LoopbackTransport()) as service:
        answer = service.post(
            f"{real_hub.hub.origin}/hub/api/users/{user}/tokens",
            headers={"Authorization": f"token {real_hub.token}"},
            json={"expires_in": 300},
        )
    return str(answer.json()["token"])


def address_of(real_hub: RealHub, user: str, server: str, path: str = "api/contents") -> str:
    """The address in a browser of something on a learner's server."""
    return f"http://{user}.{real_hub.host}/user/{user}/{server}/{path}"


def open_address(real_hub: RealHub, path: str) -> str:
    return f"{real_hub.hub.origin}/hub/open?next={quote(path, safe='')}"


def lab_path(user: str, server: str) -> str:
    return f"/user/{user}/{server}/lab"


def is_in(browser: httpx.Client, address: str) -> bool:
    """Whether a page's own request is answered with the person's files, as JupyterLab asks."""
    return browser.get(address, follow_redirects=False).status_code == 200


def hub_says(real_hub: RealHub) -> Callable[[], str]:
    """What the hub writes into its log from now on."""
    log = real_hub.place.logs / "hub.log"
    start = log.stat().st_size

    def read() -> str:
        return log.read_bytes()[start:].decode()

    return read
