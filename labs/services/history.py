"""The saved versions of a learner's work in a lab: when, why and where each was saved, and what changed in it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet, Value, Window
from django.db.models.functions import Lag
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from courses.models import Enrolment
from labs.models import LabSession, LabUnit, Snapshot, Workspace
from labs.services.workspaces import find_active, find_workspace

PAGE_SIZE: Final = 20
NAMES_SHOWN: Final = 3
RETENTION: Final = _(
    "Paja keeps every version of the last 24 hours, one an hour for 7 days and one a day for 180 days. The newest one, "
    "and those from before a restore or a reset, stay longer."
)
AS_RELEASED: Final = _("The lab’s files as you were given them")
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
    """One snapshot in the history. `changes` is None for the first one; `factory` is empty where none saved it.

    `needs_seconds`: another one was made in the same minute.
    """

    snapshot: Snapshot
    cause: str
    changes: Changes | None
    factory: str
    is_current: bool
    is_waiting: bool
    needs_seconds: bool


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


def find_history(enrolment: Enrolment, lab_unit: LabUnit, *, number: str | None) -> History:
    """A page of the history; every page takes the same few queries."""
    workspace = find_workspace(enrolment, lab_unit)
    if workspace is None:
        return History(None, None, (), None, None, None)
    snapshots = find_shown(workspace)
    paginator = Paginator(snapshots, PAGE_SIZE)
    page = paginator.get_page(number)
    start = (page.number - 1) * PAGE_SIZE
    rows = list(snapshots[start : start + PAGE_SIZE + 1])  # one more: the last one's changes are against it
    wanted = workspace.wanted
    newest = rows[0] if rows and page.number == 1 else None
    minutes = Counter(find_minute(row.created_at) for row in rows)
    versions = [
        make_version(
            row, before, wanted=wanted, newest=newest, needs_seconds=minutes[find_minute(row.created_at)] > 1
        )
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


def find_shown(workspace: Workspace) -> QuerySet[Snapshot]:
    """Every snapshot but those of a stop at which nothing had changed since the one before."""
    before = Window(Lag("content_hash", default=Value("")), order_by=["created_at", "pk"])
    snapshots = workspace.snapshots.select_related("session__hub__factory", "origin")
    return snapshots.annotate(hash_before=before).exclude(
        cause=Snapshot.Cause.STOP, content_hash=F("hash_before")
    )


def find_before_restore(rows: Sequence[Snapshot], wanted: Snapshot | None) -> Snapshot | None:
    """What the learner had before the restore or reset that is their newest step; None where there is none."""
    step = wanted or next(iter(rows), None)
    if step is None or step.cause not in {Snapshot.Cause.RESTORE, Snapshot.Cause.RESET}:
        return None
    others = (row for row in rows if row.pk != step.pk and row.content_hash != step.content_hash)
    return next(others, None)


def make_version(
    snapshot: Snapshot,
    before: Snapshot | None,
    *,
    wanted: Snapshot | None,
    newest: Snapshot | None,
    needs_seconds: bool,
) -> Version:
    is_waiting = wanted is not None and wanted.pk == snapshot.pk
    return Version(
        snapshot=snapshot,
        cause=str(AS_RELEASED if before is None and is_as_released(snapshot) else CAUSES[snapshot.cause]),
        changes=compare(before.files, snapshot.files) if before else None,
        factory=snapshot.session.hub.factory.name if snapshot.session else "",
        is_current=wanted is None and newest is not None and newest.pk == snapshot.pk,
        is_waiting=is_waiting,
        needs_seconds=needs_seconds,
    )


def find_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def is_as_released(snapshot: Snapshot) -> bool:
    """Whether a server had nothing else than the files of its session's release."""
    return snapshot.session is not None and snapshot.files == snapshot.session.release.learner_files


def find_before(snapshot: Snapshot) -> Snapshot | None:
    """The version before a snapshot."""
    older = Q(created_at__lt=snapshot.created_at) | Q(created_at=snapshot.created_at, pk__lt=snapshot.pk)
    return snapshot.workspace.snapshots.filter(older).first()


def find_version(snapshot: Snapshot, before: Snapshot | None) -> Version:
    """One snapshot, compared with the one before it."""
    shown = find_shown(snapshot.workspace)
    minutes = Counter(find_minute(at) for at in shown.values_list("created_at", flat=True))
    return make_version(
        snapshot,
        before,
        wanted=snapshot.workspace.wanted,
        newest=shown.first(),
        needs_seconds=minutes[find_minute(snapshot.created_at)] > 1,
    )


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(path for path in after.keys() & before.keys() if after[path] != before[path])),
        removed=tuple(sorted(before.keys() - after.keys())),
    )
