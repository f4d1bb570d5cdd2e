"""A learner's work in a lab through time: its history, going back to a version, and a newer release's files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from courses.models import Enrolment, User
from labs import tasks
from labs.blobs import hash_files, size_of_blob
from labs.exceptions import RefusedError
from labs.models import LabRelease, LabSession, LabUnit, Snapshot, Workspace
from labs.services.sessions import request_stop, send_on_commit
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus
from labs.work.new_files import Decision, find_new_files, note_decision

PAGE_SIZE: Final = 20
NAMES_SHOWN: Final = 3
RETENTION: Final = _(
    "Paja keeps every version of the last 24 hours, one an hour for 7 days and one a day for 180 days. The newest one, "
    "and those from before a restore or a reset, stay longer."
)
CAUSES: Final[Mapping[str, str | Promise]] = {
    Snapshot.Cause.TIMER: _("Saved by itself while you worked"),
    Snapshot.Cause.STOP: _("Saved before the lab stopped"),
    Snapshot.Cause.SUBMIT: _("Saved when you pressed Submit"),
    Snapshot.Cause.FOUND: _("Found on the factory’s disk when the lab started"),
    Snapshot.Cause.RESTORE: _("You went back to an earlier version"),
    Snapshot.Cause.RESET: _("You reset the lab"),
}


@dataclass(frozen=True)
class Changes:
    """How one map of files differs from the one before."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    @property
    def words(self) -> str:
        """`2 files changed, 1 new file`"""
        said = (
            (
                ngettext("%(number)s file changed", "%(number)s files changed", len(self.changed)),
                self.changed,
            ),
            (ngettext("%(number)s new file", "%(number)s new files", len(self.added)), self.added),
            (
                ngettext("%(number)s file deleted", "%(number)s files deleted", len(self.removed)),
                self.removed,
            ),
        )
        parts = [words % {"number": len(paths)} for words, paths in said if paths]
        return ", ".join(parts) or str(_("Nothing changed"))

    @property
    def names(self) -> str:
        """The first of the paths."""
        paths = (*self.changed, *self.added, *self.removed)
        return ", ".join(paths[:NAMES_SHOWN]) + (" …" if len(paths) > NAMES_SHOWN else "")


@dataclass(frozen=True)
class Version:
    """One snapshot in the history. `changes` is None for the first one; `factory` is empty where none saved it."""

    snapshot: Snapshot
    cause: str
    changes: Changes | None
    factory: str
    is_current: bool
    is_waiting: bool


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


@dataclass(frozen=True)
class History:
    """A page of versions, newest first. `before` is the version that an undo of the last restore goes back to."""

    workspace: Workspace | None
    page: Page[Snapshot] | None
    versions: Sequence[Version]
    active: LabSession | None
    wanted: Snapshot | None
    before: Snapshot | None

    @property
    def unsaved_since(self) -> datetime | None:
        return self.workspace.unsaved_since if self.workspace else None


def find_workspace(enrolment: Enrolment, lab_unit: LabUnit) -> Workspace | None:
    """The learner's workspace in a lab; None before their first start."""
    workspaces = Workspace.objects.filter(
        owner=enrolment.learner_id, lab=lab_unit.release.lab_id, purpose=Workspace.Purpose.LEARN
    )
    return workspaces.select_related("wanted").first()


def find_active(workspace: Workspace) -> LabSession | None:
    active = workspace.sessions.filter(status__in=ACTIVE_SESSION_STATUSES)
    return active.select_related("hub__factory", "workspace").first()


# --- The history --------------------------------------------------------------------------------------


def find_history(enrolment: Enrolment, lab_unit: LabUnit, *, number: str | None) -> History:
    """A page of the history; every page takes the same few queries."""
    workspace = find_workspace(enrolment, lab_unit)
    if workspace is None:
        return History(None, None, (), None, None, None)
    snapshots = workspace.snapshots.select_related("session__hub__factory", "origin")
    paginator = Paginator(snapshots, PAGE_SIZE)
    page = paginator.get_page(number)
    start = (page.number - 1) * PAGE_SIZE
    rows = list(snapshots[start : start + PAGE_SIZE + 1])  # one more: the last one's changes are against it
    wanted = workspace.wanted
    newest = rows[0] if rows and page.number == 1 else None
    versions = [
        make_version(row, before, wanted=wanted, newest=newest)
        for row, before in zip(rows[:PAGE_SIZE], [*rows[1:], None], strict=False)
    ]
    page.object_list = rows[:PAGE_SIZE]
    return History(
        workspace=workspace,
        page=page,
        versions=versions,
        active=find_active(workspace),
        wanted=wanted,
        before=find_before_restore(rows, wanted) if page.number == 1 else None,
    )


def find_before_restore(rows: Sequence[Snapshot], wanted: Snapshot | None) -> Snapshot | None:
    """What the learner had before the restore or reset that is their newest step; None where there is none."""
    step = wanted or next(iter(rows), None)
    if step is None or step.cause not in {Snapshot.Cause.RESTORE, Snapshot.Cause.RESET}:
        return None
    others = (row for row in rows if row.pk != step.pk and row.content_hash != step.content_hash)
    return next(others, None)


def make_version(
    snapshot: Snapshot, before: Snapshot | None, *, wanted: Snapshot | None, newest: Snapshot | None
) -> Version:
    is_waiting = wanted is not None and wanted.pk == snapshot.pk
    return Version(
        snapshot=snapshot,
        cause=str(CAUSES[snapshot.cause]),
        changes=compare(before.files, snapshot.files) if before else None,
        factory=snapshot.session.hub.factory.name if snapshot.session else "",
        is_current=wanted is None and newest is not None and newest.pk == snapshot.pk,
        is_waiting=is_waiting,
    )


def find_before(snapshot: Snapshot) -> Snapshot | None:
    """The version before a snapshot."""
    older = Q(created_at__lt=snapshot.created_at) | Q(created_at=snapshot.created_at, pk__lt=snapshot.pk)
    return snapshot.workspace.snapshots.filter(older).first()


def find_version(snapshot: Snapshot, before: Snapshot | None) -> Version:
    """One snapshot, compared with the one before it."""
    newest = snapshot.workspace.snapshots.first()
    return make_version(snapshot, before, wanted=snapshot.workspace.wanted, newest=newest)


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(path for path in after.keys() & before.keys() if after[path] != before[path])),
        removed=tuple(sorted(before.keys() - after.keys())),
    )


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
