"""What Paja brings into JupyterLab and Notebook 7, in Chromium, on a real server of a learner and of an author."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from labs.jupyterhub import ServerClient
from tests.journeys.screens import PATIENCE
from tests.live.waiting import wait_until
from tests.servers.hub import RealHub, run_hub

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("hub")]

ADA = "p-00ada001"
LEARNS, TEACHES = "s-0000ada1", "s-0000ada2"
APPS = ("lab", "notebook")
PAJA_URL = "http://localhost:8000/labs/sessions/5e551011/"
WARNING = "Your session stops in 10 minutes. Your work is saved. Run a cell to go on."
SAVED_SECONDS = 30  # autosave looks every five seconds; by default it would be two minutes
CELL: Mapping[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


@pytest.fixture(scope="module")
def real_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with run_hub(tmp_path_factory.mktemp("hub")) as hub:
        hub.sign_in.person = ADA
        hub.start_server(ADA, LEARNS)
        hub.start_server(ADA, TEACHES, tools=["create-assignment"])
        yield hub


@contextmanager
def session_of(real_hub: RealHub, server: str) -> Iterator[ServerClient]:
    with real_hub.client() as client:
        token = client.create_server_token(ADA, server, expires_in=300)
    with real_hub.contents(ADA, server, token.token) as found:
        yield found


@contextmanager
def window(chromium: Browser, *, width: int = 1280, color_scheme: Any = "light") -> Iterator[BrowserContext]:
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, locale="en-GB", color_scheme=color_scheme
    )
    context.set_default_timeout(PATIENCE)
    try:
        yield context
    finally:
        context.close()


def notebook(*sources: str) -> bytes:
    cells = [{**CELL, "id": f"cell-{number}", "source": source} for number, source in enumerate(sources)]
    return json.dumps({"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}).encode()


def open_notebook(
    context: BrowserContext, real_hub: RealHub, app: str, name: str, server: str = LEARNS
) -> Page:
    """A notebook in a workspace of its own: JupyterLab opens what was open in another one too."""
    with session_of(real_hub, server) as session:
        session.create_file(f"demo/{name}.ipynb", notebook("print(1)"))
    page = context.new_page()
    way = f"lab/workspaces/{name}/tree" if app == "lab" else "notebooks"
    page.goto(f"http://{ADA}.{real_hub.host}/user/{ADA}/{server}/{way}/demo/{name}.ipynb")
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    return page


def give_notice(real_hub: RealHub, **changes: object) -> None:
    now = datetime.now(UTC)
    notice: dict[str, object] = {
        "language": "en",
        "paja_url": PAJA_URL,
        "links": {"label": "Open this session in Paja", "close": "Close"},
        "words": {"left": "{time} left", "saved": "saved to Paja {time}"},
        "ends_at": (now + timedelta(minutes=102)).isoformat(),
        "saved_at": now.isoformat(),
        "message": "",
        "level": "info",
    }
    with session_of(real_hub, LEARNS) as session:
        session.put_notice({**notice, **changes})


def look_again(page: Page) -> None:
    """As when a person comes back to the tab: the page asks for the notice at once."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def link_of(page: Page) -> Locator:
    return page.locator(".paja-notice a")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("app", APPS)
def test_the_bar_says_how_long_and_what_is_saved_and_leads_to_paja(
    real_hub: RealHub, chromium: Browser, app: str, color_scheme: str
) -> None:
    give_notice(real_hub)
    with window(chromium, color_scheme=color_scheme) as context:
        link = link_of(open_notebook(context, real_hub, app, "bar"))
        expect(link).to_have_text(re.compile(r"^Paja · 1 hr 4\d min left · saved to Paja .*\d\d:\d\d$"))
        expect(link).to_be_visible()
        expect(link).to_have_attribute("href", PAJA_URL)
        expect(link).to_have_attribute("target", "_blank")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        # The theme follows the person's system; 4.5 is what small text needs.
        wait_until(lambda: is_dark(link) == (color_scheme == "dark"), "the theme is the system's")
        assert contrast(link) >= 4.5


def test_the_bar_speaks_the_language_of_the_notice(real_hub: RealHub, chromium: Browser) -> None:
    words = {"left": "{time} jäljellä", "saved": "tallennettu Pajaan {time}"}
    give_notice(real_hub, language="fi", words=words, links={"label": "Avaa istunto Pajassa"})
    with window(chromium) as context:
        link = link_of(open_notebook(context, real_hub, "lab", "bar"))
        expect(link).to_have_text(
            re.compile(r"^Paja · 1 t 4\d min jäljellä · tallennettu Pajaan .*\d\d\.\d\d$")
        )
        expect(link.locator("..")).to_have_attribute("lang", "fi")


