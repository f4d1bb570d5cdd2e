"""What `charts.js` draws under Paja's own content policy: in a browser, on a page of the test's own."""

import html
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from csp.utils import build_policy
from django.conf import settings
from playwright.sync_api import Browser, Page, Route

from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys")]

STATIC = Path(settings.BASE_DIR) / "config" / "static"
ORIGIN = "http://localhost:1"
SCRIPTS = ("vendor/htmx/htmx.min.js", "vendor/chart/chart.umd.min.js", "js/charts.js")
CHART = {
    "kind": "bars",
    "labels": ["small-g", "dev-g"],
    "axis": "GPUs",
    "series": [
        {"label": "Paja", "look": "own", "values": [3, 1]},
        {"label": "Others", "look": "others", "values": [4, 2]},
    ],
}

# Whether a canvas holds the colour that a variable of the theme names.
HAS_COLOUR = """([id, name]) => {
  const canvas = document.querySelector(`#${id} canvas`);
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  probe.fillRect(0, 0, 1, 1);
  const wanted = probe.getImageData(0, 0, 1, 1).data;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < data.length; at += 4) {
    if ([0, 1, 2, 3].every((each) => data[at + each] === wanted[each])) return true;
  }
  return false;
}"""


def figure(name: str, **changes: object) -> str:
    """In a figure; the canvas itself has no name, as charts.js asks."""
    data = html.escape(json.dumps({**CHART, **changes}))
    return f'<figure id="{name}"><canvas data-chart="{data}"></canvas></figure>'


def wait_for(page: Page, condition: str, argument: object = None) -> None:
    """The policy lets nothing wait inside of the page, which would have to evaluate a text."""
    wait_until(lambda: page.evaluate(condition, argument), condition, seconds=30)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Two charts; nothing on it may break the policy or fail."""
    context = chromium.new_context(viewport={"width": 800, "height": 600})
    context.add_init_script(
        "window.chartIn = (id) => Chart.getChart(document.querySelector(`#${id} canvas`))"
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    scripts = "".join(f'<script src="/{name}" defer></script>' for name in SCRIPTS)
    config = '<meta name="htmx-config" content=\'{"includeIndicatorStyles":false,"allowEval":false}\'>'
    head = f'{config}<link rel="icon" href="data:,"><link rel="stylesheet" href="/css/tokens.css">{scripts}'
    body = f"<main>{figure('bars')}{figure('lines', kind='lines')}</main>"
    document = f'<!doctype html><html lang="fi" data-bs-theme="light"><head>{head}</head><body>{body}</body>'

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path == "/":
            policy = {"Content-Security-Policy": build_policy()}
            route.fulfill(body=document, content_type="text/html", headers=policy)
        else:
            route.fulfill(path=STATIC / path.lstrip("/"))

    page.route("**/*", answer)
    page.goto(f"{ORIGIN}/")
    wait_for(page, "() => [...document.querySelectorAll('canvas')].every((each) => Chart.getChart(each))")
    yield page
    context.close()
    assert faults == []


def test_what_is_drawn_has_the_colours_of_the_theme_and_follows_it(page: Page) -> None:
    light = page.evaluate(HAS_COLOUR, ["bars", "--accent"])
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")

    assert light
    wait_for(page, HAS_COLOUR, ["bars", "--accent"])


def test_series_are_told_apart_without_their_colours(page: Page) -> None:
    fills = page.evaluate(
        "chartIn('bars').data.datasets.map((each) => each.backgroundColor instanceof CanvasPattern)"
    )
    dashes = page.evaluate("chartIn('lines').data.datasets.map((each) => each.borderDash.join())")
    legend = page.evaluate("chartIn('lines').legend.legendItems.map((each) => each.lineDash.join())")

    assert fills == [False, True]
    assert dashes == legend == ["", "8,4"]


def test_nothing_moves(page: Page) -> None:
    assert page.evaluate("chartIn('bars').options.animation") is False


def test_a_part_that_is_drawn_anew_has_its_chart_again_and_the_old_one_is_let_go(page: Page) -> None:
    page.evaluate("window.before = chartIn('bars')")
    page.evaluate(
        "part => htmx.swap(document.querySelector('main'), part, { swapStyle: 'innerHTML' })",
        figure("bars", kind="columns"),
    )

    wait_for(page, "() => chartIn('bars')?.options.indexAxis === 'x'")
    assert page.evaluate("window.before.ctx") is None
