"""The whole way of a learner, from the front page to a mark, and back to the work a day later."""

import json
import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from courses.management.commands.load_demo import COURSE
from courses.models import Unit, User
from courses.services.quizzes import find_quiz
from labs.models import LabSession
from tests.journeys import jupyterlab
from tests.journeys.screens import assert_fits, confirm, open_window
from tests.live.people import PASSWORD
from tests.live.stack import Stack

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys"), pytest.mark.usefixtures("rows")]

LAB = "clean-the-data"
NOTEBOOK = f"ai-factory-essentials/{LAB}/{LAB}.ipynb"
SOURCE = COURSE / f"modules/10-data-pipeline/40-{LAB}/source/{LAB}.ipynb"


def sign_up(page: Page, email: str) -> None:
    """Make an account in Finnish, with Athens's time, and go over to English."""
    page.goto("/")
    menu = page.get_by_role("button", name="Menu")
    if menu.is_visible():
        menu.click()
    page.get_by_role("link", name="Sign up").first.click()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Language", exact=True).select_option("fi")
    page.get_by_label("Time zone").select_option("Europe/Athens")
    assert_fits(page)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(page.locator("html")).to_have_attribute("lang", "fi")

    page.goto("/settings/")
    assert_fits(page)
    page.locator("main select[name=language]").select_option("en")
    page.locator("main form").first.locator("button").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("main select[name=time_zone]")).to_have_value("Europe/Athens")


def enrol(page: Page, city: str) -> None:
    """Find the course in the catalogue, read what it is, enrol."""
    page.goto("/courses/")
    assert_fits(page)
    page.get_by_role("link", name="AI Factory Essentials").click()
    expect(page.get_by_role("heading", name="AI Factory Essentials")).to_be_visible()
    assert_fits(page)
    offer = page.locator(".stack", has_text=city)
    offer.get_by_role("button", name="Enrol").click()
    expect(page).to_have_url(re.compile("/learn/"))


def read_units(page: Page) -> None:
    """Follow the one next step through both readings to the quiz."""
    assert_fits(page)
    page.get_by_role("link", name=re.compile("^Start:")).click()
    for _ in range(2):
        expect(page.locator(".katex").first).to_be_visible()
        assert_fits(page)
        page.get_by_role("button", name="Done, go on").click()
    expect(page).to_have_url(re.compile("/check/$"))


def answer_quiz(page: Page) -> None:
    """Answer all questions but the first one rightly, and read why."""
    quiz = find_quiz(Unit.objects.filter(slug="check").latest("pk"), "en")
    assert_fits(page)
    for question in quiz.questions[1:]:
        for option in question.options:
            if option.is_right:
                page.locator(f"input[name='{question.id}'][value='{option.id}']").check()
    page.get_by_role("button", name="Check my answers").click()
    expect(page.locator(".score-line")).to_contain_text("7 / 8")
    expect(page.locator(".answer.is-wrong")).to_contain_text("The water gave off about")
    expect(page.locator(".answer.is-right")).to_have_count(7)
    assert_fits(page)


def follow_to_ready(page: Page) -> float:
    """Watch a session's page until it says by itself that the lab is ready; the seconds that took."""
    began = time.monotonic()
    expect(page.get_by_role("heading", name="Your lab is ready")).to_be_visible()
    return time.monotonic() - began


def open_lab(context: BrowserContext, page: Page) -> Page:
    """One click to the notebook: no log-in and no question on the way."""
    shown: list[str] = []

    def note(response: Response) -> None:
        if response.request.is_navigation_request() and not 300 <= response.status < 400:
            shown.append(response.url)

    context.on("response", note)
    with context.expect_page() as opening:
        page.locator("#session-open").click()
    lab = opening.value
    jupyterlab.wait_for_notebook(lab, f"{LAB}.ipynb")
    context.remove_listener("response", note)
    assert len(shown) == 1, shown
    assert "/lab/tree/" in shown[0]
    return lab


