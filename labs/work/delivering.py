"""Putting a lab's files into a server that has just started. Everything may be repeated."""

import logging
from pathlib import PurePosixPath
from typing import Final

from django.utils import timezone

from labs.blobs import read_files
from labs.exceptions import HubUnavailableError, ServerAnswerError, StaleStateError
from labs.jupyterhub import ContentsClient
from labs.models import LabSession
from labs.states import SessionStatus
from labs.transitions import move_session
from labs.work.connections import WorkspaceConnector, connect_workspace, reachable_sessions
from labs.work.spawning import end_session

logger = logging.getLogger(__name__)

DELIVERY_TRIES: Final = 5


def deliver_files(session_id: int, *, connect: WorkspaceConnector = connect_workspace) -> None:
    """Put the lab's files into a server that answers, then call the session ready.

    What stands in the workspace is never written over; what the newest snapshot holds comes before the release.
    """
    session = reachable_sessions().get(pk=session_id)
    if session.status != SessionStatus.SPAWNING:
        return
    try:
        with connect(session) as workspace:
            for path, content in files_to_deliver(session).items():
                put_in_place(workspace, path, content)
        move_session(session, SessionStatus.READY, reason="files_in_place", ready_at=timezone.now())
    except StaleStateError:
        return
    except HubUnavailableError as error:
        logger.warning("session %s: files wait: %s", session.server_name, error)
        release_delivery(session, tries=session.delivery_tries)
    except Exception:  # a server's wrong answer or a fault of ours: nobody waits for ever
        logger.exception("session %s: files not delivered", session.server_name)
        if session.delivery_tries + 1 >= DELIVERY_TRIES:
            end_session(session, SessionStatus.FAILED, reason="files_not_delivered")
        else:
            release_delivery(session, tries=session.delivery_tries + 1)


def files_to_deliver(session: LabSession) -> dict[str, bytes]:
    """Paths in the workspace and their content: the newest snapshot's files, then the release's."""
    snapshot = session.workspace.current_snapshot
    saved = snapshot.files if snapshot else {}
    released = session.release.learner_files.items()
    digests = {**saved, **{path: digest for path, digest in released if path not in saved}}
    return {f"{session.workspace.folder}/{path}": content for path, content in read_files(digests).items()}


def put_in_place(workspace: ContentsClient, path: str, content: bytes) -> None:
    """Create a file. Where the learner made a file of one of its folders, theirs stays and this one is left out."""
    try:
        workspace.create_file(path, content)
    except ServerAnswerError:
        folders = [str(folder) for folder in PurePosixPath(path).parents][:-1]
        found = [workspace.find_file(folder) for folder in folders]
        if all(model is None or model.is_folder for model in found):
            raise


def release_delivery(session: LabSession, *, tries: int) -> None:
    LabSession.objects.filter(pk=session.pk).update(delivery_claimed_at=None, delivery_tries=tries)