def test_a_session_without_an_end_and_without_a_copy_claims_neither(
    real_hub: RealHub, chromium: Browser
) -> None:
    give_notice(real_hub, ends_at=None, saved_at=None)
    with window(chromium) as context:
        expect(link_of(open_notebook(context, real_hub, "lab", "bar"))).to_have_text("Paja")


@pytest.mark.parametrize("app", APPS)
def test_a_warning_is_said_once_and_taken_back_when_it_is_over(
    real_hub: RealHub, chromium: Browser, app: str
) -> None:
    give_notice(real_hub)
    with window(chromium) as context:
        page = open_notebook(context, real_hub, app, "bar")
        said = page.locator(".Toastify__toast, .paja-notice-banner").filter(has_text=WARNING)
        expect(link_of(page)).to_be_visible()
        expect(said).to_have_count(0)

        give_notice(real_hub, message=WARNING, level="warning")
        look_again(page)
        expect(said).to_be_visible()
        with context.expect_page() as opened:
            said.get_by_role("button", name="Open this session in Paja").click()
        assert opened.value.evaluate("window.opener") is None

        page.reload()
        expect(link_of(page)).to_be_visible()
        look_again(page)
        expect(link_of(page).locator("..")).to_have_attribute("data-level", "warning")
        expect(said).to_have_count(0)

        give_notice(real_hub, message=f"{WARNING} Again.", level="warning")
        look_again(page)
        expect(said).to_be_visible()
        give_notice(real_hub)
        look_again(page)
        expect(said).to_have_count(0)


def test_a_warning_too_long_for_jupyterlab_is_not_cut_off(real_hub: RealHub, chromium: Browser) -> None:
    long = f"{WARNING} " * 3
    give_notice(real_hub, message=long, level="warning")
    with window(chromium) as context:
        page = open_notebook(context, real_hub, "lab", "bar")
        banner = page.get_by_role("status").filter(has_text=WARNING)
        expect(banner).to_contain_text(long.strip())
        banner.get_by_role("button", name="Close").click()
        expect(banner).to_have_count(0)
    give_notice(real_hub)


NOTICE_PATH = "**/paja/notice*"
JSON = "application/json"
NOTICES_THAT_FAIL: tuple[Mapping[str, Any], ...] = (
    {"status": 500, "body": "broken"},
    {"status": 200, "content_type": "text/html", "body": "<script>window.hacked = 1</script>"},
    {"status": 200, "content_type": JSON, "body": "[3]"},
    {
        "status": 200,
        "content_type": JSON,
        "body": json.dumps(
            {"paja_url": "javascript:window.hacked=1", "message": "<img src=x onerror=hacked=1>"}
        ),
    },
    {
        "status": 200,
        "content_type": JSON,
        "body": json.dumps(
            {"paja_url": PAJA_URL, "language": "no-such_language", "ends_at": "soon", "words": 3}
        ),
    },
)


def test_whatever_comes_as_a_notice_the_notebook_goes_on(real_hub: RealHub, chromium: Browser) -> None:
    now: Mapping[str, Any] = {"status": 500, "body": "broken"}

    def answer(route: Route) -> None:
        route.fulfill(**now)

    with window(chromium) as context:
        context.route(NOTICE_PATH, answer)
        page = open_notebook(context, real_hub, "lab", "goes-on")
        for notice in NOTICES_THAT_FAIL:
            now = notice
            with page.expect_response(NOTICE_PATH):
                look_again(page)
            expect(page.locator(".paja-notice a[href^=javascript]")).to_have_count(0)
        now = {"status": 200, "content_type": "application/json", "body": json.dumps({"paja_url": PAJA_URL})}
        look_again(page)
        expect(link_of(page)).to_have_text("Paja")
        assert page.evaluate("window.hacked") is None
        edit(page, "still = 'here'")


@pytest.mark.parametrize("app", APPS)
def test_what_is_written_stands_on_the_disk_within_seconds(
    real_hub: RealHub, chromium: Browser, app: str
) -> None:
    name = f"autosave-{app}"
    with window(chromium) as context:
        page = open_notebook(context, real_hub, app, name)
        expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible()
        edit(page, "unsaved = 'work'")
        wait_until(
            lambda: "unsaved = 'work'" in read_disk(real_hub, name), "it is saved", seconds=SAVED_SECONDS
        )


