"""A factory, its proxy or Paja's own queue is down: what was asked for is kept, said, and goes on by itself."""

import os
import time
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from django.urls import reverse
from django.utils import timezone
from supervisor.xmlrpc import SupervisorTransport

from courses.models import Cohort, CourseRelease, Enrolment, Factory
from labs.exceptions import StaleStateError
from labs.models import Hub, HubOutage, LabSession, LabUnit, Snapshot
from labs.reasons import sentence_for
from labs.states import SessionStatus
from labs.transitions import UNSENT, begin_stop
from labs.work.connections import connect_hub
from tests.factories.courses import CohortFactory
from tests.live.people import Visitor, make_learner
from tests.live.sessions import (
    home_of,
    press_start,
    server_headers,
    server_url,
    session_of,
    start_lab,
    wait_ready,
    write_file,
)
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack")]


@pytest.fixture(autouse=True)
def _stop_afterwards(rows: None) -> Iterator[None]:
    """What a test has started does not run on beside the others."""
    before = set(LabSession.objects.values_list("pk", flat=True))
    yield
    for session in LabSession.objects.exclude(pk__in=before).filter(status=SessionStatus.READY):
        with suppress(StaleStateError):
            begin_stop(session, reason="stop_requested", sent_at=UNSENT)


@contextmanager
def stopped(stack: Stack, name: str) -> Iterator[None]:
    """The process of that name does not run while the body does, and nothing starts it."""
    transport = SupervisorTransport(None, None, f"unix://{stack.place.runtime / 'supervisor.sock'}")
    supervisor: Any = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
    groups = {info["name"]: info["group"] for info in supervisor.getAllProcessInfo()}
    full_name = f"{groups[name]}:{name}"
    supervisor.stopProcess(full_name)
    try:
        yield
    finally:
        supervisor.startProcess(full_name)


def hub_of(factory: str) -> Hub:
    return Hub.objects.select_related("factory").get(factory__slug=factory)


def wait_down(factory: str) -> Hub:
    return wait_until(
        lambda: hub if (hub := hub_of(factory)).down_since else None, f"{factory} is known to be down"
    )


def servers_of(session: LabSession) -> list[str]:
    """What the hub has for the learner."""
    with connect_hub(hub_of(session.hub.factory.slug)) as hub:
        return [name for user, name in hub.list_servers() if user == session.learner.hub_name]


def page_of(visitor: Visitor, session: LabSession) -> str:
    return unescape(visitor.read(reverse("labs:session", args=[session.public_id])))


def reasons_of(session: LabSession) -> list[str]:
    return [event.reason for event in session.events.all()]


