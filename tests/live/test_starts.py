"""Starting a lab while things break: nothing lost, nothing doubled, and the learner knows."""

import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import httpx
import psutil
import pytest
from django.urls import reverse
from redis import Redis

from courses.models import Enrolment
from labs.models import LabSession, LabUnit
from labs.reasons import sentence_for
from labs.states import SessionStatus
from labs.work.connections import connect_hub
from tests.live.people import Visitor
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack")]


def press_start(visitor: Visitor, learner: Enrolment, lab: LabUnit) -> httpx.Response:
    return visitor.press(reverse("labs:start", args=[learner.cohort.public_id, lab.unit.slug]))


def session_of(learner: Enrolment) -> LabSession:
    """The learner's only session: fails where there are two."""
    return LabSession.objects.select_related("hub__factory", "learner").get(enrolment=learner)


def servers_of(session: LabSession) -> list[str]:
    """What the hub has for the learner."""
    with connect_hub(session.hub) as hub:
        return [name for user, name in hub.list_servers() if user == session.learner.hub_name]


def page_of(visitor: Visitor, session: LabSession) -> str:
    return unescape(visitor.read(reverse("labs:session", args=[session.public_id])))


def wait_ready(learner: Enrolment) -> LabSession:
    wait_until(lambda: session_of(learner).status == SessionStatus.READY, "the session is ready")
    return session_of(learner)


def assert_started_once(visitor: Visitor, learner: Enrolment) -> None:
    """One session, one server, each move made once, and the page says so."""
    session = session_of(learner)
    assert servers_of(session) == [session.server_name]
    moves = [event.after for event in session.events.all() if event.before != event.after]
    assert moves == ["requested", "spawning", "ready"]
    assert "Your lab is ready" in page_of(visitor, session)


def test_start_pressed_five_times_at_once_starts_one_server(
    visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: press_start(visitor, learner, small_lab), range(5)))

    page = reverse("labs:session", args=[session_of(learner).public_id])
    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [(302, page)] * 5
    wait_ready(learner)
    assert_started_once(visitor, learner)


def test_a_worker_killed_while_it_asks_the_hub_is_replaced(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    with stack.paused("hub-kajaani"):
        press_start(visitor, learner, small_lab)
        wait_until(lambda: session_of(learner).status == SessionStatus.SPAWNING, "a worker asks the hub")
        stack.kill("worker-spawning-kajaani")
        session = session_of(learner)
        assert (session.status, session.asked_at) == (SessionStatus.SPAWNING, None)

    wait_ready(learner)
    assert_started_once(visitor, learner)
    assert sentence_for("sent_again") in page_of(visitor, session)


def test_a_worker_killed_while_it_puts_files_in_place_is_replaced(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    with stack.paused("beat"):  # so that nobody sees yet that the server is there
        press_start(visitor, learner, small_lab)
        session = session_of(learner)
        wait_until(lambda: servers_of(session), "the hub has the server")
        server = wait_until(lambda: find_server(stack, session), "the server answers")
        server.suspend()
    try:
        wait_until(lambda: session_of(learner).delivery_claimed_at, "a worker puts the files in place")
        stack.kill("worker-visiting-kajaani")
        assert session_of(learner).status == SessionStatus.SPAWNING
    finally:
        server.resume()

    wait_ready(learner)
    assert_started_once(visitor, learner)


def find_server(stack: Stack, session: LabSession) -> psutil.Process | None:
    """The learner's server, once the hub calls it ready."""
    with connect_hub(session.hub) as hub:
        server = hub.find_server(session.learner.hub_name, session.server_name)
    if server is None or not server.is_ready:
        return None
    return next(
        each
        for each in stack.belongings()
        if each.environ().get("JUPYTERHUB_SERVER_NAME") == session.server_name
        and "learner_server.py" in " ".join(each.cmdline())
        and "bwrap" not in each.name()
    )


def test_a_redis_killed_with_a_start_in_it_loses_nothing(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    with stack.paused("worker-spawning-kajaani"):
        press_start(visitor, learner, small_lab)
        redis = Redis(unix_socket_path=str(stack.place.runtime / "redis.sock"))
        wait_until(lambda: redis.llen("spawning.kajaani"), "the start is in the queue")
        stack.kill("redis")

    wait_ready(learner)
    assert_started_once(visitor, learner)


def test_a_redis_that_hangs_hinders_no_press_of_start(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    with stack.paused("redis"):
        pressed_at = time.monotonic()
        answer = press_start(visitor, learner, small_lab)
        assert time.monotonic() - pressed_at < 5
        assert answer.status_code == 302
        session = session_of(learner)
        assert session.status == SessionStatus.REQUESTED
        assert sentence_for("queue_down") in page_of(visitor, session)
        stack.kill("redis")

    wait_ready(learner)
    assert_started_once(visitor, learner)
