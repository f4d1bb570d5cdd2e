"""Whose log-in a browser has at the hub, how it comes to be another's, and what the hub's answers hold."""

import httpx
import pytest

from tests.deploy.jupyterhub.browsing import address_of, hub_says, is_in, lab_path, log_in, open_address
from tests.servers import wait_for
from tests.servers.hub import RealHub

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]

NOT_YOURS = "This lab belongs to another account"


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


@pytest.mark.parametrize("name", ["admin", "p%0d%0aSet-Cookie:%20a=b", "p-0000ada1;x"])
def test_a_name_that_paja_never_makes_is_nobodys(real_hub: RealHub, eve: str, name: str) -> None:
    with log_in(real_hub, eve) as browser:
        answer = browser.get(f"{real_hub.hub.origin}/hub/user/{name}/s-0000ada1/lab")

    assert answer.status_code == 404
    assert NOT_YOURS in answer.text
    assert not answer.history


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
        refused = browser.get(f"{real_hub.hub.origin}/hub/oauth_callback?code=hidden-in-a-query&state=x")
        assert refused.status_code == 400
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
    address = f"http://127.0.0.1:{real_hub.hub.hub_port}/hub/api/paja/users/p-0000dead/sign-out"
    headers = {"Authorization": f"token {real_hub.token}"}
    with httpx.Client(headers=headers, timeout=30) as client:
        assert client.post(address, json={"more": "x" * 1024}).status_code == 204
        with pytest.raises(httpx.HTTPError):
            client.post(address, json={"more": "x" * 2 * 1024**2}).raise_for_status()


def test_logging_out_in_jupyterlab_says_where_one_is_still_logged_in(real_hub: RealHub, ada: str) -> None:
    with real_hub.browser(ada) as browser:
        browser.get(open_address(real_hub, lab_path(ada, "s-0000ada1")))
        page = browser.get(address_of(real_hub, ada, "s-0000ada1", "logout"))
        files = address_of(real_hub, ada, "s-0000ada1")

        assert "You are logged out of the labs" in page.text
        assert f"{real_hub.place.origin}/accounts/logout/" in page.text
        assert not is_in(browser, files)
