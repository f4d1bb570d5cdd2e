"""The way of a lab's author: open the source, break it, read what the check says, mend it, release, put back."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from courses.models import Cohort, CohortTeamMember, Enrolment
from labs.blobs import read_blob
from labs.models import LabRelease, LabSession, LabUnit, Workspace
from labs.states import SessionStatus
from tests.factories.labs import LabSessionFactory
from tests.journeys import jupyterlab
from tests.journeys.screens import assert_fits, confirm, open_window
from tests.live import small_course
from tests.live.people import Visitor, make_person, save_work
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys")]

FOLDER = f"authoring/{small_course.SLUG}/{small_course.LAB}"
NOTEBOOK = f"{FOLDER}/{small_course.NOTEBOOK}"
SUM, DIFFERENCE = "return first + second", "return first - second"

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def author(stack: Stack, small_cohort: Cohort) -> Visitor:
    """Ben, an instructor of the cohort who has never opened the lab's source."""
    ben = make_person("Ben")
    CohortTeamMember.objects.create(cohort=small_cohort, user=ben)
    return Visitor(stack, ben.email)


def find_cell(notebook: dict[str, Any], grade_id: str) -> dict[str, Any]:
    return next(
        cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )


def list_names(notebook: dict[str, Any]) -> list[str]:
    metas = [cell["metadata"].get("nbgrader", {}) for cell in notebook["cells"]]
    return [meta["grade_id"] for meta in metas if meta.get("grade_id")]


