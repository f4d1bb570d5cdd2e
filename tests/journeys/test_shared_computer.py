"""Two learners at one computer, one after the other, in the same browser: each gets their own lab and nothing else."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from courses.models import Cohort, Enrolment
from courses.services import enrolments
from labs.models import LabSession, SignOut
from labs.states import SessionStatus
from tests.journeys import jupyterlab
from tests.journeys.screens import assert_fits, open_window
from tests.live import small_course
from tests.live.people import PASSWORD, Visitor, make_person
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys"), pytest.mark.usefixtures("rows")]

NOTEBOOK = f"{small_course.SLUG}/{small_course.LAB}/{small_course.NOTEBOOK}"
# What an open page of JupyterLab asks its server again and again.
ASK = """async () => {
  const config = JSON.parse(document.getElementById("jupyter-config-data").textContent);
  const headers = config.token ? {Authorization: "token " + config.token} : {};
  return (await fetch(config.baseUrl + "api/contents", {headers, redirect: "manual"})).status;
}"""


@pytest.fixture
def adas_and_bens(stack: Stack, small_cohort: Cohort) -> tuple[LabSession, LabSession]:
    """A session each, ready to be opened."""
    sessions = []
    for name in ("Ada", "Ben"):
        person = make_person(name)
        enrolment = enrolments.enrol(small_cohort, person, actor=person)
        sessions.append(start_lab(stack, enrolment))
    wait_until(lambda: all(is_ready(session) for session in sessions), "both labs are ready", seconds=120)
    return sessions[0], sessions[1]


def start_lab(stack: Stack, enrolment: Enrolment) -> LabSession:
    visitor = Visitor(stack, enrolment.learner.email)
    path = reverse("labs:start", args=[enrolment.cohort.public_id, small_course.LAB])
    assert visitor.press(path).status_code == 302
    return LabSession.objects.select_related("learner", "hub").get(learner=enrolment.learner)


def is_ready(session: LabSession) -> bool:
    session.refresh_from_db(fields=["status"])
    return session.status == SessionStatus.READY


def log_in(page: Page, session: LabSession) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(session.learner.email)
    page.get_by_label("Password").first.fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_label("Password")).to_have_count(0)


def log_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Log out").click()
    expect(page.locator("a[href^='/accounts/login/']").first).to_be_attached()


def open_lab(window: BrowserContext, page: Page, session: LabSession) -> Page:
    """From the session's page, by the button, to the notebook on the person's own origin."""
    page.goto(reverse("labs:session", args=[session.public_id]))
    with window.expect_page() as opening:
        page.locator("#session-open").click()
    lab = opening.value
    expect(lab.locator(".jp-NotebookPanel .jp-Cell").first).to_be_visible()
    expect(lab).to_have_url(re.compile(f"^http://{session.learner.hub_name}\\."))
    return lab


def address_of(session: LabSession) -> str:
    return session.hub.url_of(session.learner.hub_name, f"{session.url_path}lab/tree/{NOTEBOOK}")


@contextmanager
def next_person(window: BrowserContext, ada: LabSession, ben: LabSession) -> Iterator[tuple[Page, Page]]:
    """Ada opens her lab and logs out of Paja; Ben logs in and opens his. Her tab and his, both left open."""
    page = window.new_page()
    log_in(page, ada)
    adas = open_lab(window, page, ada)
    assert adas.evaluate(ASK) == 200
    log_out(page)
    log_in(page, ben)
    bens = open_lab(window, page, ben)
    page.close()
    yield adas, bens


def assert_shut(window: BrowserContext, session: LabSession) -> None:
    """The address leads to a page that names nobody and shows nothing of the lab."""
    page = window.new_page()
    page.goto(address_of(session))
    expect(page.get_by_role("heading", name="This lab belongs to another account")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text(session.learner.hub_name)
    assert_fits(page)
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_next_learner_gets_their_own_lab_and_the_one_before_is_out(
    stack: Stack, chromium: Browser, adas_and_bens: tuple[LabSession, LabSession], width: int
) -> None:
    ada, ben = adas_and_bens
    with (
        open_window(chromium, stack, width=width) as window,
        next_person(window, ada, ben) as (adas, bens),
    ):
        wait_until(lambda: not SignOut.objects.filter(user=ada.learner).exists(), "the hub was told")
        wait_until(lambda: adas.evaluate(ASK) != 200, "ada's tab is answered no more", seconds=20)
        assert_shut(window, ada)
        assert jupyterlab.read_notebook(bens, NOTEBOOK)["cells"]

        # Ada's session itself went on, and is hers when she is back.
        page = window.new_page()
        log_out(page)
        log_in(page, ada)
        again = open_lab(window, page, ada)
        assert jupyterlab.read_notebook(again, NOTEBOOK)["cells"]
        assert_shut(window, ben)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_hub_that_never_heard_of_the_log_out_lets_nobody_into_the_work_before(
    stack: Stack, chromium: Browser, adas_and_bens: tuple[LabSession, LabSession], width: int
) -> None:
    ada, ben = adas_and_bens
    with (
        open_window(chromium, stack, width=width) as window,
        stack.paused(f"worker-spawning-{ada.hub.factory.slug}"),
        next_person(window, ada, ben) as (adas, bens),
    ):
        assert SignOut.objects.filter(user=ada.learner).exists()
        assert adas.evaluate(ASK) != 200
        assert_shut(window, ada)
        assert jupyterlab.read_notebook(bens, NOTEBOOK)["cells"]
