"""What Paja adds to a session, from the press to a server with its files: beside the hub asked directly.

Both ways in turn on one running Paja, each time for somebody who was never there. The direct way follows the hub's
own stream of events; Paja's way ends when the row says ready, looked at every 50 ms.
"""

import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from django.urls import reverse

from courses.models import Cohort, CourseRelease, Enrolment, Factory
from labs.blobs import read_files
from labs.models import LabSession, LabUnit, Workspace
from labs.states import SessionStatus
from tests.factories.courses import CohortFactory
from tests.live import small_course
from tests.live.alone import say
from tests.live.people import Visitor, make_learner
from tests.live.stack import Stack
from tests.live.waiting import wait_until

ROUNDS = 10
FACTORY = "kajaani"
AIM = 1.0
PHASES = (
    "the hub has accepted the start",
    "the server is ready",
    "Paja has seen it",
    "the files are in place",
)
Times = dict[str, float]


@dataclass
class Factories:
    """The running hub, and what is started at it."""

    stack: Stack
    cohort: Cohort
    lab: LabUnit

    @property
    def files(self) -> dict[str, bytes]:
        return read_files(self.lab.release.learner_files)

    @property
    def folder(self) -> str:
        return Workspace(lab=self.lab.release.lab).folder

    @contextmanager
    def hub(self) -> Iterator[httpx.Client]:
        """The hub's REST API by Paja's own token."""
        token = (self.stack.place.data / "secrets" / f"hub_token_{FACTORY}").read_text().strip()
        hub = next(hub for hub in self.stack.place.hubs if hub.factory == FACTORY)
        headers = {"Authorization": f"token {token}", "Host": f"{FACTORY}.localhost:{hub.port}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{hub.port}", headers=headers, timeout=120) as client:
            yield client


def time_direct(bench: Factories, number: int) -> Times:
    """Seconds of each phase by the hub's REST API and the Contents API, as a script would do it."""
    user, server = f"p-{number:08x}", f"bench-{number}"
    with bench.hub() as hub:
        started = time.time()
        hub.post(f"/hub/api/users/{user}").raise_for_status()
        hub.post(f"/hub/api/users/{user}/servers/{server}", json={}).raise_for_status()
        asked = time.time()
        ready = wait_ready_at_hub(hub, user, server)
        put_files(bench, hub, user, server)
        ended = time.time()
        hub.delete(f"/hub/api/users/{user}/servers/{server}").raise_for_status()
        wait_until(lambda: not find_server(hub, user, server), "the server is gone")
    return dict(zip(PHASES, (asked - started, ready - asked, 0.0, ended - ready), strict=True))


def wait_ready_at_hub(hub: httpx.Client, user: str, server: str) -> float:
    """When the hub's stream of events says ready."""
    with hub.stream("GET", f"/hub/api/users/{user}/servers/{server}/progress") as events:
        for line in events.iter_lines():
            if line.startswith("data:"):
                event = json.loads(line.removeprefix("data:"))
                if event.get("ready"):
                    return time.time()
                if event.get("failed"):
                    break
    raise AssertionError(f"{server} did not start")


def put_files(bench: Factories, hub: httpx.Client, user: str, server: str) -> None:
    asked = hub.post(f"/hub/api/users/{user}/tokens", json={"expires_in": 300})
    headers = {
        "Authorization": f"token {asked.json()['token']}",
        "Host": f"{user}.{hub.headers['Host']}",
    }
    base = f"/user/{user}/{server}/api/contents"
    with httpx.Client(base_url=hub.base_url, headers=headers, timeout=30) as contents:
        parts = bench.folder.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            contents.put(f"{base}/{path}", json={"type": "directory"}).raise_for_status()
        for name, content in bench.files.items():
            body = {"type": "file", "format": "text", "content": content.decode()}
            contents.put(f"{base}/{bench.folder}/{name}", json=body).raise_for_status()


