"""Whose log-in a browser has at the hub, and how it comes to be another's: opening, signing out, shared computers."""

from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest

from tests.deploy.jupyterhub.browsing import address_of, log_in, own_token, xsrf
from tests.servers import wait_for
from tests.servers.hub import LoopbackTransport, RealHub

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]

NOT_YOURS = "This lab belongs to another account"
ADA, EVE = "p-0000ada1", "p-0000eee1"


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


# --- Opening -----------------------------------------------------------------------------------------


def test_paja_opens_a_lab_for_somebody_who_has_not_been_here_yet(real_hub: RealHub, ada: str) -> None:
    with real_hub.browser(ada) as browser:
        answer = browser.get(open_address(real_hub, lab_path(ada, "s-0000ada1")))

    assert answer.status_code == 200
    assert str(answer.url) == address_of(real_hub, ada, "s-0000ada1", "lab")


def test_the_next_person_at_a_computer_is_logged_in_anew_and_the_one_before_is_out(
    real_hub: RealHub, ada: str, eve: str
) -> None:
    files = address_of(real_hub, ada, "s-0000ada1")
    with real_hub.browser(ada) as browser:
        browser.get(open_address(real_hub, lab_path(ada, "s-0000ada1")))
        assert is_in(browser, files)

        real_hub.sign_in.person = eve  # at Paja; the hub has not heard that ada left
        answer = browser.get(open_address(real_hub, lab_path(eve, "s-0000eee1")))
        adas = browser.get(address_of(real_hub, ada, "s-0000ada1", "lab"))
        again = browser.get(address_of(real_hub, eve, "s-0000eee1", "lab"))

        assert str(answer.url) == address_of(real_hub, eve, "s-0000eee1", "lab")
        assert not is_in(browser, files)
    assert adas.status_code == 404
    assert NOT_YOURS in adas.text
    assert again.status_code == 200


@pytest.mark.parametrize("path", ["/user/p-0000ada1/s-0000ada1/lab", "/user/p-0000ada1/s-0000adaf/lab",
                                  "/user/p-00000bad/s-00000bad/lab"])  # fmt: skip
def test_an_address_of_another_looks_the_same_whether_or_not_anything_is_there(
    real_hub: RealHub, ada: str, eve: str, path: str
) -> None:
    with log_in(real_hub, eve) as browser:
        opened = browser.get(open_address(real_hub, path))
        owner = path.split("/")[2]
        direct = browser.get(f"http://{owner}.{real_hub.host}{path}")
        assert is_in(browser, address_of(real_hub, eve, "s-0000eee1")) is False  # she has not been there
        own = browser.get(address_of(real_hub, eve, "s-0000eee1", "lab"))

    for answer in (opened, direct):
        assert answer.status_code == 404
        assert NOT_YOURS in answer.text
        assert owner not in answer.text
    assert own.status_code == 200, "a look at somebody else's address costs nobody their log-in"


@pytest.mark.parametrize("path", ["/user/p-0000ada1/s-0000ada1/lab", "/user/p-0000ada1/s-0000adaf/lab"])
def test_ones_own_address_with_anothers_log_in_leads_to_a_new_one(
    real_hub: RealHub, ada: str, eve: str, path: str
) -> None:
    """Typed or kept as a bookmark: it does not come by Paja."""
    with log_in(real_hub, eve) as browser:
        real_hub.sign_in.person = ada
        answer = browser.get(f"http://{ada}.{real_hub.host}{path}")

    assert answer.status_code == (200 if path.endswith("ada1/lab") else 424)
    assert NOT_YOURS not in answer.text


@pytest.mark.parametrize(
    "path",
    ["", "/hub/home", "https://evil.example/user/p-0000eee1/s-0000eee1/", "//evil.example/",
     "/user/p-0000eee1/s-0000eee1/../../p-0000ada1/s-0000ada1/lab", "/user/p-0000eee1/s-0000eee1/\\evil.example"],
)  # fmt: skip
def test_nothing_but_a_servers_address_is_opened(real_hub: RealHub, eve: str, path: str) -> None:
    with log_in(real_hub, eve) as browser:
        answer = browser.get(open_address(real_hub, path))

    assert answer.status_code == 404
    assert str(answer.url).startswith(f"{real_hub.hub.origin}/hub/open")


# --- Signing out -------------------------------------------------------------------------------------


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


