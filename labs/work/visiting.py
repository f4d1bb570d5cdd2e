"""Visits to servers that run: what is done there, a copy of the work, and a word to whoever works there."""

import logging
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Final

from django.conf import settings
from django.utils import timezone

from labs.exceptions import HubUnavailableError, LabError, ServerAnswerError, SpawnRejectedError
from labs.jupyterhub import ServerClient
from labs.models import LabSession
from labs.states import SessionStatus
from labs.work.connections import WorkspaceConnector, connect_for_visit, reachable_sessions
from labs.work.idleness import (
    find_activity,
    find_idle_stop,
    find_idle_warning,
    note_activity,
    tend_idleness,
)
from labs.work.new_files import bring_new_files
from labs.work.notices import make_notice
from labs.work.workspaces import note_unsaved, note_work, save_if_changed

logger = logging.getLogger(__name__)

TIME_NOTICES: Final = (timedelta(minutes=15), timedelta(minutes=5))
LONGEST_PAUSE: Final = timedelta(minutes=30)
SILENT: Final = "unsaved_silent"

# Half of a worker's threads: servers that answer slowly leave the others to starts and stops.
places = BoundedSemaphore(4)


def find_next_visit(session: LabSession) -> datetime:
    """When a session that is ready is to be visited: every VISIT_SECONDS, and when there is something to say."""
    if session.visited_at is None:
        return session.ready_at or session.requested_at
    moments = [session.visited_at + find_pause(session), *find_moments(session)]
    return min(moment for moment in moments if moment > session.visited_at)


def find_pause(session: LabSession) -> timedelta:
    """Until the next visit: a server that does not answer visits is visited ever more rarely."""
    usual = timedelta(seconds=settings.VISIT_SECONDS)
    workspace = session.workspace
    if workspace.unsaved_reason != SILENT or not workspace.unsaved_since or not session.visited_at:
        return usual
    return min(max(session.visited_at - workspace.unsaved_since, usual), max(LONGEST_PAUSE, usual))


def find_moments(session: LabSession) -> list[datetime]:
    """When a warning is due, or the stop for want of activity."""
    moments = [session.ends_at - before for before in TIME_NOTICES] if session.ends_at else []
    if session.idle_ends_at:
        moments.append(find_idle_stop(session) or session.idle_ends_at - find_idle_warning(session))
    return moments


def visit_session(session_id: int, *, connect: WorkspaceConnector = connect_for_visit) -> bool:
    """Look after a session that is ready. True where it is now being stopped for want of activity.

    A visit that finds all places taken is put off. No answer changes nothing, but is remembered.
    """
    session = reachable_sessions().get(pk=session_id)
    if session.status != SessionStatus.READY:
        return False
    if not places.acquire(blocking=False):
        put_off(session)
        return False
    try:
        with connect(session) as server:
            see_work(session, server)  # first: whatever goes wrong after it, the work is copied
            bring_new_files(session, server)
            is_over = tend_idleness(session, timezone.now())
            say_notice(session, server)
    except (HubUnavailableError, SpawnRejectedError) as error:  # the factory, not the server
        logger.info("session %s: not visited: %s", session.server_name, error)
        return False
    except LabError as error:
        logger.info("session %s: does not answer visits: %s", session.server_name, error)
        note_unsaved(session.workspace, SILENT)
        return False
    finally:
        places.release()
    return is_over


def put_off(session: LabSession) -> None:
    """Make the session due again for the next sweep."""
    before = timezone.now() - LONGEST_PAUSE
    LabSession.objects.filter(pk=session.pk, visited_at=session.visited_at).update(visited_at=before)


def see_work(session: LabSession, server: ServerClient) -> None:
    """Copy what changed, and note when somebody last worked there."""
    try:
        kernels = server.list_kernels()
    except ServerAnswerError as error:
        logger.info("session %s: its kernels: %s", session.server_name, error)
        kernels = []
    if is_snapshot_due(session):
        save_if_changed(session, server)
    else:
        note_work(session, server)
    if session.workspace.unsaved_reason == SILENT:
        note_unsaved(session.workspace, "")
    note_activity(session, find_activity(session, kernels, timezone.now()))


def is_snapshot_due(session: LabSession) -> bool:
    """Pages that are open have a session visited more often than it is copied.

    Visits are not to the second: one that comes a little early is not to leave the copy to the next.
    """
    newest = session.workspace.snapshots.first()
    pause = timedelta(seconds=settings.SNAPSHOT_SECONDS) * 0.8
    return newest is None or newest.created_at <= timezone.now() - pause


def say_notice(session: LabSession, server: ServerClient) -> None:
    """What JupyterLab shows is a courtesy: a server that refuses it is looked after all the same."""
    try:
        server.put_notice(make_notice(session, timezone.now()))
    except ServerAnswerError as error:
        logger.info("session %s: its notice: %s", session.server_name, error)