def text_of(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def name_twice(notebook: dict[str, Any]) -> None:
    """What copying a cell does."""
    find_cell(notebook, "test-add")["metadata"]["nbgrader"]["grade_id"] = "add"


def solve_wrongly(notebook: dict[str, Any]) -> None:
    cell = find_cell(notebook, "add")
    cell["source"] = text_of(cell).replace(SUM, DIFFERENCE)


def ask_for_more(notebook: dict[str, Any]) -> None:
    notebook["cells"][0]["source"] = "# Add up\n\nWrite a function that adds two numbers, whatever they are."
    find_cell(notebook, "test-add")["metadata"]["nbgrader"]["points"] = 5


def open_source(page: Page, cohort: Cohort) -> None:
    """From the cohort to a session with the lab's source."""
    page.goto(reverse("labs:cohort-submissions", args=[cohort.public_id, small_course.LAB]))
    page.get_by_role("link", name="Edit the lab’s source").click()
    expect(page.get_by_role("heading", name="The source of Add up")).to_be_visible()
    assert_fits(page)
    page.locator("#source-start").click()
    expect(page.get_by_role("heading", name="Your lab is ready")).to_be_visible()
    assert_fits(page)


def open_lab(window: BrowserContext, page: Page) -> Page:
    with window.expect_page() as opening:
        page.locator("#session-open").click()
    lab = opening.value
    expect(lab.locator(".jp-NotebookPanel").first).to_be_visible()
    return lab


def bring_back(page: Page, lab: Page, cohort: Cohort, source: dict[str, Any], *edits: Edit) -> None:
    """Save the source with some edits in the session, and wait for what the check says of it."""
    notebook = copy.deepcopy(source)
    for edit in edits:
        edit(notebook)
    jupyterlab.write_notebook(lab, NOTEBOOK, notebook)
    page.goto(reverse("labs:source", args=[cohort.public_id, small_course.LAB]))
    assert_fits(page)
    page.locator("#source-collect").click()
    expect(page).to_have_url(re.compile("/teach/drafts/"))
    expect(page.locator("#draft-status[data-poll]")).to_have_count(0)
    assert_fits(page)


def present(cohort: Cohort) -> LabRelease:
    return LabUnit.objects.select_related("release").get(unit__release__cohorts=cohort).release


@pytest.mark.timeout(420)
@pytest.mark.parametrize("width", [1280, 390])
def test_an_instructor_breaks_a_lab_is_told_mends_it_and_releases(
    stack: Stack,
    chromium: Browser,
    small_cohort: Cohort,
    learner: Enrolment,
    author: Visitor,
    visitor: Visitor,
    width: int,
) -> None:
    before = present(small_cohort)
    released = read_blob(before.learner_files[small_course.NOTEBOOK])
    save_work(learner, before.lab, {small_course.NOTEBOOK: released})
    now = timezone.now()
    LabSessionFactory.create(
        enrolment=learner, release=before, status=SessionStatus.STOPPED, ready_at=now, ended_at=now
    )
    with open_window(chromium, stack, width=width, visitor=author) as window:
        page = window.new_page()
        open_source(page, small_cohort)
        lab = open_lab(window, page)
        source = jupyterlab.read_notebook(lab, NOTEBOOK)
        assert SUM in text_of(find_cell(source, "add"))

        # An ID that two cells have, as after copying one.
        bring_back(page, lab, small_cohort, source, name_twice)
        expect(page.get_by_role("heading", name="2 things to mend")).to_be_visible()
        expect(page.locator(".finding").first).to_contain_text("The grade id add is used by 2 cells.")
        expect(page.locator(".finding").first).to_contain_text("give it an ID of its own")
        expect(page.locator("#draft-release")).to_have_count(0)

        # A solution that does not pass its own tests, as the grading box says.
        bring_back(page, lab, small_cohort, source, solve_wrongly)
        finding = page.locator(".finding")
        expect(finding).to_have_count(1)
        expect(finding.locator("code")).to_have_text("test-add")
        expect(finding).to_contain_text("One and two are three.")
        expect(page.locator(".diff del", has_text=SUM)).to_have_count(1)
        expect(page.locator("#draft-release")).to_have_count(0)

        # Mended: what changes is shown, and it is released by a button.
        bring_back(page, lab, small_cohort, source, ask_for_more)
        expect(page.get_by_role("heading", name="Nothing is wrong with it")).to_be_visible()
        expect(page.locator(".diff ins", has_text="whatever they are")).to_be_visible()
        expect(page.get_by_text("3 points, now 5 points").first).to_be_visible()
        expect(page.get_by_text("1 of 1 learners of Small cohort has begun the lab.")).to_be_visible()
        page.locator("#draft-release").click()
        expect(page.locator("#confirm")).to_contain_text("1 learner has begun it")
        confirm(page)
        expect(page.get_by_role("heading", name="Released", exact=True)).to_be_visible()
        assert_fits(page)
        after = present(small_cohort)
        assert (after.number, after.max_score) == (before.number + 1, 5)

        # A learner who has begun is offered the new files, and no solution ever reaches them.
        assert "Your instructor has released a newer version of this lab." in visitor.read(
            reverse("courses:unit", args=[small_cohort.public_id, small_course.LAB])
        )
        for content in map(read_blob, after.learner_files.values()):
            assert SUM.encode() not in content
            assert b"Less than nothing" not in content
        for part in ("source", "draft"):
            address = page.url if part == "draft" else reverse(
                "labs:source", args=[small_cohort.public_id, small_course.LAB]
            )  # fmt: skip
            assert visitor.get(address).status_code == 404

        # And back again.
        page.goto(reverse("labs:source", args=[small_cohort.public_id, small_course.LAB]))
        page.locator("#move-undo").click()
        confirm(page)
        expect(page.get_by_text("of the course again.")).to_be_visible()
        assert_fits(page)
        assert present(small_cohort) == before


def test_create_assignment_is_the_authors_and_what_they_learn_with_has_no_solution(
    stack: Stack, chromium: Browser, small_cohort: Cohort, author: Visitor
) -> None:
    """Ben teaches and learns: his two sessions, side by side, have two folders and never each other's files."""
    with open_window(chromium, stack, visitor=author) as window:
        page = window.new_page()
        open_source(page, small_cohort)
        lab = open_lab(window, page)
        lab.get_by_role("tab", name="Create Assignment").click()
        panel = lab.locator("#nbgrader-create_assignemnt")
        names = panel.locator(".nbgrader-CellId input:visible")
        expect(names).to_have_count(2)
        expect(names.last).to_have_value("test-add")
        names.last.fill("add")
        names.last.press("Tab")
        lab.locator(".jp-Notebook .jp-Cell").first.click()
        lab.keyboard.press("Control+s")
        wait_until(
            lambda: list_names(jupyterlab.read_notebook(lab, NOTEBOOK)) == ["add", "add"], "it is saved"
        )
        page.goto(reverse("labs:source", args=[small_cohort.public_id, small_course.LAB]))
        page.locator("#source-collect").click()
        expect(page.get_by_role("heading", name="2 things to mend")).to_be_visible()
        lab.close()

    session = LabSession.objects.filter(workspace__purpose=Workspace.Purpose.AUTHOR).latest("pk")
    enrolment = Enrolment.objects.create(cohort=small_cohort, learner=session.learner, status="active")
    assert (
        author.press(reverse("labs:start", args=[small_cohort.public_id, small_course.LAB])).status_code
        == 302
    )
    learning = LabSession.objects.get(enrolment=enrolment)
    assert learning.workspace != session.workspace

    def is_ready() -> bool:
        learning.refresh_from_db()
        return learning.ready_at is not None

    wait_until(is_ready, "the learner's session is ready", seconds=90)
    with open_window(chromium, stack, visitor=author) as window:
        page = window.new_page()
        page.goto(reverse("labs:session", args=[learning.public_id]))
        lab = open_lab(window, page)
        expect(lab.get_by_role("tab", name="Create Assignment")).to_have_count(0)
        mine = jupyterlab.read_notebook(
            lab, f"{small_course.SLUG}/{small_course.LAB}/{small_course.NOTEBOOK}"
        )
        assert SUM not in text_of(find_cell(mine, "add"))
