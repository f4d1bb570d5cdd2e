"""Ada's browser, logged in everywhere, on a page that Eve serves from her own server's origin.

Eve's page may run what it likes. It reads nothing of Ada's, does nothing in her name, and keeps her out of nothing.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect

from labs.states import SessionStatus
from labs.work.connections import connect_hub
from tests.journeys import jupyterlab
from tests.journeys.eves_scripts import ATTACKS, CONNECT, PRESS, TOSS
from tests.journeys.screens import open_window
from tests.live import small_course
from tests.live.sessions import AtWork, server_headers, server_url, write_file
from tests.live.stack import Stack
from tests.live.taken_over import TakenOver, take_over
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys"), pytest.mark.usefixtures("rows")]

SECRET = "Ada's own words"
HUB_HOST = "kajaani.localhost"
# JupyterLab's scripts take seconds to load, and most of what is tried here needs its page only.
SCRIPTS = re.compile(r"/user/[^/]+/[^/]+/(static|lab/extensions)/")


@pytest.fixture(scope="module")
def ada(at_work: dict[str, AtWork]) -> AtWork:
    return at_work["ada"]


@pytest.fixture(scope="module")
def eve(at_work: dict[str, AtWork]) -> AtWork:
    return at_work["eve"]


@pytest.fixture(scope="module")
def trap(stack: Stack, eve: AtWork) -> TakenOver:
    """What answers on Eve's origin is Eve's own program, with a page for visitors."""
    with stack.database():
        taken = take_over(stack, eve.session)
    taken.serve("trap.html", "<!doctype html><title>Look at my plots</title><p>Look at my plots</p>")
    return taken


@pytest.fixture
def window(stack: Stack, ada: AtWork, chromium: Browser) -> Iterator[BrowserContext]:
    """Ada's browser: logged in at Paja, at the hub and at her own server, with her lab open."""
    write_file(ada.session, "secret.js", f"window.stolen = {json.dumps(SECRET)};")
    write_file(ada.session, "secret.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    with open_window(chromium, stack, visitor=ada.visitor) as window:
        window.route(SCRIPTS, lambda route: route.abort())
        open_own_lab(window, ada)
        yield window


def open_own_lab(window: BrowserContext, ada: AtWork) -> Page:
    """As the button on Paja's page does."""
    page = window.new_page()
    page.goto(reverse("labs:session-open", args=[ada.session.public_id]))
    expect(page).to_have_url(re.compile(re.escape(ada.lab_url)))
    expect(page.locator("#jupyter-config-data")).to_be_attached()
    return page


def visit_eve(window: BrowserContext, eve: AtWork) -> Page:
    """Ada follows a link that Eve sent her."""
    page = window.new_page()
    page.goto(f"{eve.lab_url}trap.html")
    expect(page.get_by_text("Look at my plots")).to_be_visible()
    return page


@pytest.fixture
def kernel(ada: AtWork) -> Iterator[str]:
    """A kernel that runs on Ada's server."""
    with server_headers(ada.session) as headers:
        kernels = f"{server_url(ada.session)}api/kernels"
        made = httpx.post(kernels, headers=headers, json={"name": "python3"}, timeout=60).json()["id"]
        yield made
        httpx.delete(f"{kernels}/{made}", headers=headers, timeout=60)


def state_of(ada: AtWork) -> dict[str, Any]:
    """Whatever an attack could have changed."""
    ada.session.refresh_from_db()
    with server_headers(ada.session) as headers, connect_hub(ada.session.hub) as hub:
        return {
            "kernels": len(httpx.get(f"{server_url(ada.session)}api/kernels", headers=headers).json()),
            "files": sorted(
                file["name"]
                for file in httpx.get(f"{server_url(ada.session)}api/contents", headers=headers).json()[
                    "content"
                ]
            ),
            "servers": sorted(hub.list_servers()),
            "status": ada.session.status,
            "events": ada.session.events.count(),
            "sessions": ada.enrolment.lab_sessions.count(),
        }


def test_a_page_of_eves_reads_nothing_and_does_nothing(
    stack: Stack, window: BrowserContext, ada: AtWork, eve: AtWork, trap: TakenOver, kernel: str
) -> None:
    before = state_of(ada)
    assert before["status"] == SessionStatus.READY
    stop = stack.url + reverse("labs:session-stop", args=[ada.session.public_id])
    page = visit_eve(window, eve)

    places = {
        "lab": ada.lab_url,
        "hub": f"{ada.session.hub.public_url}/",
        "paja": f"{stack.url}/",
        "kernel": kernel,
        "stop": stop,
    }
    got = page.evaluate(ATTACKS, places)
    assert {attack: answer for attack, answer in got.items() if answer} == {}
    assert len(got) > 30

    cohort, unit = str(ada.enrolment.cohort.public_id), small_course.LAB
    for url, fields in (
        (f"{ada.lab_url}api/kernels", {}),
        (f"{ada.lab_url}api/kernels", {"name": "python3"}),
        (f"{ada.lab_url}logout", {"_xsrf": "x"}),
        (f"{ada.session.hub.public_url}/hub/api/users/{ada.hub_name}/servers/s-00000bad", {}),
        (f"{ada.session.hub.public_url}/hub/spawn/{ada.hub_name}", {"_xsrf": "x"}),
        (stop, {"csrfmiddlewaretoken": "x"}),
        (stack.url + reverse("labs:submit", args=[cohort, unit]), {"csrfmiddlewaretoken": "x" * 64}),
    ):
        assert page.evaluate(PRESS, [url, fields])
    assert state_of(ada) == before

    # From Ada's own page the same questions are answered: it is the origin that shuts the door.
    mine = open_own_lab(window, ada)
    assert SECRET in jupyterlab.read_text(mine, "secret.js")
    assert mine.evaluate(CONNECT, f"{ada.lab_url}api/kernels/{kernel}/channels") == "open"


def test_nothing_of_adas_is_drawn_in_a_frame_of_eves(
    stack: Stack, window: BrowserContext, ada: AtWork, eve: AtWork, trap: TakenOver
) -> None:
    page = visit_eve(window, eve)
    for url in (
        f"{ada.lab_url}lab",
        f"{ada.lab_url}files/secret.svg",
        f"{ada.session.hub.public_url}/hub/home",
        stack.url + reverse("labs:session", args=[ada.session.public_id]),
        f"{stack.url}/accounts/login/",
    ):
        framed = page.evaluate_handle(
            """(url) => new Promise((resolve) => {
              const frame = document.createElement("iframe");
              frame.onload = () => resolve(frame);
              frame.src = url;
              document.body.append(frame);
            })""",
            url,
        )
        element = framed.as_element()
        assert element
        inner = element.content_frame()
        assert inner
        address = wait_until(partial(find_address, inner), f"a frame has come to an address: {url}")
        assert address.startswith("chrome-error://"), f"{url} is drawn as {address}"


def find_address(frame: Frame) -> str:
    """Where a frame has come to; it may be loaded a moment before that is known."""
    return frame.url.removeprefix("about:blank")


def test_a_window_that_eve_opens_tells_her_nothing_and_takes_no_orders(
    window: BrowserContext, ada: AtWork, eve: AtWork, trap: TakenOver
) -> None:
    window.unroute(SCRIPTS)
    page = visit_eve(window, eve)
    before = state_of(ada)
    with window.expect_page() as opening:
        page.evaluate("(url) => { window.opened = window.open(url); }", f"{ada.lab_url}lab")
    lab = opening.value
    expect(lab.locator("#jp-main-dock-panel")).to_be_visible()

    told = page.evaluate(
        """() => {
          const told = [];
          for (const look of [(w) => w.document, (w) => w.location.href, (w) => w.jupyterapp, (w) => w.origin]) {
            try { told.push(String(look(window.opened))); } catch (error) { /* what should be */ }
          }
          const orders = [{command: "filebrowser:delete"}, {type: "execute", code: "1"}, "shutdown", {shellName: "x"}];
          for (const order of orders) window.opened.postMessage(order, "*");
          document.domain = document.domain;
          return told;
        }"""
    )
    assert told == []
    assert lab.url.startswith(ada.lab_url)
    assert state_of(ada)["files"] == before["files"]


def test_a_service_worker_of_eves_sees_nothing_of_adas(
    stack: Stack, window: BrowserContext, ada: AtWork, eve: AtWork, trap: TakenOver
) -> None:
    """It gets the whole of her own origin, and that is where it ends."""
    trap.serve(
        "worker.js",
        """
        self.addEventListener("install", () => self.skipWaiting());
        self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
        self.addEventListener("fetch", (event) => event.respondWith(new Response("taken " + event.request.url)));
        """,
    )
    page = visit_eve(window, eve)
    scope = page.evaluate(
        f"""async () => {{
          const made = await navigator.serviceWorker.register("{eve.session.url_path}worker.js", {{scope: "/"}});
          await navigator.serviceWorker.ready;
          return made.scope;
        }}"""
    )
    assert scope == f"{eve.origin}/"
    page.goto(f"{eve.lab_url}trap.html")
    assert page.content().count("taken") == 1, "the worker answers on Eve's own origin"

    open_own_lab(window, ada)
    for url in (stack.url, f"{ada.session.hub.public_url}/hub/home", f"{ada.lab_url}files/secret.js"):
        page.goto(url)
        assert "taken" not in page.content(), url


def test_cookies_that_eve_tosses_make_nobody_of_ada(
    stack: Stack, window: BrowserContext, ada: AtWork, eve: AtWork, trap: TakenOver
) -> None:
    """A browser lets a learner's origin set cookies for the hub's, which lies above it, and none for Paja's.

    Without TLS, and so only here, Eve can thereby log Ada's browser in at the hub as Eve, and shut Ada out of her
    labs until she clears her cookies. It opens nothing of Ada's for Eve, and shows nothing of Eve's as Ada's own.
    Over TLS the hub's cookies have the prefix that a browser takes from the hub's own origin only.
    """
    eve.visitor.roam(f"{eve.session.hub.public_url}/hub/oauth_login?next=/hub/home")
    own = {cookie.name: cookie.value for cookie in eve.visitor.client.cookies.jar}
    names = {name: own[name] for name in ("jupyterhub-hub-login", "jupyterhub-session-id", "_xsrf")}
    lab = open_own_lab(window, ada)
    page = visit_eve(window, eve)
    paths = ["/", "/hub/", "/hub/api", "/hub/api/oauth2/authorize", ada.session.url_path]
    page.evaluate(TOSS, [HUB_HOST, names, paths])
    page.evaluate(TOSS, [HUB_HOST, {f"__Host-{name}": own[name] for name in names}, paths])
    page.evaluate(TOSS, ["localhost", {"paja_session": eve.visitor.session_key}, ["/", "/labs"]])
    page.evaluate(TOSS, [urlsplit(ada.lab_url).hostname, names, paths])

    values = {*names.values(), eve.visitor.session_key}

    def tossed() -> set[tuple[str, str]]:
        return {
            (cookie["name"], cookie["domain"]) for cookie in window.cookies() if cookie["value"] in values
        }

    above = {(name, f".{HUB_HOST}") for name in names}
    wait_until(lambda: tossed() >= above, "the cookies are in Ada's browser")
    assert tossed() == above, "above Eve's own origin, and nowhere beside it"
    page.goto(reverse("courses:settings"))
    expect(page.locator("input[name=full_name]")).to_have_value("Ada")

    assert SECRET in jupyterlab.read_text(lab, "secret.js"), "an open lab goes on"
    window.clear_cookies(name=f"jupyterhub-user-{ada.hub_name}-{ada.session.server_name}")
    page.goto(reverse("labs:session-open", args=[ada.session.public_id]))
    expect(page.locator(f"#jupyter-config-data, a[href^='{stack.url}']").first).to_be_attached()
    assert eve.hub_name not in page.url
    assert not [line for line in trap.seen.splitlines() if line.startswith("GET") and "code=" in line]


def test_a_cookie_jar_that_eve_fills_is_ada_logged_in_anew(
    stack: Stack, window: BrowserContext, ada: AtWork, eve: AtWork, trap: TakenOver
) -> None:
    """A browser keeps some 180 cookies for a domain with all below it: more throw out the hub's own."""
    page = visit_eve(window, eve)
    page.evaluate(
        "() => { for (let n = 0; n < 400; n++) document.cookie = `junk${n}=1; domain=kajaani.localhost; path=/x`; }"
    )
    wait_until(
        lambda: "jupyterhub-hub-login" not in {cookie["name"] for cookie in window.cookies()},
        "the hub's cookies have gone",
    )
    lab = open_own_lab(window, ada)
    assert SECRET in jupyterlab.read_text(lab, "secret.js")


def test_eves_server_gets_no_log_in_of_a_visitor(
    stack: Stack, window: BrowserContext, ada: AtWork, eve: AtWork, trap: TakenOver
) -> None:
    """Her server is a client of the hub's: it may ask the hub who the visitor is, and is not told."""
    before = len(trap.seen)
    page = visit_eve(window, eve)
    ask = (
        f"{ada.session.hub.public_url}/hub/api/oauth2/authorize?response_type=code&state=x"
        f"&client_id=jupyterhub-user-{eve.hub_name}-{eve.session.server_name}"
        f"&redirect_uri={eve.lab_url}oauth_callback"
    )
    page.evaluate("(url) => { location.href = url; }", ask)
    expect(page.locator(f"a[href^='{stack.url}']").first).to_be_visible()
    assert page.url.startswith(ada.session.hub.public_url)

    asked = trap.seen[before:].splitlines()
    assert not [line for line in asked if "oauth_callback" in line]
    cookies = [line.split(":", 1)[1] for line in asked if line.lower().startswith("cookie:")]
    names = {cookie.split("=")[0].strip() for line in cookies for cookie in line.split(";")}
    assert names == {"jupyterhub-session-id"}, "the mark of a browser, which opens nothing"


def test_eves_own_browser_finds_adas_doors_shut(
    stack: Stack, ada: AtWork, eve: AtWork, chromium: Browser
) -> None:
    with open_window(chromium, stack, visitor=eve.visitor) as window:
        page = window.new_page()
        for url in (
            f"{ada.lab_url}lab",
            f"{ada.lab_url}files/secret.js",
            f"{ada.session.hub.public_url}/hub/user/{ada.hub_name}/{ada.session.server_name}/lab",
            f"{ada.session.hub.public_url}/hub/spawn-pending/{ada.hub_name}/{ada.session.server_name}",
            f"{ada.session.hub.public_url}/hub/spawn/{ada.hub_name}",
        ):
            page.goto(url)
            expect(page.locator("#jupyter-config-data")).to_have_count(0)
            assert SECRET not in page.content()
            expect(page.locator(f"a[href^='{stack.url}']").first).to_be_visible()
