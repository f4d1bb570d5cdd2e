"""Putting a workspace's files into a server that has just started. Everything may be repeated.

What stands on a factory's disk is kept in Paja before anything there is replaced or deleted. Which version then
wins is decided by `bring_files`. No notebook can be open at that time: the session is not ready.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from labs.blobs import hash_content, hash_files, read_blob, store_files
from labs.exceptions import HubUnavailableError, ServerAnswerError, StaleStateError
from labs.jupyterhub import ContentsClient
from labs.models import LabRelease, LabSession, Snapshot, Workspace
from labs.states import SessionStatus
from labs.transitions import become_ready, note_session
from labs.work.connections import WorkspaceConnector, connect_workspace, reachable_sessions
from labs.work.new_files import (
    Decision,
    NewFiles,
    add_new_files,
    create,
    is_blocked,
    note_decision,
)
from labs.work.spawning import end_session
from labs.work.workspaces import UNSAVED, WorkspaceFiles, note_unsaved, read_workspace

logger = logging.getLogger(__name__)

DELIVERY_TRIES: Final = 5


@dataclass
class Delivery:
    """What one delivery did, for the events that are written when all of it is done."""

    wanted: Snapshot | None
    new_files: NewFiles | None = None
    reasons: list[str] = field(default_factory=list)

    def say(self, *, reason: str) -> None:
        if reason not in self.reasons:
            self.reasons.append(reason)


def deliver_files(session_id: int, *, connect: WorkspaceConnector = connect_workspace) -> None:
    """Put the files of a workspace into a server that answers, then call the session ready."""
    session = reachable_sessions().get(pk=session_id)
    if session.status != SessionStatus.SPAWNING:
        return
    try:
        with connect(session) as contents:
            # Before the token is revoked, for which nobody should wait.
            is_finished = finish_delivery(session, bring_files(session, contents))
        if not is_finished:
            release_delivery(session, tries=session.delivery_tries)
    except StaleStateError:
        return
    except HubUnavailableError as error:
        logger.warning("session %s: files wait: %s", session.server_name, error)
        release_delivery(session, tries=session.delivery_tries)
    except Exception:  # a server's wrong answer or a fault of ours: nobody waits for ever
        logger.exception("session %s: files not delivered", session.server_name)
        if is_last_try(session):
            end_session(session, SessionStatus.FAILED, reason="files_not_delivered")
        else:
            release_delivery(session, tries=session.delivery_tries + 1)


def bring_files(session: LabSession, contents: ContentsClient) -> Delivery:
    """Bring the folder to what the learner should find there.

    What they asked for (a restore, a reset) replaces everything. Else the disk wins where the newest snapshot
    came from this disk, as it may hold work after it; elsewhere the newest snapshot's files replace the disk's.
    Files of the release that are missing are added at the end. A disk that cannot be read only gets what it lacks.
    """
    workspace = session.workspace
    delivery = Delivery(workspace.wanted)
    newest = find_newest_before(session)
    is_from_here = (
        newest is not None and newest.session is not None and has_same_disk(session, newest.session)
    )
    disk = read_disk(session, contents)
    if disk is None:
        delivery.say(reason="disk_not_copied")
        add_missing(workspace, contents, delivery.wanted or newest, {}, delivery)
    else:
        digests = {path: hash_content(content) for path, content in disk.files.items()}
        if keep_unknown(session, disk, digests, before=None if is_from_here else newest):
            delivery.say(reason="work_found")
        if delivery.wanted:
            delete_others(session, contents, delivery.wanted, digests)
            replace_files(session, contents, delivery.wanted, digests, delivery)
        elif is_from_here:
            add_missing(workspace, contents, newest, digests, delivery)
        else:
            replace_files(session, contents, newest, digests, delivery)
    for path, digest in released_files(session).items():
        create(contents, f"{workspace.folder}/{path}", read_blob(digest))
    delivery.new_files = add_new_files(workspace, contents)
    return delivery


def has_same_disk(session: LabSession, other: LabSession) -> bool:
    """A factory keeps a disk for each Unix account; without Slurm for each person."""
    return (session.hub_id, session.account_id) == (other.hub_id, other.account_id)


def find_newest_before(session: LabSession) -> Snapshot | None:
    """The newest snapshot from before this start; what an earlier try of it found is none."""
    before = session.workspace.snapshots.exclude(session=session)
    return before.select_related("session").first()


def read_disk(session: LabSession, contents: ContentsClient) -> WorkspaceFiles | None:
    """What stands on the factory's disk; None where it cannot be copied, or not read at the last try."""
    try:
        return read_workspace(session, contents)
    except ServerAnswerError as error:
        if error.reason not in UNSAVED and not is_last_try(session):
            raise
        logger.warning("session %s: the disk is left as it is: %s", session.server_name, error)
        if error.reason in UNSAVED:
            note_unsaved(session.workspace, UNSAVED[error.reason])
        return None


