"""Copying a learner's workspace from their server: snapshots, and why there can be none."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.utils import timezone

from labs.blobs import hash_files, store_files
from labs.exceptions import ServerAnswerError
from labs.jupyterhub import ContentsClient, FileModel, Listing
from labs.models import LabSession, Snapshot, Workspace

logger = logging.getLogger(__name__)

MAX_FILES: Final = 200
MAX_DEPTH: Final = 5
MAX_BYTES: Final = 50 * 1024 * 1024
READ_SECONDS: Final = 20.0
OLDEST: Final = datetime(2000, 1, 1, tzinfo=UTC)

# What the learner can mend, by what the wrapper calls it: why their workspace cannot be copied.
UNSAVED: Final[Mapping[str, str]] = {
    "workspace_too_large": "unsaved_too_large",
    "file_too_large": "unsaved_too_large",
    "too_many_files": "unsaved_too_many_files",
    "answer_too_large": "unsaved_too_many_files",
    "too_deep": "unsaved_too_deep",
    "unsafe_name": "unsaved_name",
}

Clock = Callable[[], float]


@dataclass(frozen=True)
class WorkspaceFiles:
    """The files of a lab as they stand on a server's disk, by path within the lab's folder.

    `unread` are files that are there and could not be read.
    """

    files: dict[str, bytes]
    saved_at: datetime
    unread: dict[str, ServerAnswerError] = field(default_factory=dict)


def list_workspace(session: LabSession, contents: ContentsClient) -> Listing:
    """What is in the lab's folder; ServerAnswerError (`too_many_files`, `too_deep`) above the limits."""
    return contents.list_files(session.workspace.folder, max_files=MAX_FILES, max_depth=MAX_DEPTH)


def read_workspace(session: LabSession, contents: ContentsClient) -> WorkspaceFiles:
    """Everything in the lab's folder; ServerAnswerError (`workspace_too_large` and others) above the limits.

    A file that goes away while the others are read is left out, as if the list had been made a moment later.
    One that is there and cannot be read is an error: work must not be lost in silence.
    """
    found = read_listed_files(session, contents, list_workspace(session, contents))
    for unread in found.unread.values():
        raise unread
    return found


def read_listed_files(
    session: LabSession, contents: ContentsClient, listing: Listing, *, clock: Clock = time.monotonic
) -> WorkspaceFiles:
    """The content of what was listed, in MAX_BYTES and READ_SECONDS at most.

    A file that cannot be read costs the others nothing. A notebook that was written meanwhile is read once more.
    """
    if sum(model.size for model in listing.files) > MAX_BYTES:
        raise ServerAnswerError("the workspace is too large", reason="workspace_too_large")
    folder = session.workspace.folder
    ends_at = clock() + READ_SECONDS
    found = WorkspaceFiles({}, find_saved_at(listing.files) or timezone.now(), {})
    for model in listing.files:
        read_file(contents, model, folder, found, ends_at, clock)
    for model in find_changed_notebooks(session, contents, listing, is_needed=bool(found.unread)):
        read_file(contents, model, folder, found, ends_at, clock)
    return found


def read_file(
    contents: ContentsClient,
    model: FileModel,
    folder: str,
    found: WorkspaceFiles,
    ends_at: float,
    clock: Clock,
) -> None:
    """Read one file into `found`, in place of what an earlier reading of it gave."""
    if clock() > ends_at:
        raise ServerAnswerError(f"reading took more than {READ_SECONDS:.0f} s", reason="answer_too_slow")
    path = model.path.removeprefix(f"{folder}/")
    left = MAX_BYTES - sum(len(content) for other, content in found.files.items() if other != path)
    try:
        found.files[path] = contents.read_file(model.path, max_bytes=left)
    except ServerAnswerError as error:
        if error.reason in UNSAVED or error.reason == "answer_too_slow":
            raise
        found.files.pop(path, None)
        if error.reason != "file_missing":
            found.unread[path] = error


def find_changed_notebooks(
    session: LabSession, contents: ContentsClient, listing: Listing, *, is_needed: bool
) -> list[FileModel]:
    """Notebooks whose size or time is no longer what was listed: they may have been read half-written.

    Where it `is_needed`, the server is asked even without notebooks: one that died is told from a file that
    cannot be read.
    """
    notebooks = {model.path: model for model in listing.files if model.path.endswith(".ipynb")}
    if not notebooks and not is_needed:
        return []
    now = list_workspace(session, contents).files
    return [model for model in now if model.path in notebooks and model != notebooks[model.path]]


def find_saved_at(models: Sequence[FileModel]) -> datetime | None:
    """When a file was last written, as the learner's server says: never before OLDEST, never in the future."""
    moments = [model.modified_at for model in models if model.modified_at and model.modified_at >= OLDEST]
    return min(max(moments), timezone.now()) if moments else None


def hash_listing(listing: Listing) -> str:
    """Changes when a name, a size or a time does."""
    lines = [f"{model.size} {model.modified_at} {model.path}" for model in listing.files]
    return hashlib.sha256("\n".join([*lines, "", *listing.refused]).encode()).hexdigest()


