"""Work that outlives its server: given back at the other factory, reset, and brought back again."""

import json
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from courses.models import Cohort, Enrolment, Factory
from courses.services import enrolments
from labs.blobs import read_blob
from labs.models import LabSession, LabUnit, Snapshot
from labs.states import SessionStatus
from tests.factories.courses import CohortFactory
from tests.journeys import jupyterlab
from tests.journeys.screens import assert_fits, confirm, open_window
from tests.live import small_course
from tests.live.people import Visitor
from tests.live.sessions import session_of
from tests.live.stack import Stack
from tests.live.waiting import wait_until
from tests.soak.servers import find_servers

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys"), pytest.mark.usefixtures("rows")]

FOLDER = f"{small_course.SLUG}/{small_course.LAB}"
NOTEBOOK = f"{FOLDER}/{small_course.NOTEBOOK}"
PATIENCE = 120


@pytest.fixture
def in_athens(small_cohort: Cohort) -> Cohort:
    """A cohort of the same course at the other factory."""
    athens = Factory.objects.get(slug="athens")
    cohort: Cohort = CohortFactory.create(
        release=small_cohort.release, factory=athens, name="Small in Athens"
    )
    return cohort


def unit_page(cohort: Cohort) -> str:
    return reverse("courses:unit", args=[cohort.public_id, small_course.LAB])


def history_page(cohort: Cohort) -> str:
    return reverse("labs:history", args=[cohort.public_id, small_course.LAB])


def open_started_lab(window: BrowserContext, page: Page) -> Page:
    """From a session's page, once it says that the lab is ready, to JupyterLab."""
    expect(page.get_by_role("heading", name="Your lab is ready")).to_be_visible()
    assert_fits(page)
    with window.expect_page() as opening:
        page.locator("#session-open").click()
    lab = opening.value
    expect(lab.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")).to_be_visible()
    return lab


def solve(lab: Page) -> list[str]:
    """Do the lab's task in its notebook; the cells' sources as they then are."""
    released = json.dumps(jupyterlab.read_notebook(lab, NOTEBOOK)).encode()
    jupyterlab.write_notebook(lab, NOTEBOOK, json.loads(small_course.solve(released)))
    return sources(jupyterlab.read_notebook(lab, NOTEBOOK))


def sources(notebook: dict[str, Any]) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"]]


def wait_copied(session: LabSession, cells: list[str]) -> Snapshot:
    """Wait until Paja has this work."""

    def look() -> Snapshot | None:
        snapshot = session.workspace.snapshots.first()
        if snapshot is None or small_course.NOTEBOOK not in snapshot.files:
            return None
        kept = json.loads(read_blob(snapshot.files[small_course.NOTEBOOK]))
        return snapshot if sources(kept) == cells else None

    return wait_until(look, "the work is copied", seconds=PATIENCE)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("width", [1280, 390])
def test_work_of_a_session_that_was_lost_is_given_back_at_the_other_factory(
    stack: Stack,
    chromium: Browser,
    learner: Enrolment,
    visitor: Visitor,
    small_lab: LabUnit,
    in_athens: Cohort,
    width: int,
) -> None:
    with open_window(chromium, stack, width=width, visitor=visitor) as window:
        page = window.new_page()
        page.goto(unit_page(learner.cohort))
        page.locator("#lab-start").click()
        lab = open_started_lab(window, page)
        cells = solve(lab)
        session = session_of(learner)
        wait_copied(session, cells)
        lab.close()

        # The server dies; the page says so, and that the work is kept.
        (server,) = [each for each in find_servers(stack.place) if each.name == session.server_name]
        server.process.kill()
        expect(page.get_by_text("Your work is kept as it was last saved", exact=False).first).to_be_visible()
        assert_fits(page)

        # The other factory has it all.
        enrolments.enrol(in_athens, learner.learner, actor=learner.learner)
        page.goto(unit_page(in_athens))
        expect(page.get_by_text("Your work was last saved at")).to_be_visible()
        page.locator("#lab-start").click()
        lab = open_started_lab(window, page)
        assert session_of(Enrolment.objects.get(cohort=in_athens)).hub.factory.slug == "athens"
        assert sources(jupyterlab.read_notebook(lab, NOTEBOOK)) == cells
        lab.close()

        page.goto(history_page(in_athens))
        expect(page.get_by_text("Your work now")).to_be_visible()
        expect(page.locator("#history-list")).to_contain_text("Saved by itself while you worked")
        assert_fits(page)
        page.locator("#history-list a").first.click()
        expect(page.locator("#preview")).to_contain_text("return first + second")
        assert_fits(page)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("width", [1280, 390])
def test_a_reset_lab_is_as_on_the_first_day_and_an_undo_brings_the_work_back(
    stack: Stack, chromium: Browser, learner: Enrolment, visitor: Visitor, small_lab: LabUnit, width: int
) -> None:
    with open_window(chromium, stack, width=width, visitor=visitor) as window:
        page = window.new_page()
        page.goto(unit_page(learner.cohort))
        page.locator("#lab-start").click()
        lab = open_started_lab(window, page)
        fresh = sources(jupyterlab.read_notebook(lab, NOTEBOOK))
        cells = solve(lab)
        lab.close()
        first = session_of(learner)
        wait_copied(first, cells)

        page.goto(history_page(learner.cohort))
        assert_fits(page)
        page.locator("#history-reset").click()
        confirm(page)
        expect(page.locator("#history-wanted")).to_contain_text("You reset the lab.")
        assert_fits(page)
        second = follow_restart(learner, first)
        lab = open_session(window, page, second)
        assert sources(jupyterlab.read_notebook(lab, NOTEBOOK)) == fresh
        lab.close()

        page.goto(history_page(learner.cohort))
        page.locator("#history-back").click()
        confirm(page)
        expect(page.locator("#history-wanted")).to_contain_text("You go back to the version of")
        third = follow_restart(learner, second)
        lab = open_session(window, page, third)
        assert sources(jupyterlab.read_notebook(lab, NOTEBOOK)) == cells
        lab.close()

        page.goto(history_page(learner.cohort))
        expect(page.locator("#history-list")).to_contain_text("You went back to an earlier version")
        expect(page.locator("#history-list")).to_contain_text("You reset the lab")
        assert_fits(page)


def follow_restart(learner: Enrolment, before: LabSession) -> LabSession:
    """The session that took the place of another, once it is ready."""

    def look() -> LabSession | None:
        session = session_of(learner)
        is_new = session.pk != before.pk and session.status == SessionStatus.READY
        return session if is_new else None

    return wait_until(look, "the lab has begun anew", seconds=PATIENCE)


def open_session(window: BrowserContext, page: Page, session: LabSession) -> Page:
    page.goto(reverse("labs:session", args=[session.public_id]))
    return open_started_lab(window, page)
