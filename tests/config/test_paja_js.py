"""What `paja.js` does with fragments that ask for themselves: in a browser, on a page of the test's own."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, Route, expect

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys")]

STATIC = Path(settings.BASE_DIR) / "config" / "static"
ORIGIN = "http://localhost:1"
CONFIG = '{"includeIndicatorStyles":false,"allowEval":false}'

# Counts what is sent, lets a test say whether somebody looks, and shows notifications in a list.
BROWSER = """
window.sent = window.answered = 0;
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (...body) {
  window.sent += 1;
  this.addEventListener("loadend", () => { window.answered += 1; });
  send.apply(this, body);
};
window.isHidden = false;
Object.defineProperty(document, "hidden", { get: () => window.isHidden });
window.shown = [];
window.Notification = class {
  static permission = localStorage.getItem("permission") ?? "default";
  static async requestPermission() {
    Notification.permission = localStorage.getItem("answer") ?? "granted";
    localStorage.setItem("permission", Notification.permission);
    return Notification.permission;
  }
  constructor(title, options) { if (title) window.shown.push([title, options.body, options.tag]); }
};
"""
POLLED = (
    '<div id="part" hx-get="/part" hx-trigger="every 1s, paja:look" hx-swap="outerHTML" data-poll>{}</div>'
)
TELL = (
    '<button id="tell" type="button" data-tell="s1" hidden>Tell me</button><p data-told="s1" hidden>Told</p>'
)
READY = '<span hidden data-news="s1" data-news-title="Ready: Lab" data-news-text="Open it."></span>'

DIALOG = (
    '<dialog id="confirm"><form method="dialog"><p data-confirm-text></p>'
    '<button value="yes" data-default="Yes">Yes</button></form></dialog>'
)

OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """A page with a part that asks for itself each second; it is answered with `part`, or with nothing new.

    Its clock stands: `tick` lets a second pass.
    """
    context = chromium.new_context()
    context.add_init_script(BROWSER)

    def open_page(content: str, part: str = "") -> Page:
        page = context.new_page()

        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(ORIGIN)
            if path == "/part":
                route.fulfill(status=200 if part else 204, body=POLLED.format(part) if part else "")
            elif path.endswith(".js"):
                route.fulfill(path=STATIC / path.lstrip("/"), content_type="text/javascript")
            else:
                scripts = "".join(
                    f'<script src="/{name}" defer></script>'
                    for name in ("vendor/htmx/htmx.min.js", "js/paja.js")
                )
                head = f"<meta name='htmx-config' content='{CONFIG}'>{scripts}"
                body = f"<!doctype html><head>{head}</head><body>{POLLED.format(content)}</body>"
                route.fulfill(body=body, content_type="text/html")

        page.route("**/*", answer)
        page.clock.install(time=0)
        page.clock.pause_at(1)
        page.goto(f"{ORIGIN}/")
        return page

    yield open_page
    context.close()


def tick(page: Page, seconds: int = 1) -> int:
    """The number of requests that so many seconds bring."""
    before: int = page.evaluate("window.sent")
    for _ in range(seconds):
        page.clock.run_for(1000)
        page.wait_for_function("window.answered === window.sent")
    sent: int = page.evaluate("window.sent") - before
    page.clock.run_for(50)  # htmx takes a moment to settle what it has drawn
    return sent


def test_a_page_that_nobody_looks_at_asks_rarely_and_at_once_when_somebody_does(open_page: OpenPage) -> None:
    page = open_page("")
    assert tick(page, 3) == 3

    page.evaluate("window.isHidden = true")
    assert tick(page, 9) == 0
    assert tick(page, 11) in {1, 2}

    page.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    assert page.evaluate("window.sent") in {5, 6}


def test_what_was_open_and_had_the_focus_stays_so_when_a_part_is_drawn_anew(open_page: OpenPage) -> None:
    part = '<details id="more"><summary>More</summary><button id="inside">Press</button></details>'
    page = open_page(part, part=f"{part}<p>New</p>")
    page.locator("#more").evaluate("more => { more.open = true }")
    page.locator("#inside").focus()

    tick(page)

    expect(page.get_by_text("New")).to_be_visible()
    expect(page.locator("#more")).to_have_attribute("open", "")
    expect(page.locator("#inside")).to_be_focused()


def test_what_was_confirmed_is_sent_also_when_its_form_was_drawn_anew_meanwhile(open_page: OpenPage) -> None:
    """And no other form that goes to the same address."""
    forms = "".join(
        '<form method="post" action="/move" data-confirm="Sure?"><input type="hidden" name="csrfmiddlewaretoken"'
        f' value="{{0}}"><input type="hidden" name="place" value="{place}"><button>{place}</button></form>'
        for place in ("small-g", "gpu")
    )
    page = open_page(forms.format("old"), part=forms.format("new"))
    page.evaluate("words => document.body.insertAdjacentHTML('beforeend', words)", DIALOG)

    page.get_by_role("button", name="gpu").click()
    tick(page)
    expect(page.locator("[value=new]")).to_have_count(2)
    with page.expect_request("**/move") as sending:
        page.get_by_role("button", name="Yes").click()

    assert sending.value.post_data == "csrfmiddlewaretoken=new&place=gpu"


def test_a_browser_that_was_asked_tells_once_when_the_session_is_ready(open_page: OpenPage) -> None:
    page = open_page(TELL, part=READY)
    page.locator("#tell").click()
    expect(page.get_by_text("Told")).to_be_visible()
    expect(page.locator("#tell")).to_be_hidden()

    tick(page, 2)

    assert page.evaluate("window.shown") == [["Ready: Lab", "Open it.", "s1"]]
    assert open_page(READY).evaluate("window.shown") == []


def test_any_page_tells_what_another_one_was_asked(open_page: OpenPage) -> None:
    open_page(TELL).locator("#tell").click()

    assert open_page(READY).evaluate("window.shown.length") == 1


def test_a_browser_that_was_not_asked_is_silent(open_page: OpenPage) -> None:
    page = open_page(TELL, part=READY)

    tick(page)

    assert page.evaluate("window.shown") == []


def test_a_session_that_was_stopped_is_forgotten(open_page: OpenPage) -> None:
    open_page(TELL).locator("#tell").click()
    open_page('<span hidden data-news="s1"></span>')

    assert open_page(READY).evaluate("window.shown") == []


def test_who_refuses_the_permission_is_not_asked_again(open_page: OpenPage) -> None:
    page = open_page(TELL)
    page.evaluate("localStorage.setItem('answer', 'denied')")

    page.locator("#tell").click()

    expect(page.locator("#tell")).to_be_hidden()
    expect(page.get_by_text(re.compile("^Told"))).to_be_hidden()


def test_a_browser_that_cannot_tell_is_not_offered_to(open_page: OpenPage, chromium: Browser) -> None:
    page = open_page(TELL)
    page.add_init_script("delete window.Notification; window.shown = null")

    page.reload()

    expect(page.locator("#part")).to_be_attached()
    expect(page.locator("#tell")).to_be_hidden()
