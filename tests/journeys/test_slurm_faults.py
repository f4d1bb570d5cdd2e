"""What befalls sessions on a real Slurm, in the browser: jobs that end by themselves, a silent Slurm, a killed hub."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from courses.models import Enrolment
from labs.models import LabSession
from labs.states import SessionStatus
from labs.work.connections import connect_hub
from tests.journeys import jupyterlab
from tests.journeys.screens import assert_fits, open_window
from tests.journeys.test_restarts import DISMISS
from tests.journeys.test_slurm import open_lab, see_place, see_ready
from tests.live.sessions import read_file, session_of, wait_ready
from tests.live.slurm_class import FOLDER, KAJAANI, SECONDS, SMALL, SlurmClass
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(600)]


def session_page(session: LabSession) -> str:
    return reverse("labs:session", args=[session.public_id])


def test_a_job_that_ends_by_itself_says_why_and_the_next_one_has_the_work(
    slurm_class: SlurmClass, chromium: Browser
) -> None:
    """Cancelled by an administrator, its node lost, its time over."""
    slurm_class.allow(SMALL)
    ada = slurm_class.enrol()
    with open_window(chromium, slurm_class.stack, visitor=slurm_class.visit(ada)) as window:
        page = window.new_page()
        session = slurm_class.start(ada)
        page.goto(session_page(session))
        see_ready(page)

        slurm_class.write_notes(session, "before the cancel")
        slurm_class.slurm.cancel_as_admin(KAJAANI, slurm_class.find_job_id(session))
        session = see_ending(
            page, session, "The factory’s staff ended your session.", "job_cancelled_by_site"
        )
        session = start_again(page, ada, session, "before the cancel")

        node = slurm_class.node_of(session)
        slurm_class.write_notes(session, "before the node was lost")
        slurm_class.slurm.lose_node(KAJAANI, node)
        try:
            session = see_ending(page, session, "The computer on which your lab ran failed", "node_lost")
            session = start_again(page, ada, session, "before the node was lost")
            assert slurm_class.node_of(session) != node
        finally:
            slurm_class.slurm.bring_node_back(KAJAANI, node)

        slurm_class.write_notes(session, "before the time was over")
        job = slurm_class.find_job_id(session)
        slurm_class.slurm.ask(KAJAANI, "scontrol", "update", f"JobId={job}", "TimeLimit=10")
        expect(page.locator("strong", has_text=re.compile(r"^[789] min left\.$"))).to_be_visible()
        assert_fits(page)
        with slurm_class.stack.paused("beat"):  # else Paja stops it first, with the newest work
            slurm_class.slurm.end_walltime(KAJAANI, job)
            wait_until(lambda: has_hub_told_end(session), "the hub tells of the end", seconds=SECONDS)
        session = see_ending(
            page, session, "The time that Slurm gave your session was over.", "job_time_over"
        )
        start_again(page, ada, session, "before the time was over")


def has_hub_told_end(session: LabSession) -> bool:
    with connect_hub(session.hub) as hub:
        return session.server_name in {job.server for job in hub.read_queue(session.ready_at).ended}


def see_ending(page: Page, session: LabSession, sentence: str, reason: str) -> LabSession:
    """The page says by itself why a session ended, that the work is kept, and how to go on."""
    expect(page.locator(".notice-text", has_text=sentence)).to_be_visible()
    expect(page.locator(".notice-text", has_text=sentence)).to_contain_text(
        "Your work is kept as it was last saved"
    )
    expect(page.get_by_role("button", name="Start lab again")).to_be_visible()
    assert_fits(page)
    session.refresh_from_db()
    assert session.reason == reason
    return session


def start_again(page: Page, learner: Enrolment, before: LabSession, notes: str) -> LabSession:
    """By the button of a session that has ended; the new one has the file as it was before."""
    page.get_by_role("button", name="Start lab again").click()
    expect(page).not_to_have_url(re.compile(str(before.public_id)))
    see_ready(page)
    session = session_of(learner)
    assert session.pk != before.pk
    assert read_file(session, f"{FOLDER}/notes.txt") == notes
    return session


def test_a_silent_slurm_and_a_killed_hub_are_lived_through_by_who_works_and_who_waits(
    slurm_class: SlurmClass, chromium: Browser
) -> None:
    slurm_class.allow(SMALL)
    ada, ben = slurm_class.enrol("Ada"), slurm_class.enrol("Ben")
    slurm_class.start(ada)
    slurm_class.take_up()
    slurm_class.press(ben)
    slurm_class.wait_place(ben, 1)
    jobs = slurm_class.jobs()
    assert len(jobs) == 2
    stack, slurm = slurm_class.stack, slurm_class.slurm

    with (
        open_window(chromium, stack, visitor=slurm_class.visit(ada)) as adas,
        open_window(chromium, stack, visitor=slurm_class.visit(ben)) as bens,
    ):
        page, waiting = adas.new_page(), bens.new_page()
        page.goto(session_page(session_of(ada)))
        waiting.goto(session_page(session_of(ben)))
        see_place(waiting, "1st")
        lab = open_lab(adas, page)
        lab.evaluate(DISMISS)
        jupyterlab.run_new_cell(lab, "count = 1; print('at first', count)", "at first 1")

        slurm.stop_controller(KAJAANI)
        try:
            silent = waiting.locator(".notice-text", has_text="Slurm of LUMI has not answered since")
            expect(silent).to_contain_text("Your place is kept")
            expect(waiting.locator(".progress-words").first).to_contain_text("1st in the queue of small-g")
            assert_fits(waiting)
            jupyterlab.run_new_cell(lab, "print('without Slurm', count)", "without Slurm 1")
        finally:
            slurm.start_controller(KAJAANI)
        expect(silent).to_have_count(0)
        see_place(waiting, "1st")

        stack.kill("hub-kajaani")
        jupyterlab.run_new_cell(lab, "print('with a new hub', count)", "with a new hub 1")
        see_place(waiting, "1st")
        wait_until(lambda: has_answered(slurm_class), "the new hub has asked Slurm", seconds=SECONDS)
        assert slurm_class.jobs() == jobs

        slurm_class.free_one()
        see_ready(waiting)
        jupyterlab.run_new_cell(lab, "print('in the end', count)", "in the end 1")
        assert not [words for words in lab.evaluate("window.dismissed") if "not running" in words]
    assert slurm_class.jobs() == jobs, "none doubled, none lost"
    for learner in (ada, ben):
        assert wait_ready(learner).status == SessionStatus.READY
        assert [event.after for event in session_of(learner).events.all()] == [
            "requested",
            "spawning",
            "ready",
        ]
        assert LabSession.objects.filter(enrolment=learner).count() == 1


def has_answered(slurm_class: SlurmClass) -> bool:
    """Whether the hub has told of Slurm since it runs."""
    hub = slurm_class.cohort.factory.hub
    hub.refresh_from_db()
    started = slurm_class.stack.process("hub-kajaani").create_time()
    return hub.slurm_answered_at is not None and hub.slurm_answered_at.timestamp() > started