@pytest.mark.timeout(480)
def test_a_learner_goes_the_whole_way(
    stack: Stack, chromium: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_window(chromium, stack) as window:
        page = window.new_page()
        sign_up(page, "ada-journey@example.org")
        enrol(page, "Kajaani")
        read_units(page)
        answer_quiz(page)

        # One session, by two quick clicks and from a second tab.
        page.get_by_role("link", name=re.compile("^Next:")).click()
        expect(page.locator("#lab-start")).to_be_visible()
        unit_url = page.url
        tab = window.new_page()
        tab.goto(unit_url)
        page.locator("#lab-start").dblclick()
        expect(page).to_have_url(re.compile("/labs/sessions/"))
        tab.locator("#lab-start").click()
        expect(tab).to_have_url(page.url)
        tab.close()
        first = follow_to_ready(page)
        ada = User.objects.get(email="ada-journey@example.org")
        assert LabSession.objects.filter(learner=ada).count() == 1

        # The work, on a real kernel in a place of one's own.
        lab = open_lab(window, page)
        assert (urlsplit(lab.url).hostname or "").startswith(f"{ada.hub_name}.kajaani.")
        jupyterlab.run_new_cell(lab, "print(6 * 7)", "42")
        solved = jupyterlab.solve(
            jupyterlab.read_notebook(lab, NOTEBOOK), json.loads(SOURCE.read_text(encoding="utf-8"))
        )
        jupyterlab.write_notebook(lab, NOTEBOOK, solved)
        lab.close()

        # The mark and the feedback appear by themselves, and the course knows.
        page.goto(unit_url)
        expect(page.get_by_text("Your work was last saved at")).to_be_visible()
        page.locator("#lab-submit").click()
        expect(page.get_by_role("heading", name="Your mark")).to_be_visible()
        expect(page.locator(".score-line")).to_contain_text("20 of 25 points")
        expect(page.get_by_text("5 points wait for a person", exact=True)).to_be_visible()
        expect(page.locator(".cell-graded.is-full")).to_have_count(6)
        expect(page.locator(".cell-output", has_text="42").first).to_be_visible()
        page.get_by_role("link", name="Back to the lab’s page").click()
        expect(page.get_by_role("link", name="Attempt 1")).to_be_visible()
        page.goto("/")
        expect(page.get_by_role("heading", name="Completed")).to_be_visible()

        # Stop, and go on where the work was.
        page.goto(unit_url)
        page.locator("#session-stop").click()
        confirm(page)
        expect(page.get_by_role("heading", name="Your lab is stopped")).to_be_visible()
        page.get_by_role("button", name="Start lab again").click()
        again = follow_to_ready(page)
        lab = open_lab(window, page)
        kept = jupyterlab.read_notebook(lab, NOTEBOOK)
        assert [cell["source"] for cell in kept["cells"]] == [cell["source"] for cell in solved["cells"]]

    with capsys.disabled():
        print(f"\nFirst start ready after {first:.1f} s, second after {again:.1f} s.")  # noqa: T201
    assert again < 15


def test_a_learner_goes_as_far_as_the_lab_on_a_telephone(stack: Stack, chromium: Browser) -> None:
    with open_window(chromium, stack, width=390) as window:
        page = window.new_page()
        sign_up(page, "ada-telephone@example.org")
        enrol(page, "Athens")
        read_units(page)
        answer_quiz(page)
        page.get_by_role("link", name=re.compile("^Next:")).click()
        expect(page.locator("#lab-start")).to_be_visible()
        assert_fits(page)
        page.locator("#lab-start").click()
        expect(page).to_have_url(re.compile("/labs/sessions/"))
        assert_fits(page)

        # The question whether to stop outlasts what the page draws anew behind it.
        page.locator("#session-stop").click()
        expect(page.locator("main h2", has_text="Your lab is ready")).to_be_visible()
        confirm(page)
        expect(page.get_by_role("heading", name="Your lab is stopped")).to_be_visible()
        assert_fits(page)