def save_snapshot(session: LabSession, contents: ContentsClient, cause: Snapshot.Cause) -> Snapshot | None:
    """Keep what is on the server's disk, also when nothing changed; None for an empty folder.

    A file that is there and cannot be read is an error of a submission, which would be another one without it.
    """
    try:
        listing = list_workspace(session, contents)
        found = read_listed_files(session, contents, listing)
    except ServerAnswerError as error:
        note_unsaved(session.workspace, UNSAVED.get(error.reason, session.workspace.unsaved_reason))
        raise
    note_completeness(session.workspace, listing, found)
    if cause == Snapshot.Cause.SUBMIT:
        for unread in found.unread.values():
            raise unread
    return keep_files(session, found, join_digests(session, found), cause)


def note_work(session: LabSession, contents: ContentsClient) -> None:
    """Note when the work was last saved, without copying it; and what hinders a copy, as `save_if_changed` does."""
    try:
        note_listing(session, list_workspace(session, contents))
    except ServerAnswerError as error:
        if error.reason not in UNSAVED:
            raise
        note_unsaved(session.workspace, UNSAVED[error.reason])


def save_if_changed(
    session: LabSession, contents: ContentsClient, *, cause: Snapshot.Cause = Snapshot.Cause.TIMER
) -> Snapshot | None:
    """Keep what is on the server's disk where it changed since it was last kept; None where it did not.

    Files are read only when a name, a size or a time differs. Also notes when the work was last saved, and why a
    workspace cannot be copied: that is the learner's to mend, and nothing is raised for it.
    """
    workspace = session.workspace
    try:
        listing = list_workspace(session, contents)
        seen = hash_listing(listing)
        note_listing(session, listing)
        if seen == session.listing_hash:  # noted only where everything was read, so all of it is kept
            note_unsaved(workspace, "unsaved_name" if listing.refused else "")
            return None
        found = read_listed_files(session, contents, listing)
    except ServerAnswerError as error:
        if error.reason not in UNSAVED:
            raise
        logger.info("session %s: no snapshot: %s", session.server_name, error)
        note_unsaved(workspace, UNSAVED[error.reason])
        return None
    note_completeness(workspace, listing, found)
    snapshot = keep_changed_files(session, found, cause)
    if not found.unread:
        session.listing_hash = seen
        LabSession.objects.filter(pk=session.pk).update(listing_hash=seen)
    return snapshot


def keep_changed_files(session: LabSession, found: WorkspaceFiles, cause: Snapshot.Cause) -> Snapshot | None:
    """A snapshot of what differs from the newest one.

    A visit that was under way when the session was stopped has read nothing newer than the stop has.
    """
    digests = join_digests(session, found)
    newest = session.workspace.snapshots.first()
    if newest and newest.content_hash == hash_files(digests):
        return None
    is_stopped = newest and newest.session_id == session.pk and newest.cause == Snapshot.Cause.STOP
    if is_stopped and cause != Snapshot.Cause.STOP:
        return None
    return keep_files(session, found, digests, cause)


def join_digests(session: LabSession, found: WorkspaceFiles) -> dict[str, str]:
    """Store what was read; of a file that cannot be read the last version stays."""
    newest = session.workspace.snapshots.first() if found.unread else None
    before = newest.files if newest else {}
    last = {path: before[path] for path in found.unread if path in before}
    return {**last, **store_files(found.files)}


def keep_files(
    session: LabSession, found: WorkspaceFiles, digests: dict[str, str], cause: Snapshot.Cause
) -> Snapshot | None:
    if not found.files:
        return None
    LabSession.objects.filter(pk=session.pk).update(work_saved_at=found.saved_at)
    return Snapshot.objects.create(
        workspace=session.workspace,
        session=session,
        cause=cause,
        files=digests,
        content_hash=hash_files(digests),
        byte_count=sum(map(len, found.files.values())),
        saved_at=found.saved_at,
    )


def note_listing(session: LabSession, listing: Listing) -> None:
    """Remember when a file of the lab was last written."""
    saved_at = find_saved_at(listing.files)
    if saved_at and saved_at != session.work_saved_at:
        session.work_saved_at = saved_at
        LabSession.objects.filter(pk=session.pk).update(work_saved_at=saved_at)


def note_completeness(workspace: Workspace, listing: Listing, found: WorkspaceFiles) -> None:
    """Say what a copy lacks; nothing where it has everything."""
    if found.unread:
        note_unsaved(workspace, reason="unsaved_unreadable")
    else:
        note_unsaved(workspace, "unsaved_name" if listing.refused else "")


def note_unsaved(workspace: Workspace, reason: str) -> None:
    """Say why the workspace cannot be copied, since when it could not; "" when it can."""
    if reason == workspace.unsaved_reason:
        return
    workspace.unsaved_since = (workspace.unsaved_since or timezone.now()) if reason else None
    workspace.unsaved_reason = reason
    workspace.save(update_fields=["unsaved_reason", "unsaved_since"])
