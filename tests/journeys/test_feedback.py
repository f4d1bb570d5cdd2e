"""From a check to a mark: what a learner is told of tests, seen and hidden, and how a person decides on the rest."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from django.urls import reverse
from nbformat.v4 import new_markdown_cell
from playwright.sync_api import Browser, Page, expect

from courses.management.commands.load_demo import PASSWORD
from courses.models import CohortTeamMember, User
from labs.blobs import read_blob
from labs.models import LabUnit
from tests.journeys.screens import assert_fits, open_window
from tests.live import small_course
from tests.live.fixtures import INSTRUCTOR
from tests.live.people import Visitor, make_cohort, make_learner
from tests.live.searching import look_around, read_everything
from tests.live.sessions import AtWork, put_to_work, write_file
from tests.live.stack import Stack

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys"), pytest.mark.timeout(300)]

COURSE = "feedback-course"
NOTEBOOK = f"{COURSE}/{small_course.LAB}/{small_course.NOTEBOOK}"
MESSAGE = "Less than nothing adds up too."
SECRET = "beneath_zero"
TESTS = f"""\
assert add(1, 2) == 3, "One and two are three."
### BEGIN HIDDEN TESTS
{SECRET} = add(-1, 1)
assert {SECRET} == 0, "{MESSAGE}"
### END HIDDEN TESTS"""


def write_package(folder: Path) -> Path:
    """The small course with an answer that a person reads, and a hidden test of its own."""
    small_course.write_package(folder)
    settings = folder / "course.toml"
    settings.write_text(settings.read_text().replace(small_course.SLUG, COURSE))
    (source,) = folder.rglob("*.ipynb")
    answer = small_course.grade_metadata("explain", solution=True, points=2)
    answer["nbgrader"]["locked"] = False
    cells = nbformat.reads(source.read_text(), as_version=4).cells
    cells[-1].source = TESTS
    cells += [new_markdown_cell("Because it adds.", id="explain", metadata=answer)]
    source.write_bytes(small_course.write_notebook(cells))
    return folder


