"""A learner's session of a running Paja: started by a press, ready, its server reached as Paja reaches it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.urls import reverse

from courses.models import Enrolment
from labs.models import LabSession, LabUnit
from labs.states import SessionStatus
from labs.work.connections import connect_hub
from tests.live.people import Visitor
from tests.live.stack import Stack
from tests.live.waiting import wait_until
from tests.servers.kernel import run_code


@dataclass(frozen=True)
class AtWork:
    """A learner who is logged in and has a session that is ready."""

    enrolment: Enrolment
    visitor: Visitor
    session: LabSession

    @property
    def hub_name(self) -> str:
        return self.session.learner.hub_name

    @property
    def origin(self) -> str:
        """The learner's own, as browsers see it."""
        return self.session.hub.url_of(self.hub_name, "")

    @property
    def lab_url(self) -> str:
        """Their server, as browsers see it; ends with a slash."""
        return self.origin + self.session.url_path


def put_to_work(stack: Stack, learners: Mapping[str, Enrolment], lab: LabUnit) -> dict[str, AtWork]:
    """All of them start at once."""
    visitors = {name: Visitor(stack, learner.learner.email) for name, learner in learners.items()}
    for name, learner in learners.items():
        press_start(visitors[name], learner, lab)
    return {name: AtWork(learner, visitors[name], wait_ready(learner)) for name, learner in learners.items()}


def press_start(visitor: Visitor, learner: Enrolment, lab: LabUnit) -> LabSession:
    """The learner's session, requested by a press of *Start lab*."""
    answer = visitor.press(reverse("labs:start", args=[learner.cohort.public_id, lab.unit.slug]))
    assert answer.status_code == 302, answer.text
    return session_of(learner)


def start_lab(visitor: Visitor, learner: Enrolment, lab: LabUnit) -> LabSession:
    """The same, ready to work in."""
    press_start(visitor, learner, lab)
    return wait_ready(learner)


def session_of(learner: Enrolment) -> LabSession:
    """The learner's newest session."""
    sessions = LabSession.objects.select_related("hub__factory", "learner", "workspace__lab__course")
    return sessions.filter(enrolment=learner).latest("requested_at")


def wait_ready(learner: Enrolment, *, seconds: float = 60) -> LabSession:
    wait_until(
        lambda: session_of(learner).status == SessionStatus.READY, "the session is ready", seconds=seconds
    )
    return session_of(learner)


def is_server_ready(session: LabSession) -> bool:
    """Whether the hub says that the server answers; Paja may not know yet."""
    with connect_hub(session.hub) as hub:
        server = hub.find_server(session.learner.hub_name, session.server_name)
    return server is not None and server.is_ready


def home_of(stack: Stack, session: LabSession) -> Path:
    """The learner's home on this machine's disk."""
    hub = next(hub for hub in stack.place.hubs if hub.factory == session.hub.factory.slug)
    return stack.place.hub_data(hub) / "homes" / session.learner.hub_name


@contextmanager
def server_headers(session: LabSession) -> Iterator[dict[str, str]]:
    """Headers that reach the learner's server through the factory's proxy, as long as the block lasts."""
    name = session.learner.hub_name
    with connect_hub(session.hub) as hub:
        token = hub.create_server_token(name, session.server_name, expires_in=120)
        try:
            yield {"Authorization": f"token {token.token}", "Host": session.hub.host_of(name)}
        finally:
            hub.revoke_token(name, token.id)


def server_url(session: LabSession) -> str:
    """Where this machine reaches the learner's server: the factory's proxy."""
    return session.hub.server_side_origin + session.url_path


def run_in_kernel(session: LabSession, code: str) -> str:
    """What `code` prints in a kernel of the learner's."""
    with server_headers(session) as headers:
        return run_code(server_url(session), headers, code)


def read_file(session: LabSession, path: str) -> str:
    """The text of a file in the learner's home, as their JupyterLab reads it."""
    with server_headers(session) as headers:
        answer = httpx.get(f"{server_url(session)}api/contents/{path}", headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["content"])


def write_file(session: LabSession, path: str, text: str) -> None:
    """Write a file of the learner's home as their JupyterLab does."""
    with server_headers(session) as headers:
        model = {"type": "file", "format": "text", "content": text}
        answer = httpx.put(
            f"{server_url(session)}api/contents/{path}", headers=headers, json=model, timeout=60
        )
    assert answer.status_code in {200, 201}, answer.text
