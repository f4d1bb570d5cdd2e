"""Reading a learner's workspace from their server: what is there, when it was saved, a snapshot of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from labs.blobs import hash_files, store_files
from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.jupyterhub import ContentsClient
from labs.models import LabSession, Snapshot
from labs.states import SessionStatus
from labs.work.connections import WorkspaceConnector, connect_workspace

MAX_FILES: Final = 200
MAX_DEPTH: Final = 5
MAX_BYTES: Final = 50 * 1024 * 1024


@dataclass(frozen=True)
class Workspace:
    """The files of a lab as they stand on a server's disk, by path within the lab's folder."""

    files: dict[str, bytes]
    saved_at: datetime


def read_workspace(session: LabSession, contents: ContentsClient) -> Workspace:
    """Everything in the lab's folder; ServerAnswerError(`workspace_too_large`) above the limits."""
    folder = session.release.folder
    models = contents.list_files(folder, max_files=MAX_FILES, max_depth=MAX_DEPTH)
    files: dict[str, bytes] = {}
    left = MAX_BYTES
    for model in models:
        if model.size > left:
            raise ServerAnswerError("the workspace is too large", reason="workspace_too_large")
        content = contents.read_file(model.path, max_bytes=left)
        left -= len(content)
        files[model.path.removeprefix(f"{folder}/")] = content
    moments = [model.modified_at for model in models if model.modified_at]
    now = timezone.now()
    return Workspace(files=files, saved_at=min(max(moments, default=now), now))


def save_snapshot(session: LabSession, contents: ContentsClient, cause: Snapshot.Cause) -> Snapshot | None:
    """Keep what is on the server's disk; the newest snapshot again if nothing changed; None for an empty folder."""
    workspace = read_workspace(session, contents)
    if not workspace.files:
        return None
    digests = store_files(workspace.files)
    content_hash = hash_files(digests)
    with transaction.atomic():
        LabSession.objects.filter(pk=session.pk).update(work_saved_at=workspace.saved_at)
        newest = Snapshot.objects.filter(learner=session.learner, lab=session.lab).first()
        if newest and newest.content_hash == content_hash:
            return newest
        return Snapshot.objects.create(
            learner=session.learner,
            lab=session.lab,
            session=session,
            cause=cause,
            files=digests,
            content_hash=content_hash,
            saved_at=workspace.saved_at,
        )


def note_saved_time(session_id: int, *, connect: WorkspaceConnector = connect_workspace) -> None:
    """Look when the learner's server last wrote a file of the lab. No answer changes nothing."""
    session = LabSession.objects.select_related("learner", "lab", "release__lab__course", "hub__factory").get(
        pk=session_id
    )
    if session.status != SessionStatus.READY:
        return
    try:
        with connect(session) as contents:
            models = contents.list_files(session.release.folder, max_files=MAX_FILES, max_depth=MAX_DEPTH)
    except (HubUnavailableError, ServerAnswerError):
        return
    moments = [model.modified_at for model in models if model.modified_at]
    if moments:
        saved_at = min(max(moments), timezone.now())
        LabSession.objects.filter(pk=session.pk).update(work_saved_at=saved_at)
