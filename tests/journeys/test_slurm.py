"""A lab as a job of a real Slurm, from the press to a GPU of one's own: chosen, waited for, moved, begun anew."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from courses.models import Enrolment
from labs.states import SessionStatus
from tests.journeys import jupyterlab
from tests.journeys.screens import assert_fits, confirm, open_window
from tests.live import small_course
from tests.live.sessions import read_file, run_in_kernel, session_of, wait_ready
from tests.live.slurm_class import FOLDER, GPU, SECONDS, SMALL, SlurmClass
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(600)]

MY_GPU = "import os; print('my GPU is', os.environ['CUDA_VISIBLE_DEVICES'])"


def unit_page(learner: Enrolment) -> str:
    return reverse("courses:unit", args=[learner.cohort.public_id, small_course.LAB])


def see_ready(page: Page) -> None:
    expect(page.get_by_role("heading", name="Your lab is ready")).to_be_visible()
    assert_fits(page)


def open_lab(window: BrowserContext, page: Page) -> Page:
    see_ready(page)
    with window.expect_page() as opening:
        page.locator("#session-open").click()
    jupyterlab.wait_for_notebook(opening.value, small_course.NOTEBOOK)
    return opening.value


def test_from_one_press_to_a_cell_that_prints_a_gpu_that_nobody_else_has(
    slurm_class: SlurmClass, chromium: Browser
) -> None:
    slurm_class.allow(SMALL)
    slurm_class.slurm.hold_gpus("kajaani", "small-g", 8, each=8)  # so that both are on the other node
    ada, ben = slurm_class.enrol("Ada"), slurm_class.enrol("Ben")

    slurm_class.press(ben)
    with open_window(chromium, slurm_class.stack, visitor=slurm_class.visit(ada)) as window:
        page = window.new_page()
        page.goto(unit_page(ada))
        expect(page.locator("#lab-place-line")).to_contain_text("Kajaani small-g: 1 GPU, starts now.")
        page.locator("#lab-start").click()
        lab = open_lab(window, page)
        jupyterlab.run_new_cell(lab, MY_GPU, "my GPU is")
        said = lab.locator(".jp-OutputArea-output", has_text="my GPU is").first.inner_text().strip()

    others = run_in_kernel(wait_ready(ben, seconds=SECONDS), MY_GPU).strip()
    assert re.fullmatch(r"my GPU is \d", said)
    assert re.fullmatch(r"my GPU is \d", others)
    nodes = {slurm_class.node_of(session_of(learner)) for learner in (ada, ben)}
    assert len(nodes) == 1, "both are on one node"
    assert said != others
    assert [event.after for event in session_of(ada).events.all()] == ["requested", "spawning", "ready"]


@pytest.mark.parametrize("width", [390])
def test_a_place_in_a_full_partition_is_counted_down_until_the_lab_is_ready(
    slurm_class: SlurmClass, chromium: Browser, width: int
) -> None:
    slurm_class.allow(SMALL)
    slurm_class.take_up()
    ada, ben = slurm_class.enrol("Ada"), slurm_class.enrol("Ben")
    slurm_class.press(ada)
    slurm_class.wait_place(ada, 1)

    with open_window(chromium, slurm_class.stack, visitor=slurm_class.visit(ben), width=width) as window:
        page = window.new_page()
        page.goto(unit_page(ben))
        expect(page.locator("#lab-place-line")).to_contain_text("Kajaani small-g: 1 GPU")
        assert_fits(page)
        page.locator("#lab-start").click()
        see_place(page, "2nd")
        expect(
            page.get_by_text(re.compile("^(Others go before you|What your lab needs is in use)"))
        ).to_be_visible()
        expect(page.get_by_text("development copy")).to_have_count(0)
        assert_fits(page)

        slurm_class.free_one()
        see_place(page, "1st")
        expect(page.get_by_text("What your lab needs is in use by others.")).to_be_visible()
        assert session_of(ben).status == SessionStatus.SPAWNING
        wait_ready(ada, seconds=SECONDS)

        slurm_class.free_one()
        see_ready(page)
    assert [event.after for event in session_of(ben).events.all()] == ["requested", "spawning", "ready"]


def see_place(page: Page, place: str) -> None:
    """The place with when it should be one's turn, on the bar and in the window's title."""
    expect(page.get_by_role("heading", name="Your lab waits for its turn")).to_be_visible()
    words = page.locator(".progress-words").first
    expect(words).to_contain_text(f"{place} in the queue of small-g")
    expect(words).to_contain_text(
        re.compile(r"expected .*\d\d:\d\d|expected start not known yet|any moment now")
    )
    expect(page).to_have_title(re.compile(place))


def test_whoever_waits_goes_elsewhere_with_the_work_and_begins_anew_from_it(
    slurm_class: SlurmClass, chromium: Browser
) -> None:
    slurm_class.allow(SMALL)
    ada = slurm_class.enrol()
    visitor = slurm_class.visit(ada)
    first = slurm_class.start(ada)
    slurm_class.write_notes(first, "from Kajaani")
    visitor.press(reverse("labs:session-stop", args=[first.public_id]))
    wait_until(lambda: not session_of(ada).is_active, "the first session is over", seconds=SECONDS)
    slurm_class.take_up()
    slurm_class.allow(GPU, position=2)

    with open_window(chromium, slurm_class.stack, visitor=visitor) as window:
        page = window.new_page()
        page.goto(unit_page(ada))
        expect(page.locator("#lab-place-line")).to_contain_text("Athens gpu: 1 GPU, starts now.")
        page.locator("#lab-places > summary").click()
        page.get_by_label("Kajaani small-g").check()
        page.locator("#lab-start").click()
        see_place(page, "1st")

        page.locator("#session-places > summary").click()
        page.get_by_role("button", name=re.compile("^Go there instead ?: Athens gpu$")).click()
        confirm(page)
        expect(page.locator("#lab-place-line")).to_contain_text("Athens gpu")
        assert_fits(page)
        page.get_by_role("button", name="Start lab again").click()
        see_ready(page)
        second = session_of(ada)
        assert second.hub.factory.slug == "athens"
        assert read_file(second, f"{FOLDER}/notes.txt") == "from Kajaani"
        assert not slurm_class.jobs(), "nobody waits at Kajaani any more"

        slurm_class.write_notes(second, "from Athens")
        page.locator("#session-restart").click()
        expect(page.locator("#confirm")).to_contain_text("The new job waits in the queue of gpu again")
        confirm(page)
        expect(page).not_to_have_url(re.compile(str(second.public_id)))
        see_ready(page)
        third = session_of(ada)
        assert third.pk != second.pk
        assert third.flavour == second.flavour
        assert read_file(third, f"{FOLDER}/notes.txt") == "from Athens"