@pytest.fixture(scope="module")
def lab(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> LabUnit:
    said = stack.manage("import_course", str(write_package(tmp_path_factory.mktemp("feedback") / "package")))
    assert said.returncode == 0, said.stdout + said.stderr
    with stack.database():
        return LabUnit.objects.select_related("unit__release", "release__lab").get(
            unit__release__course__slug=COURSE
        )


@pytest.fixture(scope="module")
def ada(stack: Stack, lab: LabUnit) -> Iterator[AtWork]:
    """Ada, in a cohort of the demo's instructor, in a session that is ready."""
    with stack.database():
        cohort = make_cohort(lab.unit.release_id)
        CohortTeamMember.objects.create(cohort=cohort, user=User.objects.get(email=INSTRUCTOR))
        ada = put_to_work(stack, {"ada": make_learner(cohort)}, lab)["ada"]
    yield ada
    ada.visitor.press(reverse("labs:session-stop", args=[ada.session.public_id]))


def write_work(ada: AtWork, lab: LabUnit, solution: str) -> None:
    """What Ada writes in her JupyterLab."""
    notebook = nbformat.reads(
        read_blob(lab.release.learner_files[small_course.NOTEBOOK]).decode(), as_version=4
    )
    for cell in notebook.cells:
        match cell.metadata.get("nbgrader", {}).get("grade_id"):
            case "add":
                cell.source = solution
            case "explain":
                cell.source = "The sum of two numbers is what both are together."
    write_file(ada.session, NOTEBOOK, nbformat.writes(notebook))


def check_and_mend(page: Page, ada: AtWork, lab: LabUnit) -> None:
    """A visible test fails in the check; with the next try, it would pass."""
    write_work(ada, lab, "def add(first, second):\n    return first")
    page.goto(reverse("courses:unit", args=[ada.enrolment.cohort.public_id, small_course.LAB]))
    page.locator("#lab-check").click()
    expect(page.get_by_role("heading", name="0 of 1 visible test passes")).to_be_visible()
    expect(page.locator(".cell-graded")).to_contain_text("Does not pass")
    expect(page.locator(".cell-message")).to_contain_text("One and two are three.")
    expect(page.get_by_text("Your mark")).to_have_count(0)
    assert_fits(page)
    write_work(ada, lab, "def add(first, second):\n    return abs(first) + second")


def submit_and_read(page: Page) -> None:
    """The hidden test fails, and says what its author wrote for learners."""
    page.get_by_role("link", name="Back to the lab’s page").click()
    page.locator("#lab-submit").click()
    expect(page.get_by_role("heading", name="Your mark")).to_be_visible()
    expect(page.locator(".score-line")).to_contain_text("0 of 5 points")
    first = page.get_by_role("region", name="Look at these first")
    expect(first).to_contain_text(MESSAGE)
    first.get_by_role("link", name="test-add").click()
    expect(page.locator(".cell-graded.is-none .cell-message")).to_be_in_viewport()
    expect(page.get_by_role("region", name="Waiting for a person")).to_contain_text("explain")
    expect(page.locator(".notebook")).to_contain_text("assert add(1, 2) == 3")
    assert_fits(page)


def search_everywhere(stack: Stack, ada: AtWork) -> None:
    """The hidden test's source is nowhere; its message, which stands on the page, shows that the search finds words."""
    read = dict(read_everything(stack, ada))
    assert any(MESSAGE.encode() in content for content in read.values())
    for kind in (
        "/labs/submissions/",
        "/history/",
        "/zip",
        "/api/v1/submissions/",
        "/api/contents/",
        "/hub/home",
    ):
        assert any(kind in name for name in read), f"nothing was read of {kind}"
    assert [name for name, content in read.items() if SECRET.encode() in content] == []
    assert look_around(ada, SECRET).strip() == "looked"
    assert "found in" in look_around(ada, "One and two are three.")


def decide(page: Page, ada: AtWork) -> None:
    """The instructor goes from the list to what waits, gives points and says why."""
    cohort = ada.enrolment.cohort.public_id
    page.goto(reverse("labs:cohort-submissions", args=[cohort, small_course.LAB]))
    expect(page.locator("tr", has_text="Ada")).to_contain_text("2 points wait for a person")
    assert_fits(page)
    page.get_by_role("link", name="Grade the first that waits").click()
    answer = page.locator(".cell-graded", has_text="explain")
    answer.get_by_label("Points").fill("1.5")
    answer.get_by_label("Comment for the learner").fill("Say what “together” means.")
    assert_fits(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("1 cell saved.")).to_be_visible()
    expect(page.get_by_role("region", name="What people decided")).to_contain_text(
        "1.5 of 2 points on explain"
    )


def test_from_a_check_to_a_persons_points(stack: Stack, chromium: Browser, ada: AtWork, lab: LabUnit) -> None:
    teacher = Visitor(stack, INSTRUCTOR, PASSWORD)
    with stack.database(), open_window(chromium, stack, visitor=ada.visitor) as window:
        page = window.new_page()
        check_and_mend(page, ada, lab)
        submit_and_read(page)
        marked = page.url
    with stack.database():
        search_everywhere(stack, ada)
    for width in (1280, 390):
        with open_window(chromium, stack, visitor=teacher, width=width) as window:
            page = window.new_page()
            if width == 1280:
                decide(page, ada)
            page.goto(marked)
            expect(page.get_by_role("heading", name="Mark", exact=True)).to_be_visible()
            assert_fits(page)
    with open_window(chromium, stack, visitor=ada.visitor, width=390) as window:
        page = window.new_page()
        page.goto(marked)
        expect(page.locator(".score-line")).to_contain_text("1.5 of 5 points")
        expect(page.locator(".cell-comment")).to_contain_text("Say what “together” means.")
        expect(page.locator("iframe")).to_have_count(0)
        assert_fits(page)
