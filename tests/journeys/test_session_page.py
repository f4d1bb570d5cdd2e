"""A session's page from the start to the stop, and what other pages say of the session meanwhile."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from courses.models import Enrolment
from labs.models import LabUnit
from tests.journeys.screens import assert_fits, confirm, open_window
from tests.live.people import Visitor
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys"), pytest.mark.usefixtures("rows")]

# A browser that asks nobody and shows nothing, but remembers what it was told to show.
NOTIFICATION = """
window.Notification = class {
  static get permission() { return localStorage.getItem("permission") ?? "default"; }
  static async requestPermission() { localStorage.setItem("permission", "granted"); return "granted"; }
  constructor(title) {
    if (title) localStorage.setItem("shown", (localStorage.getItem("shown") ?? "") + title + ";");
  }
};
"""


@pytest.mark.parametrize("width", [1280, 390])
def test_a_session_is_followed_opened_restarted_and_stopped(
    stack: Stack, chromium: Browser, visitor: Visitor, learner: Enrolment, small_lab: LabUnit, width: int
) -> None:
    with open_window(chromium, stack, width=width, visitor=visitor) as window:
        window.add_init_script(NOTIFICATION)
        page, elsewhere = window.new_page(), window.new_page()

        with stack.paused("beat"):  # so that it stays a start while it is looked at
            page.goto(reverse("courses:unit", args=[learner.cohort.public_id, small_lab.unit.slug]))
            page.locator("#lab-start").click()
            expect(page).to_have_title("Starting: Add up · Paja")
            expect(page.locator("main progress")).to_have_attribute("value", re.compile(r"\d"))
            expect(page.get_by_text("You can leave this page")).to_be_visible()
            page.get_by_role("button", name="Tell me when it is ready").click()
            expect(page.get_by_text("Your browser will tell you")).to_be_visible()
            assert_fits(page)
            see_in_top_bar(elsewhere, "Lab: starting")
            page.reload()
            expect(page.get_by_text("Your browser will tell you")).to_be_visible()

        # It is ready, and every page says so by itself.
        expect(page).to_have_title("Ready: Add up · Paja")
        expect(page.get_by_text(re.compile(r"left, until .*\d\d:\d\d"))).to_be_visible()
        wait_until(lambda: "Ready: Add up;" in shown_to(page), "the browser tells that it is ready")
        expect(elsewhere.locator("#running-chip")).to_contain_text("Lab: ready")
        expect(elsewhere.locator("#running-menu")).to_have_attribute("open", "")  # as it was left
        assert_fits(page)

        open_in_notebook(window, page)
        page.reload()
        expect(page.locator("#session-open")).to_contain_text("Open in Notebook 7")  # the last choice

        # A restart leads to the page of the session that follows.
        first = page.url
        page.locator("#session-restart").click()
        expect(page.locator("#confirm")).to_contain_text("memory is lost")
        confirm(page)
        expect(page).not_to_have_url(first)
        expect(page).to_have_title("Ready: Add up · Paja")

        page.locator("#session-stop").click()
        confirm(page)
        expect(page).to_have_title("Ended: Add up · Paja")
        expect(page.get_by_role("heading", name="Your lab is stopped")).to_be_visible()
        page.get_by_text("What happened so far").click()
        expect(page.get_by_text("You stopped the lab.")).to_be_visible()
        assert_fits(page)
        expect(elsewhere.locator("#running-chip")).to_have_count(0)


def see_in_top_bar(page: Page, words: str) -> None:
    """On a page about something else: the session in a word, and the ways to it behind a press."""
    page.goto("/courses/")
    expect(page.locator("#running-chip")).to_contain_text(words)
    page.locator("#running-chip").click()
    expect(page.get_by_role("link", name=re.compile("^Session"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Lab’s page"))).to_be_visible()
    assert_fits(page)


def shown_to(page: Page) -> str:
    """The titles of the notifications that the browser was told to show."""
    return str(page.evaluate("localStorage.getItem('shown') ?? ''"))


def open_in_notebook(window: BrowserContext, page: Page) -> None:
    with window.expect_page() as opening:
        page.locator("#session-open-notebook").click()
    notebook = opening.value
    expect(notebook).to_have_url(re.compile(r"/notebooks/.+\.ipynb$"))
    expect(notebook.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    notebook.close()