# --- Pages, cookies, log -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "accepted", "text"),
    [("fi", "el", "Harjoitustyöt käynnistetään Pajassa"), ("el", "fi", "Τα εργαστήρια ξεκινούν από το Paja")],
)
def test_pages_speak_the_language_that_the_person_reads_in_paja(
    real_hub: RealHub, eve: str, language: str, accepted: str, text: str
) -> None:
    real_hub.sign_in.language = language
    try:
        with log_in(real_hub, eve) as browser:
            page = browser.get(f"{real_hub.hub.origin}/hub/home", headers={"Accept-Language": accepted})
    finally:
        real_hub.sign_in.language = "en"

    assert f'<html lang="{language}">' in page.text
    assert text in page.text


def test_before_a_log_in_pages_speak_the_browsers_language(real_hub: RealHub) -> None:
    with real_hub.browser("p-00000000") as browser:
        page = browser.get(f"{real_hub.hub.origin}/hub/nothing", headers={"Accept-Language": "fi-FI"})

    assert "Täällä ei ole mitään" in page.text


def test_a_page_about_a_server_leads_to_its_session_in_paja(real_hub: RealHub, eve: str) -> None:
    with log_in(real_hub, eve) as browser:
        page = browser.get(address_of(real_hub, eve, "s-0000eee9", "lab/tree/x.ipynb"))

    assert page.status_code == 424
    assert f'href="{real_hub.place.origin}/labs/servers/s-0000eee9/"' in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_lab_that_is_starting_says_so_and_then_opens(real_hub: RealHub) -> None:
    user, server = "p-0000da17", "s-00000001"
    with real_hub.client() as service:
        service.ensure_user(user)
    with log_in(real_hub, user) as browser, real_hub.client() as service:
        service.ensure_server(user, server, {})
        page = browser.get(f"{real_hub.hub.origin}/hub/spawn-pending/{user}/{server}")
        assert page.status_code == 200
        assert "Your lab is starting" in page.text
        assert f"/labs/servers/{server}/" in page.text

        wait_for(
            lambda: browser.get(str(page.url)).url.host == f"{user}.kajaani.localhost",
            seconds=90,
            what="the page opens the lab",
        )
    real_hub.stop_server(user, server)


def test_cookies_end_with_the_window_and_stay_with_their_site(real_hub: RealHub, ada: str) -> None:
    with real_hub.browser(ada) as browser:
        set_cookies: list[str] = []
        browser.event_hooks["response"].append(
            lambda answer: set_cookies.extend(answer.headers.get_list("set-cookie"))
        )
        browser.get(open_address(real_hub, lab_path(ada, "s-0000ada1")))

    held = [each for each in set_cookies if '=""' not in each]
    credentials = [each for each in held if each.startswith(("jupyterhub-", '"jupyterhub-'))]
    assert len(credentials) >= 3, held
    for cookie in credentials:
        attributes = cookie.lower()
        assert "httponly" in attributes
        assert "samesite=lax" in attributes, cookie
        if "oauth-state" not in attributes:
            assert "expires=" not in attributes, cookie


def test_the_hubs_log_has_no_address_no_token_and_no_cookie(real_hub: RealHub, ada: str) -> None:
    said = hub_says(real_hub)
    with real_hub.browser(ada) as browser:
        browser.get(open_address(real_hub, lab_path(ada, "s-0000ada1")))
        browser.get(f"{real_hub.hub.origin}/hub/nothing?secret=hidden-in-a-query")
        held = {
            cookie.value.strip('"')
            for cookie in browser.cookies.jar
            if cookie.value and "language" not in cookie.name
        }

    text = said()
    assert ada in text, "the log tells who by the opaque name"
    for secret in (*held, real_hub.token, "hidden-in-a-query", "127.0.0.1)", "::1"):
        assert secret not in text, secret


def test_a_request_of_a_size_that_nobody_needs_is_refused(real_hub: RealHub) -> None:
    with httpx.Client(transport=LoopbackTransport(), timeout=30) as client, pytest.raises(httpx.HTTPError):
        client.post(
            f"{real_hub.hub.origin.replace(str(real_hub.hub.port), str(real_hub.hub.hub_port))}/hub/api/users",
            content=b"x" * (2 * 1024**2),
            headers={"Authorization": f"token {real_hub.token}"},
        ).raise_for_status()


def test_logging_out_in_jupyterlab_says_where_one_is_still_logged_in(real_hub: RealHub, ada: str) -> None:
    with real_hub.browser(ada) as browser:
        browser.get(open_address(real_hub, lab_path(ada, "s-0000ada1")))
        page = browser.get(address_of(real_hub, ada, "s-0000ada1", "logout"))
        files = address_of(real_hub, ada, "s-0000ada1")

        assert "You are logged out of the labs" in page.text
        assert f"{real_hub.place.origin}/accounts/logout/" in page.text
        assert not is_in(browser, files)
