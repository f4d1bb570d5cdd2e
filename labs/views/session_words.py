"""A session in words: the steps from request to ready and to its end, and what happened, for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.translation import gettext as _

from labs.models import LabSession
from labs.reasons import sentence_for
from labs.services.queue_places import SlurmPlace
from labs.services.waiting_words import say_place
from labs.states import SessionStatus

StepState = Literal["done", "now", "failed", "todo"]


@dataclass(frozen=True)
class Step:
    name: str
    note: str
    state: StepState
    at: datetime | None = None


@dataclass(frozen=True)
class Progress:
    """How far the steps are: `value` of `most` for the bar, where each step has two halves, and the same in words."""

    label: str
    words: str
    value: int
    most: int


@dataclass(frozen=True)
class Happening:
    """One event in a sentence; `by` names whoever did it, where it was neither the session's own person nor Paja."""

    sentence: str
    at: datetime
    by: str = ""


def list_steps(
    session: LabSession, place: SlurmPlace | None = None, *, is_delayed: bool = False
) -> list[Step]:
    """The way from request to ready, or from there to the end: each step with what it means and how far it is.

    Of one that `is_delayed` nothing is said of how long it usually takes. `place` is where it waits for Slurm.
    """
    if session.status == SessionStatus.STOPPING:
        return _steps_to_the_end(session, is_delayed=is_delayed)
    if session.flavour:
        return _steps_through_slurm(session, place, session.flavour.partition.name)
    factory = session.hub.factory.name
    starting = _("Your own server is starting. This usually takes less than a minute.")
    if is_delayed:
        starting = _("Your own server is starting.")
    times = (session.requested_at, session.asked_at, session.delivery_claimed_at, session.ready_at)
    names = (
        (_("Requested"), _("Paja has your request and passes it on to the factory.")),
        (_("Starting at %(factory)s") % {"factory": factory}, starting),
        (
            _("Putting your files in place"),
            _("Your server runs. The lab's notebooks, and your work from before, are put into it."),
        ),
        (_("Ready"), _("JupyterLab can be opened.")),
    )
    return _mark_steps(session, _step_number(session), names, times)


def find_progress(steps: list[Step]) -> Progress | None:
    """None where no step is under way."""
    for number, step in enumerate(steps):
        if step.state == "now":
            words = _("Step %(number)s of %(count)s") % {"number": number + 1, "count": len(steps)}
            return Progress(step.name, words, 2 * number + 1, 2 * len(steps))
    return None


def list_happenings(session: LabSession) -> list[Happening]:
    """The newest events first; an event without a reason is named by its state."""
    events = session.events.select_related("actor").order_by("-created_at", "-pk")[:20]
    return [
        Happening(
            sentence_for(event.reason) if event.reason else str(SessionStatus(event.after).label),
            event.created_at,
            event.actor.get_short_name() if event.actor and event.actor_id != session.learner_id else "",
        )
        for event in events
    ]


def _steps_through_slurm(session: LabSession, place: SlurmPlace | None, partition: str) -> list[Step]:
    """The same way with Slurm's queue on it, which begins for a learner with the press."""
    factory = session.hub.factory.name
    waits = place is not None and not place.has_begun
    queue = (
        say_place(place) if place and waits else _("In the queue of %(partition)s") % {"partition": partition}
    )
    names = (
        (_("Requested"), ""),
        (queue, _("Slurm, which shares out the factory’s computers, has your request and keeps your place.")),
        (
            _("Starting at %(factory)s") % {"factory": factory},
            _("Your turn has come: your own server is starting. This usually takes less than a minute."),
        ),
        (
            _("Putting your files in place"),
            _("Your server runs. The lab's notebooks, and your work from before, are put into it."),
        ),
        (_("Ready"), _("JupyterLab can be opened.")),
    )
    begun_at = place.job.started_at if place and place.job else None
    times = (session.requested_at, session.asked_at, begun_at, session.delivery_claimed_at, session.ready_at)
    if session.ready_at or session.delivery_claimed_at:
        at = 4 if session.ready_at else 3
    else:
        at = 1 if waits or session.reason.startswith("job_refused") else 2
    return _mark_steps(session, at, names, times)


def _mark_steps(
    session: LabSession, at: int, names: Sequence[tuple[str, str]], times: Sequence[datetime | None]
) -> list[Step]:
    return [
        Step(name, note if number == at and session.is_active else "", _step_state(session, number, at), time)
        for number, ((name, note), time) in enumerate(zip(names, times, strict=True))
    ]


def _steps_to_the_end(session: LabSession, *, is_delayed: bool) -> list[Step]:
    asked = _("Restart asked for") if session.is_restarting else _("Stop asked for")
    saving = _("Your work is copied to Paja, and then the server is ended. This usually takes a few seconds.")
    if is_delayed:
        saving = _("Your work is copied to Paja, and then the server is ended.")
    last = _("Starting anew") if session.is_restarting else _("Stopped")
    return [
        Step(asked, "", "done", session.stop_requested_at),
        Step(_("Saving your work and ending the server"), saving, "now"),
        Step(last, "", "todo"),
    ]


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
