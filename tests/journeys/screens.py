"""What the journeys have in common: a window of a browser, and looking at a page as a person does."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.live.people import Visitor
from tests.live.stack import Stack
from tests.live.waiting import wait_until

PATIENCE = 90_000
"""Milliseconds that a page may take, with a start or a grading behind it, on a machine that does much else."""
expect.set_options(timeout=PATIENCE)


@contextmanager
def open_window(
    chromium: Browser, stack: Stack, *, width: int = 1280, visitor: Visitor | None = None
) -> Iterator[BrowserContext]:
    """A browser window on Paja, in English, where `visitor` is logged in already.

    An error in the console of one of Paja's own pages fails the test at its end.
    """
    context = chromium.new_context(
        base_url=stack.url, viewport={"width": width, "height": 900}, locale="en-GB", has_touch=width < 600
    )
    context.set_default_timeout(PATIENCE)
    if visitor:
        context.add_cookies([{"name": "paja_session", "value": visitor.session_key, "url": stack.url}])
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and message.page and message.page.url.startswith(stack.url):
            errors.append(message.text)

    context.on("console", note)
    try:
        yield context
    finally:
        context.close()
    assert not errors, errors


def assert_fits(page: Page) -> None:
    """Nobody has to scroll sideways once the page is drawn."""
    viewport = page.viewport_size
    assert viewport, "the page has no viewport"
    width = "document.documentElement?.scrollWidth ?? Infinity"  # none yet while the page is on its way
    wait_until(
        lambda: page.evaluate(width) <= viewport["width"],
        f"{page.url} fits into {viewport['width']} pixels",
        seconds=10,
    )


def confirm(page: Page) -> None:
    """Say yes in Paja's own dialog."""
    page.locator("#confirm button[value=yes]").click()
