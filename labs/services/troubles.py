"""What keeps a lab from going its way without any fault of the learner's: a factory that does not answer, work of
Paja's own that waits, files that cannot be copied."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from django.conf import settings

from labs.models import Hub, LabSession, Workspace
from labs.reasons import sentence_for
from labs.services.sessions import find_delay
from labs.states import SessionStatus

Kind = Literal["hub_down", "paja_behind", "slurm_silent", "slow", "unsaved"]
Stage = Literal["before", "starting", "ready", "stopping", "restarting"]

BEHIND_AFTER: Final = timedelta(seconds=30)
"""Hubs are asked every few seconds. One that is not known to be down and has not been asked for so long: Paja's own
tasks do not run, because its broker or its workers are down."""

STAGES: Final[dict[str, Stage]] = {
    SessionStatus.REQUESTED: "starting",
    SessionStatus.SPAWNING: "starting",
    SessionStatus.READY: "ready",
    SessionStatus.STOPPING: "stopping",
}


@dataclass(frozen=True)
class Trouble:
    """`stage` is where the session is, `before` where there is none; `sentence` for what has one in reasons.py.

    `machine` is the factory's, where its Slurm is what does not answer.
    """

    kind: Kind
    stage: Stage
    city: str = ""
    since: datetime | None = None
    sentence: str = ""
    machine: str = ""


def find_trouble(hub: Hub, session: LabSession | None, now: datetime) -> Trouble | None:
    """What hinders a start, a session or its stop; the cause that explains the others, else None."""
    stage = STAGES.get(session.status, "before") if session else "before"
    if session and session.is_restarting and stage == "stopping":
        stage = "restarting"
    if hub.down_since:
        return Trouble("hub_down", stage, hub.factory.city, hub.down_since)
    if hub.answered_at and now - hub.answered_at > BEHIND_AFTER:
        return Trouble("paja_behind", stage, hub.factory.city, hub.answered_at)
    if stage != "ready" and is_slurm_silent(hub, now):
        machine = hub.factory.machine
        return Trouble("slurm_silent", stage, hub.factory.city, hub.slurm_answered_at, machine=machine)
    reason = find_delay(session) if session else ""
    return Trouble("slow", stage, sentence=sentence_for(reason)) if reason else None


def is_slurm_silent(hub: Hub, now: datetime) -> bool:
    """Whether the hub has had no answer of its Slurm for so long that those who wait for it should know."""
    if not hub.has_slurm or hub.slurm_answered_at is None:
        return False
    return now - hub.slurm_answered_at > timedelta(seconds=settings.SLURM_SILENT_SECONDS)


def find_unsaved(workspace: Workspace | None) -> Trouble | None:
    """Why the newest work is on the server's disk only."""
    if workspace is None or not workspace.unsaved_reason:
        return None
    sentence = sentence_for(workspace.unsaved_reason)
    return Trouble("unsaved", "ready", since=workspace.unsaved_since, sentence=sentence)