def test_a_notebook_that_changed_on_the_disk_is_not_written_over_without_asking(
    real_hub: RealHub, chromium: Browser
) -> None:
    with window(chromium) as context:
        page = open_notebook(context, real_hub, "lab", "meanwhile")
        expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible()
        edit(page, "mine = 1")
        wait_until(lambda: "mine = 1" in read_disk(real_hub, "meanwhile"), "it is saved")
        # JupyterLab takes times that lie half a second apart as the same.
        later = datetime.now(UTC).timestamp() + 60
        path = disk_path(real_hub, "meanwhile")
        with session_of(real_hub, LEARNS) as session:
            session.replace_file("demo/meanwhile.ipynb", notebook("theirs = 2"))
        os.utime(path, (later, later))
        edit(page, "mine = 3")
        dialog = page.locator(".jp-Dialog")
        expect(dialog).to_contain_text("has changed on disk")
        assert "theirs = 2" in path.read_text()


def test_a_learner_has_no_tools_of_authors_and_no_terminal(real_hub: RealHub, chromium: Browser) -> None:
    with window(chromium) as context:
        page = open_notebook(context, real_hub, "lab", "bar")
        config = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent)")
        expect(page.get_by_role("menuitem", name="File")).to_be_visible()
        assert "@jupyter/nbgrader" not in [extension["name"] for extension in config["federated_extensions"]]
        assert {"@jupyterlab/terminal-extension", "@jupyterlab/lsp-extension"} <= set(
            config["disabledExtensions"]
        )
        expect(page.get_by_role("menuitem", name="Nbgrader")).to_have_count(0)
        expect(page.get_by_role("tab", name="Create Assignment")).to_have_count(0)


@pytest.mark.parametrize("app", APPS)
def test_an_author_marks_a_cell_with_nbgraders_own_panel(
    real_hub: RealHub, chromium: Browser, app: str
) -> None:
    name = f"author-{app}"
    with window(chromium) as context:
        page = open_notebook(context, real_hub, app, name, TEACHES)
        expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible()
        page.get_by_role("menuitem", name="Nbgrader").click()
        items = page.locator(".lm-Menu-item:visible")
        expect(items).to_have_text(["Create assignment"])  # the only part of nbgrader that is on
        items.click()
        panel = page.locator(".nbgrader-CreateAssignmentWidget, #nbgrader-create_assignemnt").first
        expect(panel).to_be_visible()
        panel.locator("select").first.select_option("manual")
        wait_until(lambda: '"nbgrader"' in read_disk(real_hub, name), "the mark is on the disk")
    cell = json.loads(read_disk(real_hub, name))["cells"][0]
    assert (cell["metadata"]["nbgrader"]["grade"], cell["metadata"]["nbgrader"]["solution"]) == (True, True)


def edit(page: Page, source: str) -> None:
    """Put other code into the first cell, and do not run it."""
    cell = page.locator(".jp-Notebook .jp-Cell").first.locator(".cm-content")
    cell.click()
    expect(page.locator(".jp-Notebook.jp-mod-editMode")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    expect(cell).to_have_text(source)


def disk_path(real_hub: RealHub, name: str) -> Path:
    return real_hub.homes / ADA / "demo" / f"{name}.ipynb"


def read_disk(real_hub: RealHub, name: str) -> str:
    return disk_path(real_hub, name).read_text()


COLOURS = """(node) => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const text = channels(getComputedStyle(node).color);
  let behind = node;
  while (behind && channels(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  return [text, channels(getComputedStyle(behind).backgroundColor)];
}"""


def luminance(colour: list[float]) -> float:
    linear = [
        channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (value / 255 for value in colour[:3])
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(node: Locator) -> float:
    """As WCAG has it, of a text on what lies behind it; a text that is partly transparent is mixed with that."""
    text, behind = node.evaluate(COLOURS)
    opacity = text[3] if len(text) > 3 else 1
    mixed = [
        opacity * value + (1 - opacity) * under for value, under in zip(text[:3], behind[:3], strict=True)
    ]
    lighter, darker = sorted((luminance(mixed), luminance(behind)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def is_dark(node: Locator) -> bool:
    return luminance(node.evaluate(COLOURS)[1]) < 0.5