def test_a_hub_killed_while_a_start_waits_in_it_gets_it_done(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    session = press_start(visitor, learner, small_lab)
    wait_until(lambda: session_of(learner).asked_at, "the hub has the start")
    stack.kill("hub-kajaani")
    wait_ready(learner)
    assert session_of(learner) == session
    assert servers_of(session) == [session.server_name]


def test_a_start_is_kept_while_its_factory_is_down_and_goes_on_by_itself(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    with stopped(stack, "hub-kajaani"):
        began = wait_down("kajaani").down_since
        session = press_start(visitor, learner, small_lab)
        wait_until(lambda: "hub_down" in reasons_of(session), "the start is kept")
        assert (session_of(learner).status, session_of(learner).asked_at) == (SessionStatus.REQUESTED, None)
        assert sentence_for("hub_down") in page_of(visitor, session)

    ready = wait_ready(learner)
    assert ready == session
    assert servers_of(session) == [session.server_name]
    assert hub_of("kajaani").down_since is None
    assert [outage.began_at for outage in HubOutage.objects.filter(hub=session.hub)][:1] == [began]


@pytest.fixture
def athenian(small_cohort: Cohort) -> Enrolment:
    """Ada's namesake at the other factory."""
    release = CourseRelease.objects.get(pk=small_cohort.release_id)
    return make_learner(CohortFactory.create(release=release, factory=Factory.objects.get(slug="athens")))


def test_a_hub_that_hangs_is_not_noticed_at_another_factory(
    stack: Stack, small_cohort: Cohort, athenian: Enrolment, small_lab: LabUnit
) -> None:
    """More start at the hub that hangs than a factory's workers have threads; all but one think better of it."""
    learners = [make_learner(small_cohort) for _ in range(10)]
    waiting = {learner: Visitor(stack, learner.learner.email) for learner in learners}
    elsewhere = Visitor(stack, athenian.learner.email)
    with stack.paused("hub-kajaani"):
        for learner, visitor in waiting.items():
            press_start(visitor, learner, small_lab)
        session = start_lab(elsewhere, athenian, small_lab)
        assert hub_of("athens").down_since is None
        assert all(session_of(learner).asked_at is None for learner in waiting)
        wait_down("kajaani")
        for learner, visitor in list(waiting.items())[1:]:
            visitor.press(reverse("labs:session-stop", args=[session_of(learner).public_id]))
    assert session.asked_at is not None
    # A thread that asks the hub which hangs is free again after 10 s.
    assert session.asked_at - session.requested_at < timedelta(seconds=10)

    first, *others = waiting
    wait_ready(first)
    wait_until(lambda: not any(session_of(learner).is_active for learner in others), "the others have ended")
    assert {session_of(learner).status for learner in others} == {SessionStatus.STOPPED}


def test_paja_without_its_queue_keeps_a_start_and_says_so(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    with stopped(stack, "redis"):
        pressed_at = time.monotonic()
        session = press_start(visitor, learner, small_lab)
        assert time.monotonic() - pressed_at < 5
        assert session_of(learner).status == SessionStatus.REQUESTED
        assert sentence_for("queue_down") in page_of(visitor, session)

    ready = wait_ready(learner)
    assert (ready, servers_of(session)) == (session, [session.server_name])
    assert reasons_of(session).count("queue_down") == 1


def test_a_restart_pressed_twice_begins_one_session(
    visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    first = start_lab(visitor, learner, small_lab)
    for _ in range(2):
        visitor.press(reverse("labs:session-restart", args=[first.public_id]))
    wait_until(lambda: session_of(learner) != first, "a successor was asked for")
    second = wait_ready(learner)
    first.refresh_from_db()
    assert (first.status, first.stop_reason) == (SessionStatus.STOPPED, "restart_requested")
    assert LabSession.objects.filter(enrolment=learner).count() == 2
    assert servers_of(second) == [second.server_name]


def test_a_proxy_that_was_killed_costs_no_session(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    session = start_lab(visitor, learner, small_lab)
    stack.kill("proxy-kajaani")
    wait_until(lambda: answers(session), "the server is reached through the new proxy", seconds=120)
    assert session_of(learner) == session
    assert session_of(learner).status == SessionStatus.READY


def answers(session: LabSession) -> bool:
    try:
        with server_headers(session) as headers:
            return httpx.get(f"{server_url(session)}api/status", headers=headers).status_code == 200
    except httpx.HTTPError:
        return False


def let_pass(stack: Stack, session: LabSession, *, minutes: int) -> None:
    """As if so many minutes had passed in which nobody worked there."""
    passed = timedelta(minutes=minutes)
    for path in (home_of(stack, session) / session.workspace.folder).rglob("*"):
        at = path.stat().st_mtime - passed.total_seconds()
        os.utime(path, (at, at))
    row = LabSession.objects.get(pk=session.pk)
    moments = {name: getattr(row, name) for name in ("ready_at", "active_at", "warned_at", "visited_at")}
    LabSession.objects.filter(pk=session.pk).update(
        **{name: moment - passed for name, moment in moments.items() if moment}
    )


def is_warned(stack: Stack, session: LabSession) -> bool:
    """Makes the last activity an old one, also that which a visit under way has still to note."""
    row = LabSession.objects.get(pk=session.pk)
    if row.warned_at is None and row.active_at and timezone.now() - row.active_at < timedelta(minutes=50):
        let_pass(stack, session, minutes=55)
    return row.warned_at is not None


def test_a_session_in_which_nothing_happens_is_warned_and_then_saved_and_stopped(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    session = start_lab(visitor, learner, small_lab)
    write_file(session, f"{session.workspace.folder}/notes.txt", "half done")

    wait_until(lambda: is_warned(stack, session), "the learner is warned")
    assert sentence_for("idle_warning") in page_of(visitor, session)

    visitor.press(reverse("labs:session-keep", args=[session.public_id]))
    wait_until(lambda: session_of(learner).warned_at is None, "the press keeps the session")

    wait_until(lambda: is_warned(stack, session), "the learner is warned once more")
    let_pass(stack, session, minutes=11)
    wait_until(lambda: not session_of(learner).is_active, "the session was stopped")
    session.refresh_from_db()
    assert (session.status, session.stop_reason) == (SessionStatus.STOPPED, "idle")
    saved = Snapshot.objects.filter(session=session, cause=Snapshot.Cause.STOP).get()
    assert "notes.txt" in saved.files


def test_a_session_whose_time_is_over_is_saved_and_stopped(
    visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    session = start_lab(visitor, learner, small_lab)
    LabSession.objects.filter(pk=session.pk).update(ends_at=timezone.now() + timedelta(seconds=50))
    wait_until(lambda: not session_of(learner).is_active, "the session was stopped")
    session.refresh_from_db()
    assert session.stop_reason == "time_over"
    assert Snapshot.objects.filter(session=session, cause=Snapshot.Cause.STOP).exists()
