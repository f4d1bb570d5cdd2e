"""A learner's files of a lab: going back to an earlier version, beginning anew, and a newer release's files."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from courses.models import Enrolment, User
from labs import tasks
from labs.blobs import hash_files, size_of_blob
from labs.exceptions import RefusedError
from labs.models import LabRelease, LabSession, LabUnit, Snapshot, Workspace
from labs.services.sessions import request_stop, send_on_commit
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus
from labs.work.new_files import Decision, find_new_files, note_decision


@dataclass(frozen=True)
class Offer:
    """What a newer release of the lab would bring. `is_wanted`: the learner asked for it, and it is on its way."""

    release: LabRelease
    new: tuple[str, ...]
    changed: tuple[str, ...]
    is_wanted: bool

    @property
    def new_count(self) -> int:
        return len(self.new)

    @property
    def changed_count(self) -> int:
        return len(self.changed)


def find_workspace(enrolment: Enrolment, lab_unit: LabUnit) -> Workspace | None:
    """The learner's workspace in a lab; None before their first start."""
    workspaces = Workspace.objects.filter(
        owner=enrolment.learner_id, lab=lab_unit.release.lab_id, purpose=Workspace.Purpose.LEARN
    )
    return workspaces.select_related("wanted").first()


def find_active(workspace: Workspace) -> LabSession | None:
    active = workspace.sessions.filter(status__in=ACTIVE_SESSION_STATUSES)
    return active.select_related("hub__factory", "workspace").first()


# --- Going back ---------------------------------------------------------------------------------------


def restore_snapshot(snapshot: Snapshot, *, actor: User) -> Snapshot:
    """Make an earlier version the work as it stands, from the next start on; a lab that runs is restarted for it.

    Asking twice makes one. What is on the server's disk is kept as a snapshot first.
    """
    with transaction.atomic():
        workspace = lock(snapshot.workspace_id)
        wanted = workspace.wanted
        if wanted and wanted.cause == Snapshot.Cause.RESTORE and snapshot.pk in {wanted.pk, wanted.origin_id}:
            return wanted
        made = want(
            workspace,
            Snapshot(
                workspace=workspace,
                cause=Snapshot.Cause.RESTORE,
                origin=snapshot,
                files=snapshot.files,
                content_hash=snapshot.content_hash,
                byte_count=snapshot.byte_count,
            ),
        )
        restart(workspace, actor=actor, reason="restore_requested")
    return made


def reset_lab(enrolment: Enrolment, lab_unit: LabUnit, *, actor: User) -> Snapshot:
    """Begin a lab anew with the files of the release that its unit shows; otherwise as `restore_snapshot`.

    RefusedError (`nothing_to_reset`) before the first start.
    """
    found = find_workspace(enrolment, lab_unit)
    if found is None:
        raise RefusedError(reason="nothing_to_reset")
    return reset_workspace(found, lab_unit.release.learner_files, actor=actor)


def reset_workspace(found: Workspace, files: Mapping[str, str], *, actor: User) -> Snapshot:
    """Make these files, and no others, the work as it stands; otherwise as `restore_snapshot`."""
    content_hash = hash_files(files)
    with transaction.atomic():
        workspace = lock(found.pk)
        wanted = workspace.wanted
        if wanted and wanted.cause == Snapshot.Cause.RESET and wanted.content_hash == content_hash:
            return wanted
        made = want(
            workspace,
            Snapshot(
                workspace=workspace,
                cause=Snapshot.Cause.RESET,
                files=dict(files),
                content_hash=content_hash,
                byte_count=sum(size_of_blob(digest) or 0 for digest in files.values()),
            ),
        )
        restart(workspace, actor=actor, reason="reset_requested")
    return made


def lock(workspace_id: int) -> Workspace:
    """The workspace for this transaction alone; a delivery that would finish now waits, and delivers again."""
    return Workspace.objects.select_for_update(no_key=True).get(pk=workspace_id)


def want(workspace: Workspace, snapshot: Snapshot) -> Snapshot:
    """Write down what the next server begins with."""
    snapshot.saved_at = timezone.now()
    snapshot.save()
    workspace.wanted = snapshot
    workspace.save(update_fields=["wanted"])
    return snapshot


def restart(workspace: Workspace, *, actor: User, reason: str) -> None:
    """Stop what runs, to begin anew. A session that has no files yet gets the right ones as it is."""
    session = find_active(workspace)
    if session is None or session.status in {SessionStatus.REQUESTED, SessionStatus.SPAWNING}:
        return
    request_stop(session, actor=actor, reason=reason, is_restarting=session.status == SessionStatus.READY)


# --- A newer release ----------------------------------------------------------------------------------


def find_offer(enrolment: Enrolment, lab_unit: LabUnit) -> Offer | None:
    """The files that the unit's present release has and the learner was neither given nor has decided about."""
    workspace = find_workspace(enrolment, lab_unit)
    files = find_new_files(workspace, lab_unit.release) if workspace else None
    if files is None:
        return None
    return Offer(files.release, tuple(sorted(files.new)), tuple(sorted(files.changed)), files.is_wanted)


def take_new_files(enrolment: Enrolment, lab_unit: LabUnit, *, actor: User) -> Offer | None:
    """Put the new files beside the learner's: at once where the lab runs, else at its next start.

    None where nothing is offered. Asking again while they are on their way changes nothing: a visit brings them.
    """
    offer, session = find_offer(enrolment, lab_unit), find_newest_session(enrolment, lab_unit)
    if offer is None or session is None:
        return None
    with transaction.atomic():
        if not offer.is_wanted:
            note_decision(session, Decision.WANTED, offer.release, actor=actor)
            if session.status == SessionStatus.READY:
                send_on_commit(lambda: tasks.send_new_files(session.pk, session.hub.factory.slug))
    return offer


def dismiss_new_files(enrolment: Enrolment, lab_unit: LabUnit, *, actor: User) -> None:
    """Offer the files of this release no more."""
    offer, session = find_offer(enrolment, lab_unit), find_newest_session(enrolment, lab_unit)
    if offer and session:
        note_decision(session, Decision.DISMISSED, offer.release, actor=actor)


def find_newest_session(enrolment: Enrolment, lab_unit: LabUnit) -> LabSession | None:
    """The session in whose events a decision is written down."""
    workspace = find_workspace(enrolment, lab_unit)
    sessions = workspace.sessions.select_related("hub__factory") if workspace else None
    return sessions.first() if sessions is not None else None
