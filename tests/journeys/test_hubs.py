"""A factory's hub in a learner's browser: it lets them reach their own server, and start none."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from courses.models import Enrolment
from labs.models import Hub
from labs.work.connections import connect_hub
from tests.journeys.screens import open_window
from tests.live.people import Visitor
from tests.live.stack import Stack

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("journeys")]

# Asked from the hub's own page, with its cookies and its token against forged requests.
CALL = """async ([method, path]) => {
  const cookie = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/);
  const answer = await fetch("/hub/" + path, {
    method, body: method === "GET" ? undefined : "{}",
    headers: {"X-XSRFToken": cookie ? cookie[1] : "", "Content-Type": "application/json"},
  });
  return answer.status;
}"""


def test_a_learner_starts_no_server_at_the_hub(
    stack: Stack, visitor: Visitor, learner: Enrolment, chromium: Browser
) -> None:
    hub = Hub.objects.get(factory=learner.cohort.factory)
    name = learner.learner.hub_name
    with connect_hub(hub) as client:
        client.ensure_user(name)

    with open_window(chromium, stack, visitor=visitor) as window:
        page = window.new_page()
        page.goto(f"{hub.public_url}/hub/oauth_login?next=/hub/home")
        for place in ("home", "spawn", f"spawn/{name}", f"spawn/{name}/mine", "token", "admin"):
            page.goto(f"{hub.public_url}/hub/{place}")
            assert_no_way_to_start(page, stack)

        # The policy of the hub's pages lets no script ask anything; a person has other tools.
        window.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})
        page.goto(f"{hub.public_url}/hub/home")
        assert page.evaluate(CALL, ["GET", "api/user"]) == 200, "the hub knows who asks"
        # What a learner may ask for is refused only for what it says, so the 403s below are about rights.
        assert page.evaluate(CALL, ["POST", f"api/users/{name}/activity"]) == 400
        for path in (f"users/{name}/server", f"users/{name}/servers/mine", f"users/{name}/tokens"):
            assert page.evaluate(CALL, ["POST", f"api/{path}"]) == 403
        assert page.evaluate(CALL, ["POST", f"spawn/{name}/mine"]) in {403, 405}
    with connect_hub(hub) as client:
        assert not [server for user, server in client.list_servers() if user == name]


def assert_no_way_to_start(page: Page, stack: Stack) -> None:
    """The page leads back to Paja, if the hub shows one at all, and has nothing to press."""
    if page.url.startswith(stack.url):
        return
    expect(page.locator(f"a[href^='{stack.url}']").first).to_be_visible()
    expect(page.locator("form, button, input, #start")).to_have_count(0)
    expect(page.locator("body")).to_have_css(
        "background-color", "rgb(251, 250, 247)"
    )  # the policy lets the style in
    expect(page).not_to_have_url(re.compile("/user/"))
