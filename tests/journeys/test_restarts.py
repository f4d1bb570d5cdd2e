"""A factory's hub and its proxy are killed under an open notebook, which goes on."""

import httpx
import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from courses.models import Enrolment
from labs.models import LabSession, LabUnit
from labs.states import SessionStatus
from labs.work.connections import connect_hub
from tests.journeys import jupyterlab
from tests.journeys.screens import assert_fits, open_window
from tests.live import small_course
from tests.live.people import Visitor
from tests.live.sessions import home_of, session_of, start_lab
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys")]

HUB, PROXY = "hub-kajaani", "proxy-kajaani"
NOTEBOOK = f"{small_course.SLUG}/{small_course.LAB}/{small_course.NOTEBOOK}"

# Whatever JupyterLab asks or says meanwhile is noted and put away, as a person would. A save whose answer was lost
# with the proxy makes JupyterLab ask whether it may write over the file, which is the same notebook.
DISMISS = """() => {
  window.dismissed = [];
  const seen = new WeakSet();
  setInterval(() => {
    for (const dialog of document.querySelectorAll(".jp-Dialog")) {
      if (!seen.has(dialog)) window.dismissed.push(dialog.innerText);
      seen.add(dialog);
      const named = (words) => [...dialog.querySelectorAll("button")].find((each) => words.test(each.innerText));
      (named(/overwrite/i) || named(/dismiss|ok|cancel|close|select/i))?.click();
    }
  }, 200);
}"""


@pytest.mark.parametrize(
    ("width", "button"), [(1280, "#session-open"), (390, "#session-open-notebook")], ids=["lab", "notebook"]
)
def test_a_notebook_goes_on_while_hub_and_proxy_are_killed(
    stack: Stack,
    visitor: Visitor,
    learner: Enrolment,
    small_lab: LabUnit,
    chromium: Browser,
    width: int,
    button: str,
) -> None:
    """In JupyterLab, and on a telephone in Notebook 7."""
    session = start_lab(visitor, learner, small_lab)
    with open_window(chromium, stack, visitor=visitor, width=width) as window:
        page = window.new_page()
        page.goto(reverse("labs:session", args=[session.public_id]))
        lab = open_lab(window, page, button)
        lab.evaluate(DISMISS)
        jupyterlab.run_new_cell(lab, "count = 1; print('at first', count)", "at first 1")
        before = processes_of(stack, session)
        assert len(before) >= 2, "a server and a kernel"

        stack.kill(HUB)
        with stack.paused(HUB):  # what Supervisor started in its place has adopted nothing yet
            assert not is_hub_answering(stack)
            jupyterlab.run_new_cell(lab, "print('without a hub', count)", "without a hub 1")
            save(stack, session, lab, "without a hub")
            page.reload()
            expect(page.get_by_role("heading", name="Your lab is ready")).to_be_visible()
            assert_fits(page)
        wait_until(lambda: is_hub_answering(stack), "the hub is back")
        jupyterlab.run_new_cell(lab, "print('with a new hub', count)", "with a new hub 1")

        stack.kill(PROXY)
        jupyterlab.run_new_cell(lab, "print('with a new proxy', count)", "with a new proxy 1")
        save(stack, session, lab, "with a new proxy")
        said = lab.evaluate("window.dismissed")
        assert not [words for words in said if "not running" in words], "the server ran all the time"
        lab.reload()
        wait_for_cells(lab)
        jupyterlab.run_new_cell(lab, "print('in a new page', count)", "in a new page 1")

        page.reload()
        expect(page.get_by_role("heading", name="Your lab is ready")).to_be_visible()
        assert_fits(page)

    # The same server and the same kernel; nobody moved the session, or made a second one.
    assert processes_of(stack, session) == before
    session = session_of(learner)
    assert session.status == SessionStatus.READY
    assert [event.after for event in session.events.all()] == ["requested", "spawning", "ready"]
    assert LabSession.objects.filter(enrolment=learner).count() == 1
    with connect_hub(session.hub) as hub:
        mine = [server for user, server in hub.list_servers() if user == session.learner.hub_name]
    assert mine == [session.server_name]


def open_lab(window: BrowserContext, page: Page, button: str) -> Page:
    with window.expect_page() as opening:
        page.locator(button).click()
    wait_for_cells(opening.value)
    return opening.value


def wait_for_cells(lab: Page) -> None:
    expect(lab.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first).to_be_visible()


def processes_of(stack: Stack, session: LabSession) -> dict[int, str]:
    """The learner's server and kernels, by their numbers on this machine."""
    return {
        each.pid: " ".join(each.cmdline())
        for each in stack.belongings()
        if each.environ().get("JUPYTERHUB_SERVER_NAME") == session.server_name
    }


def is_hub_answering(stack: Stack) -> bool:
    hub = stack.place.hubs[0]
    try:
        return httpx.get(f"http://127.0.0.1:{hub.hub_port}/hub/health", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


def save(stack: Stack, session: LabSession, lab: Page, words: str) -> None:
    """Press *Save* until the notebook on the factory's disk has the words: a press while the proxy is away is lost."""
    notebook = home_of(stack, session) / NOTEBOOK

    def is_saved() -> bool:
        if words in notebook.read_text():
            return True
        lab.keyboard.press("Control+s")
        lab.wait_for_timeout(500)
        return False

    try:
        wait_until(is_saved, "the notebook is saved")
    except AssertionError as error:
        error.add_note(f"JupyterLab said: {lab.evaluate('window.dismissed')}")
        raise
