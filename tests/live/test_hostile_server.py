"""A learner's own program answers Paja in place of their server. It harms nobody else, and they read what is wrong."""

import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from labs.models import LabSession, LabUnit, Snapshot, Workspace
from labs.reasons import sentence_for
from labs.states import SessionStatus, SubmissionStatus
from tests.live import small_course
from tests.live.people import Visitor, make_learner
from tests.live.sessions import (
    AtWork,
    home_of,
    is_server_ready,
    press_start,
    put_to_work,
    session_of,
    start_lab,
)
from tests.live.stack import Stack
from tests.live.taken_over import TakenOver, take_over
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack"), pytest.mark.usefixtures("rows")]

NOTEBOOK = f"{small_course.SLUG}/{small_course.LAB}/{small_course.NOTEBOOK}"
MEGABYTE = 1024**2
# What each kind of answer is to the learner who gives it.
SAID = {
    "redirect": "unsaved_silent",
    "endless": "unsaved_too_many_files",
    "deep": "unsaved_silent",
    "many": "unsaved_too_many_files",
    "names": "unsaved_name",
    "wrong": "unsaved_silent",
}


class Counter(ThreadingHTTPServer):
    """Something inside that nobody should be led to."""

    asked = 0


class CounterHandler(BaseHTTPRequestHandler):
    server: Counter

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_error(404)

    do_PUT = do_GET  # noqa: N815  (the name is that of http.server)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def counter() -> Iterator[Counter]:
    server = Counter(("127.0.0.1", 0), CounterHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def trap(stack: Stack, at_work: dict[str, AtWork]) -> TakenOver:
    with stack.database():
        return take_over(stack, at_work["eve"].session)


def workspace_of(person: AtWork) -> Workspace:
    return Workspace.objects.get(pk=person.session.workspace_id)


def ask_for_visit(person: AtWork) -> None:
    """As if the last visit and the last copy had been long ago; an open page then asks for a visit."""
    long_ago = timezone.now() - timedelta(hours=1)
    workspace = Workspace.objects.filter(pk=person.session.workspace_id)
    workspace.update(unsaved_reason="", unsaved_since=None)
    Snapshot.objects.filter(workspace__in=workspace).update(created_at=long_ago)
    LabSession.objects.filter(pk=person.session.pk).update(visited_at=None)
    person.visitor.read(reverse("labs:session-status", args=[person.session.public_id]))


def worker_peaks(stack: Stack) -> dict[str, int]:
    """The most memory that each worker of the factory has ever had, in bytes."""
    peaks = {}
    for name in ("worker-spawning-kajaani", "worker-visiting-kajaani", "worker-sweeping"):
        status = Path(f"/proc/{stack.process(name).pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        assert found
        peaks[name] = int(found[1]) * 1024
    return peaks


def test_whatever_a_server_answers_is_said_to_its_learner_and_led_nowhere(
    stack: Stack, at_work: dict[str, AtWork], trap: TakenOver, counter: Counter
) -> None:
    eve, before = at_work["eve"], worker_peaks(stack)
    page = reverse("labs:session", args=[eve.session.public_id])
    inside = [f"http://127.0.0.1:{port}" for port in (counter.server_port, stack.place.port)]
    inside.append(f"http://127.0.0.1:{stack.place.hubs[0].hub_port}/hub/api")
    for kind, reason in [*SAID.items(), *[("redirect", SAID["redirect"])] * (len(inside) - 1)]:
        asked = trap.seen.count("GET ")
        trap.answer(kind, to=inside[0] if kind != "redirect" else inside.pop(0))
        ask_for_visit(eve)
        wait_until(lambda reason=reason: workspace_of(eve).unsaved_reason == reason, f"{kind} is known")  # type: ignore[misc]
        assert trap.seen.count("GET ") > asked
        assert sentence_for(reason) in unescape(eve.visitor.read(page)), kind
        trap.answer("page")

    assert counter.asked == 0, "nobody followed"
    web_log = (stack.place.logs / "web.log").read_text(errors="replace")
    assert f"/user/{eve.hub_name}" not in web_log
    grown = {name: peak - before[name] for name, peak in worker_peaks(stack).items()}
    assert max(grown.values()) < 100 * MEGABYTE, grown
    assert session_of(eve.enrolment).status == SessionStatus.READY, "it is theirs to keep"


def test_while_one_server_drips_others_start_and_are_copied(
    stack: Stack, at_work: dict[str, AtWork], trap: TakenOver, small_release_id: int
) -> None:
    ada, eve = at_work["ada"], at_work["eve"]
    lab = LabUnit.objects.select_related("unit", "release__lab").get(unit__release=small_release_id)
    cohort = ada.enrolment.cohort
    began = time.monotonic()
    put_to_work(stack, {"ben": make_learner(cohort, "Ben")}, lab)
    usual = time.monotonic() - began

    trap.answer("drip")
    asked = trap.seen.count("GET ")
    ask_for_visit(eve)
    wait_until(lambda: trap.seen.count("GET ") > asked, "Paja waits for Eve's server")
    try:
        (home_of(stack, ada.session) / NOTEBOOK).write_bytes(small_course.write_notebook([]))
        copies = Snapshot.objects.filter(workspace=ada.session.workspace, created_at__gt=timezone.now())
        ask_for_visit(ada)
        began = time.monotonic()
        put_to_work(stack, {"another ben": make_learner(cohort, "Ben")}, lab)
        meanwhile = time.monotonic() - began
        wait_until(copies.exists, "Ada's work is copied")
    finally:
        trap.answer("page")
    assert meanwhile < 3 * usual + 5, "a start takes what it takes"


def test_a_submission_and_a_stop_of_a_hostile_server_end_with_a_sentence(
    stack: Stack, at_work: dict[str, AtWork], trap: TakenOver
) -> None:
    eve = at_work["eve"]
    trap.answer("many")
    unit = [eve.enrolment.cohort.public_id, small_course.LAB]
    path = eve.visitor.press(reverse("labs:submit", args=unit), press_key=str(uuid4())).headers["Location"]
    failed = eve.enrolment.submissions.filter(status=SubmissionStatus.FAILED)
    wait_until(failed.exists, "the submission is refused")
    assert sentence_for("workspace_too_large") in unescape(eve.visitor.read(path))

    eve.visitor.press(reverse("labs:session-stop", args=[eve.session.public_id]))
    wait_until(lambda: session_of(eve.enrolment).status == SessionStatus.STOPPED, "the server is ended")
    page = unescape(eve.visitor.read(reverse("labs:session", args=[eve.session.public_id])))
    assert sentence_for("not_saved") in page


def test_a_server_that_takes_no_files_is_given_up_and_the_next_one_works(
    stack: Stack, at_work: dict[str, AtWork], small_release_id: int
) -> None:
    lab = LabUnit.objects.select_related("unit", "release__lab").get(unit__release=small_release_id)
    mallory = make_learner(at_work["eve"].enrolment.cohort, "Eve")
    visitor = Visitor(stack, mallory.learner.email)
    with stack.paused("beat"):  # so that her program is there before Paja is
        session = press_start(visitor, mallory, lab)
        wait_until(lambda: is_server_ready(session), "the server answers")
        take_over(stack, session).answer("wrong")
    wait_until(lambda: session_of(mallory).status == SessionStatus.FAILED, "the session is given up")
    page = unescape(visitor.read(reverse("labs:session", args=[session.public_id])))
    assert sentence_for("files_not_delivered") in page

    assert start_lab(visitor, mallory, lab).pk != session.pk
