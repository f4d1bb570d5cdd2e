"""Starting and stopping a session's server at its hub. Everything may be repeated."""

import logging
from datetime import timedelta
from typing import Final

from django.utils import timezone

from labs.exceptions import (
    HubUnavailableError,
    LabError,
    ServerAnswerError,
    SpawnRejectedError,
    StaleStateError,
)
from labs.models import LabSession, Snapshot
from labs.states import SessionStatus
from labs.transitions import move_session, note_session
from labs.work.connections import (
    HubConnector,
    WorkspaceConnector,
    connect_hub,
    connect_workspace,
    reachable_sessions,
)
from labs.work.workspaces import save_snapshot

logger = logging.getLogger(__name__)

SAVE_FOR: Final = timedelta(minutes=5)


def ensure_spawned(session_id: int, *, connect: HubConnector = connect_hub) -> None:
    """Claim a requested session and ask its hub for the server; the sweep moves it on from there.

    A hub that does not answer leaves the session in `spawning` without `asked_at`: the sweep asks again.
    """
    session = reachable_sessions().get(pk=session_id)
    if session.status == SessionStatus.REQUESTED:
        try:
            move_session(session, SessionStatus.SPAWNING, reason="hub_asked")
        except StaleStateError:
            return
    if session.status != SessionStatus.SPAWNING or session.asked_at:
        return
    try:
        with connect(session.hub) as hub:
            hub.ensure_user(session.learner.hub_name)
            hub.ensure_server(session.learner.hub_name, session.server_name, {})
    except SpawnRejectedError:
        logger.exception("session %s: the hub refused", session.server_name)
        end_session(session, SessionStatus.FAILED, reason="spawn_rejected")
    except HubUnavailableError as error:
        logger.warning("session %s: %s", session.server_name, error)
    else:
        LabSession.objects.filter(pk=session.pk).update(asked_at=timezone.now())


def ensure_stopped(
    session_id: int,
    *,
    connect: HubConnector = connect_hub,
    connect_to_workspace: WorkspaceConnector = connect_workspace,
) -> None:
    """Save the work of a session that is being stopped, then end its server.

    Also forgets the server of a session that has failed. While the hub is still busy, the sweep asks again.
    """
    session = reachable_sessions().get(pk=session_id)
    if session.status not in {SessionStatus.STOPPING, SessionStatus.FAILED}:
        return
    is_saved = session.status == SessionStatus.FAILED or save_before_stop(session, connect_to_workspace)
    if not is_saved:
        return
    try:
        with connect(session.hub) as hub:
            is_gone = hub.ensure_stopped(session.learner.hub_name, session.server_name)
    except LabError as error:
        logger.warning("session %s: not stopped yet: %s", session.server_name, error)
        return
    if is_gone and session.status == SessionStatus.STOPPING:
        end_session(session, SessionStatus.STOPPED, reason="server_gone")


def save_before_stop(session: LabSession, connect: WorkspaceConnector) -> bool:
    """Save one snapshot per stop; False while it is worth trying again.

    The workspace stays on the factory's disk, so a server that will not be read is ended all the same, and the
    learner told. A fault of the factory or of ours is waited out for SAVE_FOR.
    """
    if not session.ready_at or session.snapshots.filter(cause=Snapshot.Cause.STOP).exists():
        return True
    try:
        with connect(session) as workspace:
            save_snapshot(session, workspace, Snapshot.Cause.STOP)
    except Exception as error:
        logger.exception("session %s: no snapshot before its stop", session.server_name)
        is_final = isinstance(error, ServerAnswerError | SpawnRejectedError)
        waited = timezone.now() - (session.stop_requested_at or session.requested_at)
        if not is_final and waited < SAVE_FOR:
            return False
        note_session(session, reason="not_saved")
    return True


def end_session(session: LabSession, to: SessionStatus, *, reason: str) -> bool:
    """Move to a terminal status; False when somebody else already moved it."""
    try:
        move_session(session, to, reason=reason, ended_at=timezone.now())
    except StaleStateError:
        return False
    return True
