"""What a session needs next, given what its hub says of its server: decided here, done by the sweeps."""

from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from labs.jupyterhub import ServerModel
from labs.models import LabSession
from labs.states import SessionStatus
from labs.work.visiting import find_next_visit

START_LEASE: Final = timedelta(seconds=10)
STOP_LEASE: Final = timedelta(seconds=30)  # a stop reads the workspace first: WORKSPACE_SECONDS
DELIVERY_PAUSE: Final = timedelta(seconds=2)


class Step(Enum):
    """What one session needs, given what the hub says of its server."""

    NOTHING = auto()
    SEND_START = auto()
    DELIVER = auto()
    VISIT = auto()
    SEND_STOP = auto()
    END_STOPPED = auto()
    FAIL_NOT_STARTED = auto()
    FAIL_LOST = auto()


ENDINGS: Final = {
    Step.END_STOPPED: (SessionStatus.STOPPED, "server_gone"),
    Step.FAIL_NOT_STARTED: (SessionStatus.FAILED, "server_did_not_start"),
    Step.FAIL_LOST: (SessionStatus.FAILED, "server_lost"),
}


def next_step(
    session: LabSession, server: ServerModel | None, *, listed_at: datetime, is_back: bool = False
) -> Step:
    """Decide from one row and one answer; `listed_at` is when the hub was asked.

    After an outage (`is_back`) nothing that was sent into it is waited for any longer.
    """
    waited = timedelta.max if is_back else listed_at - session.sent_at
    match SessionStatus(session.status):
        case SessionStatus.REQUESTED:
            return Step.SEND_START if waited > START_LEASE else Step.NOTHING
        case SessionStatus.SPAWNING if server is not None:
            # A delivery that was given up for now has set `sent_at` anew.
            is_due = (
                waited > DELIVERY_PAUSE or session.asked_at is None or session.sent_at <= session.asked_at
            )
            return Step.DELIVER if server.is_ready and is_due else Step.NOTHING
        case SessionStatus.SPAWNING if session.asked_at is None:
            return Step.SEND_START if waited > START_LEASE else Step.NOTHING
        case SessionStatus.SPAWNING if session.asked_at and session.asked_at < listed_at:
            return Step.FAIL_NOT_STARTED
        case SessionStatus.READY if server is None and session.ready_at and session.ready_at < listed_at:
            return Step.FAIL_LOST
        case SessionStatus.READY if server is not None and server.is_ready:
            return Step.VISIT if find_next_visit(session) <= listed_at else Step.NOTHING
        case SessionStatus.STOPPING if server is None:
            return Step.END_STOPPED
        case SessionStatus.STOPPING if waited > STOP_LEASE:
            return Step.SEND_STOP
    return Step.NOTHING
