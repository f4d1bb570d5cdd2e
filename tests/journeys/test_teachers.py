"""The ways of an instructor and of a factory's staff."""

import csv
import io
import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect

from courses.management.commands.load_demo import PASSWORD
from courses.models import Cohort, Enrolment
from labs.blobs import read_blob
from labs.models import LabUnit
from tests.journeys.screens import assert_fits, open_window
from tests.live import small_course
from tests.live.fixtures import INSTRUCTOR
from tests.live.people import Visitor, save_work
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys")]


@pytest.fixture
def graded(visitor: Visitor, learner: Enrolment, small_lab: LabUnit) -> None:
    """Ada has submitted, and has a mark."""
    released = read_blob(small_lab.release.learner_files[small_course.NOTEBOOK])
    save_work(learner, small_lab.release.lab, {small_course.NOTEBOOK: small_course.solve(released)})
    path = reverse("labs:submit", args=[learner.cohort.public_id, small_course.LAB])
    page = visitor.press(path, press_key=str(uuid4())).headers["Location"]
    wait_until(lambda: 'id="mark-heading"' in visitor.read(page), "the mark is on the page", seconds=90)


@pytest.mark.usefixtures("graded")
def test_an_instructor_previews_the_course_and_sees_the_cohort(
    stack: Stack, chromium: Browser, small_cohort: Cohort, learner: Enrolment
) -> None:
    with open_window(chromium, stack) as window:
        page = window.new_page()
        page.goto("/accounts/login/")
        page.get_by_label("Email").fill(INSTRUCTOR)
        page.get_by_label("Password").first.fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in").click()

        page.get_by_role("navigation", name="Main").get_by_role("link", name="Teaching").click()
        assert_fits(page)
        page.locator(f"a[href='{reverse('courses:cohort', args=[small_cohort.public_id])}']").click()
        expect(page.get_by_role("heading", name="Small cohort")).to_be_visible()
        assert_fits(page)
        row = page.locator("tr", has_text=learner.learner.email)
        expect(row).to_contain_text("1 / 1")
        expect(row).to_contain_text("3 / 3")

        # As a learner would see it, and nothing can be pressed.
        page.get_by_role("link", name="Preview the course").click()
        page.get_by_role("link", name="Add up").first.click()
        expect(page.get_by_text("Write a function that adds two numbers.")).to_be_visible()
        expect(page.get_by_text("This is a preview.")).to_be_visible()
        expect(page.locator("#lab-start")).to_have_count(0)
        assert_fits(page)

        # What a learner handed in, and what came of it.
        page.goto(reverse("courses:cohort", args=[small_cohort.public_id]))
        page.get_by_role("link", name=re.compile("^Submissions.*Add up$")).click()
        expect(page.locator("tr", has_text="Ada")).to_contain_text("3 of 3 points")
        assert_fits(page)
        page.get_by_role("link", name="Attempt 1").click()
        expect(page.get_by_role("heading", name="Mark")).to_be_visible()
        expect(page.locator(".cell-graded.is-full")).to_have_count(1)
        assert_fits(page)

        page.goto(reverse("courses:cohort", args=[small_cohort.public_id]))
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as CSV").click()
        text = Path(download.value.path()).read_text(encoding="utf-8-sig")
        table = list(csv.reader(io.StringIO(text)))
        assert len(table) == 2, table
        assert learner.learner.email in table[1]


@pytest.mark.usefixtures("rows")
def test_staff_see_their_own_factory_and_no_other(stack: Stack, chromium: Browser) -> None:
    staff = Visitor(stack, "staff.kajaani@paja.example", PASSWORD)
    own, other = (Cohort.objects.get(release__course__slug="ai-factory-essentials", factory__slug=slug)
                  for slug in ("kajaani", "athens"))  # fmt: skip
    with open_window(chromium, stack, visitor=staff) as window:
        page = window.new_page()
        page.goto("/")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Factory").click()
        expect(page.get_by_role("heading", name="LUMI AI Factory")).to_be_visible()
        assert_fits(page)
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Grading").click()
        expect(page.get_by_role("heading", name="Grading", exact=True)).to_be_visible()
        expect(page.locator("#grading-now")).to_be_visible()
        assert_fits(page)
        page.go_back()
        page.get_by_role("link", name=own.name).click()
        expect(page.get_by_role("heading", name=own.name)).to_be_visible()

    for path in (
        "/factories/athens/",
        reverse("courses:cohort", args=[other.public_id]),
        reverse("courses:cohort-csv", args=[other.public_id]),
        reverse("labs:cohort-submissions", args=[other.public_id, "clean-the-data"]),
    ):
        assert staff.get(path).status_code == 404, path
