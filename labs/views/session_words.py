"""A session in words: the steps from request to ready, and what happened, for people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.translation import gettext as _

from labs.models import LabSession, LabSessionEvent
from labs.reasons import sentence_for
from labs.services.panels import make_version
from labs.services.sessions import find_delay
from labs.states import SessionStatus

StepState = Literal["done", "now", "failed", "todo"]


@dataclass(frozen=True)
class Step:
    name: str
    note: str
    state: StepState
    at: datetime | None = None


@dataclass(frozen=True)
class Happening:
    """One event in a sentence."""

    sentence: str
    at: datetime


def list_steps(session: LabSession) -> list[Step]:
    """The way from request to ready: each step with what it means and how far it is."""
    factory = session.hub.factory.name
    times = (session.requested_at, session.asked_at, session.delivery_claimed_at, session.ready_at)
    names = (
        (_("Requested"), _request_note(session)),
        (
            _("Starting at %(factory)s") % {"factory": factory},
            _("Your own server is starting. This usually takes less than a minute."),
        ),
        (
            _("Putting your files in place"),
            _("Your server runs. The lab's notebooks, and your work from before, are put into it."),
        ),
        (_("Ready"), _("JupyterLab can be opened.")),
    )
    at = _step_number(session)
    return [
        Step(name, note if number == at and session.is_active else "", _step_state(session, number, at), time)
        for number, ((name, note), time) in enumerate(zip(names, times, strict=True))
    ]


def list_happenings(session: LabSession) -> list[Happening]:
    """The newest events first; an event without a reason is named by its state."""
    events: list[LabSessionEvent] = list(session.events.order_by("-created_at", "-pk")[:20])
    return [
        Happening(
            sentence_for(event.reason) if event.reason else str(SessionStatus(event.after).label),
            event.created_at,
        )
        for event in events
    ]


def version_of(session: LabSession) -> str:
    """Changes when what the session's page shows does."""
    return make_version(
        session.status,
        session.asked_at,
        session.delivery_claimed_at,
        find_delay(session),
        saved_at=session.work_saved_at,
    )


def _request_note(session: LabSession) -> str:
    if reason := find_delay(session):
        return sentence_for(reason)
    return _("Paja has your request and passes it on to the factory.")


def _step_number(session: LabSession) -> int:
    """The step that a session is at, or was at when it ended: 0 to 3."""
    if session.ready_at:
        return 3
    if session.delivery_claimed_at:
        return 2
    return 1 if session.asked_at else 0


def _step_state(session: LabSession, number: int, at: int) -> StepState:
    if number < at or (number == at and session.ready_at):
        return "done"
    if number > at:
        return "todo"
    return "failed" if session.status == SessionStatus.FAILED else "now"