def find_server(hub: httpx.Client, user: str, server: str) -> bool:
    """Whether the hub still has the server; it leaves out those that are stopped."""
    return server in hub.get(f"/hub/api/users/{user}").json()["servers"]


def time_paja(bench: Factories) -> Times:
    """Seconds of each phase from the press on the page, by somebody who is logged in, until the row says ready."""
    enrolment = make_learner(bench.cohort)
    visitor = Visitor(bench.stack, enrolment.learner.email)
    seen: list[float] = []
    follower = threading.Thread(target=follow_at_hub, args=(bench, enrolment, seen), daemon=True)
    follower.start()
    started = time.time()
    answer = visitor.press(reverse("labs:start", args=[bench.cohort.public_id, bench.lab.unit.slug]))
    assert answer.status_code == 302, answer.status_code
    session = wait_until(lambda: find_ready(enrolment), "the session is ready", seconds=120)
    ended = time.time()
    follower.join(timeout=10)
    visitor.press(reverse("labs:session-stop", args=[session.public_id]))
    wait_until(
        lambda: not LabSession.objects.get(pk=session.pk).is_active, "the session is stopped", seconds=120
    )
    assert session.asked_at
    assert session.delivery_claimed_at
    asked, ready, claimed = session.asked_at.timestamp(), seen[0], session.delivery_claimed_at.timestamp()
    return dict(zip(PHASES, (asked - started, ready - asked, claimed - ready, ended - claimed), strict=True))


def find_ready(enrolment: Enrolment) -> LabSession | None:
    return LabSession.objects.filter(enrolment=enrolment, status=SessionStatus.READY).first()


def follow_at_hub(bench: Factories, enrolment: Enrolment, seen: list[float]) -> None:
    """Note when the hub calls the server ready, to tell its time from Paja's."""
    asked = wait_until(
        lambda: LabSession.objects.filter(enrolment=enrolment, asked_at__isnull=False).first(),
        "it is asked for",
    )
    with bench.hub() as hub:
        seen.append(wait_ready_at_hub(hub, enrolment.learner.hub_name, asked.server_name))


def measure(stack: Stack) -> bool:
    """Say the table; whether the aim was kept."""
    folder = small_course.write_package(stack.place.data.parent / "package")
    said = stack.manage("import_course", str(folder))
    assert said.returncode == 0, said.stdout + said.stderr
    release = CourseRelease.objects.get(course__slug=small_course.SLUG)
    cohort = CohortFactory.create(release=release, factory=Factory.objects.get(slug=FACTORY))
    lab = LabUnit.objects.select_related("unit", "release__lab__course").get(unit__release=release)
    bench = Factories(stack, cohort, lab)
    time_direct(bench, 0)  # the first ones read files that the others find in memory
    time_paja(bench)
    direct, paja = [], []
    for number in range(1, ROUNDS + 1):
        direct.append(time_direct(bench, number))
        paja.append(time_paja(bench))
    return say_table(direct, paja)


def say_table(direct: list[Times], paja: list[Times]) -> bool:
    say(
        f"From request to usable, files included: median of {ROUNDS} each, in turn, load {os.getloadavg()[0]:.1f}\n"
    )
    say(f"{'':<44}{'the hub directly':>18}{'Paja':>10}")
    for phase in PHASES:
        say(f"{phase:<44}{median(direct, phase):>16.2f} s{median(paja, phase):>8.2f} s")
    totals = [[sum(times.values()) for times in column] for column in (direct, paja)]
    for words, find in (("together: median", statistics.median), ("   shortest", min), ("   longest", max)):
        say(f"{words:<44}{find(totals[0]):>16.2f} s{find(totals[1]):>8.2f} s")
    overhead = statistics.median(totals[1]) - statistics.median(totals[0])
    is_kept = overhead <= AIM
    say(f"{'what Paja adds':<44}{overhead:>16.2f} s   at most {AIM:.1f} s: {'kept' if is_kept else 'MISSED'}")
    return is_kept


def median(column: list[Times], phase: str) -> float:
    return statistics.median(times[phase] for times in column)