def is_last_try(session: LabSession) -> bool:
    return session.delivery_tries + 1 >= DELIVERY_TRIES


def keep_unknown(
    session: LabSession, disk: WorkspaceFiles, digests: dict[str, str], *, before: Snapshot | None
) -> bool:
    """Keep the disk as a snapshot where a file of it is in none and in no release; whether that was so.

    Where it does not become the newest version, it takes its place in the history `before` that one.
    """
    if not digests or digests.items() <= find_known_files(session.workspace):
        return False
    now = timezone.now()
    store_files(disk.files)
    Snapshot.objects.create(
        workspace=session.workspace,
        session=session,
        cause=Snapshot.Cause.FOUND,
        files=digests,
        content_hash=hash_files(digests),
        byte_count=sum(map(len, disk.files.values())),
        saved_at=disk.saved_at,
        created_at=min(disk.saved_at, before.created_at - timedelta(microseconds=1)) if before else now,
    )
    return True


def find_known_files(workspace: Workspace) -> set[tuple[str, str]]:
    """Path and digest of every file that a snapshot of the workspace or a release of its lab holds."""
    releases = LabRelease.objects.filter(lab=workspace.lab_id)
    maps: list[Mapping[str, str]] = list(workspace.snapshots.order_by().values_list("files", flat=True))
    maps += releases.values_list("learner_files", flat=True)
    maps += releases.values_list("source_files", flat=True)
    return {item for files in maps for item in files.items()}


def released_files(session: LabSession) -> dict[str, str]:
    """What the session's release gives: the source to an author, the learner's version to everybody else."""
    is_author = session.workspace.purpose == Workspace.Purpose.AUTHOR
    files: dict[str, str] = session.release.source_files if is_author else session.release.learner_files
    return files


def check_still_spawning(session: LabSession) -> None:
    """StaleStateError where another worker was quicker after a lease ran out: by now a notebook may be open."""
    if not LabSession.objects.filter(pk=session.pk, status=SessionStatus.SPAWNING).exists():
        raise StaleStateError(f"session {session.pk} no longer waits for its files")


def delete_others(
    session: LabSession, contents: ContentsClient, wanted: Snapshot, digests: Mapping[str, str]
) -> None:
    for path in digests.keys() - wanted.files.keys():
        check_still_spawning(session)
        contents.delete_file(f"{session.workspace.folder}/{path}")


def replace_files(
    session: LabSession,
    contents: ContentsClient,
    snapshot: Snapshot | None,
    digests: Mapping[str, str],
    delivery: Delivery,
) -> None:
    """Put a snapshot's files over the disk's, which have been kept. What is in the way of a file stays."""
    for path, digest in snapshot.files.items() if snapshot else ():
        if digests.get(path) == digest:
            continue
        place = f"{session.workspace.folder}/{path}"
        check_still_spawning(session)
        try:
            contents.replace_file(place, read_blob(digest))
        except ServerAnswerError:
            if not is_blocked(contents, place):
                raise
            delivery.say(reason="file_left_out")


def add_missing(
    workspace: Workspace,
    contents: ContentsClient,
    snapshot: Snapshot | None,
    digests: Mapping[str, str],
    delivery: Delivery,
) -> None:
    """Put those of a snapshot's files in place whose names are not on the disk."""
    for path, digest in snapshot.files.items() if snapshot else ():
        place = f"{workspace.folder}/{path}"
        if path in digests or create(contents, place, read_blob(digest)):
            continue
        if is_blocked(contents, place):
            delivery.say(reason="file_left_out")


def finish_delivery(session: LabSession, delivery: Delivery) -> bool:
    """Call the session ready, and what was wanted delivered, in one moment.

    False where the learner has asked for another version meanwhile: then everything is delivered again.
    """
    with transaction.atomic():
        workspace = Workspace.objects.select_for_update(no_key=True).get(pk=session.workspace_id)
        if workspace.wanted_id != (delivery.wanted.pk if delivery.wanted else None):
            return False
        now = timezone.now()
        if delivery.wanted:  # from here on it is the work as it stands, newer than what was saved before
            Snapshot.objects.filter(pk=delivery.wanted.pk).update(session=session, created_at=now)
            workspace.wanted = None
            workspace.save(update_fields=["wanted"])
        for reason in delivery.reasons:
            note_session(session, reason=reason)
        if delivery.new_files:
            note_decision(session, Decision.PLACED, delivery.new_files.release)
        become_ready(session, now)
    return True


def release_delivery(session: LabSession, *, tries: int) -> None:
    """Leave it to the sweeps, which send it again after a pause."""
    spawning = LabSession.objects.filter(pk=session.pk, status=SessionStatus.SPAWNING)
    spawning.update(delivery_claimed_at=None, delivery_tries=tries, sent_at=timezone.now())
