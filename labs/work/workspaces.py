"""Reading a learner's workspace from their server: what is there, when it was saved, a snapshot of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.utils import timezone

from labs.blobs import hash_files, store_files
from labs.exceptions import LabError, ServerAnswerError
from labs.jupyterhub import ContentsClient, FileModel
from labs.models import LabSession, Snapshot
from labs.states import SessionStatus
from labs.work.connections import WorkspaceConnector, connect_workspace, reachable_sessions

MAX_FILES: Final = 200
MAX_DEPTH: Final = 5
MAX_BYTES: Final = 50 * 1024 * 1024
OLDEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class WorkspaceFiles:
    """The files of a lab as they stand on a server's disk, by path within the lab's folder."""

    files: dict[str, bytes]
    saved_at: datetime


def read_workspace(session: LabSession, contents: ContentsClient) -> WorkspaceFiles:
    """Everything in the lab's folder; ServerAnswerError (`workspace_too_large` and others) above the limits.

    A file that goes away while the others are read is left out, as if the list had been made a moment later.
    """
    folder = session.workspace.folder
    models = contents.list_files(folder, max_files=MAX_FILES, max_depth=MAX_DEPTH).files
    files: dict[str, bytes] = {}
    left = MAX_BYTES
    for model in models:
        if model.size > left:
            raise ServerAnswerError("the workspace is too large", reason="workspace_too_large")
        try:
            content = contents.read_file(model.path, max_bytes=left)
        except ServerAnswerError as error:
            if error.reason != "file_missing":
                raise
            continue
        left -= len(content)
        files[model.path.removeprefix(f"{folder}/")] = content
    return WorkspaceFiles(files=files, saved_at=find_saved_at(models) or timezone.now())


def find_saved_at(models: Sequence[FileModel]) -> datetime | None:
    """When a file was last written, as the learner's server says: never before OLDEST, never in the future."""
    moments = [model.modified_at for model in models if model.modified_at and model.modified_at >= OLDEST]
    return min(max(moments), timezone.now()) if moments else None


def save_snapshot(session: LabSession, contents: ContentsClient, cause: Snapshot.Cause) -> Snapshot | None:
    """Keep what is on the server's disk, also when nothing changed; None for an empty folder."""
    workspace = read_workspace(session, contents)
    if not workspace.files:
        return None
    digests = store_files(workspace.files)
    LabSession.objects.filter(pk=session.pk).update(work_saved_at=workspace.saved_at)
    return Snapshot.objects.create(
        workspace=session.workspace,
        session=session,
        cause=cause,
        files=digests,
        content_hash=hash_files(digests),
        byte_count=sum(map(len, workspace.files.values())),
        saved_at=workspace.saved_at,
    )


def note_saved_time(session_id: int, *, connect: WorkspaceConnector = connect_workspace) -> None:
    """Look when the learner's server last wrote a file of the lab. No answer changes nothing."""
    session = reachable_sessions().get(pk=session_id)
    if session.status != SessionStatus.READY:
        return
    try:
        with connect(session) as contents:
            listing = contents.list_files(session.workspace.folder, max_files=MAX_FILES, max_depth=MAX_DEPTH)
    except LabError:
        return
    if saved_at := find_saved_at(listing.files):
        LabSession.objects.filter(pk=session.pk).update(work_saved_at=saved_at)
