"""Bringing a lab's source back from its author's server, and the sweep over drafts whose worker was lost."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from labs.exceptions import LabError, StaleStateError
from labs.models import LabDraft, LabSession, Snapshot
from labs.states import DraftStatus, SessionStatus
from labs.transitions import move_draft
from labs.work.connections import WorkspaceConnector, connect_workspace, reachable_sessions
from labs.work.outages import is_worth_waiting
from labs.work.workspaces import save_snapshot

logger = logging.getLogger(__name__)

COLLECT_LEASE: Final = timedelta(seconds=30)  # as long as one conversation with a server: WORKSPACE_SECONDS
GIVE_UP_AFTER: Final = timedelta(seconds=60)
RESEND_AFTER: Final = timedelta(seconds=20)
LOST_AFTER: Final = timedelta(seconds=20)
MAX_TRIES: Final = 3

SAME_CONTENT: Final = (DraftStatus.CHECKING, DraftStatus.CHECKED, DraftStatus.RELEASING)
"""While a draft is in one of these, the same content brought again is that draft."""

# What the author can mend, by what the wrapper calls it.
AUTHORS_FAULTS: Final[Mapping[str, str]] = {
    "workspace_too_large": "draft_too_large",
    "too_many_files": "draft_too_large",
    "too_deep": "draft_too_large",
    "file_too_large": "draft_too_large",
    "answer_too_large": "draft_too_large",
    "unsafe_name": "draft_file_name",
}


@dataclass
class DraftSweep:
    """Drafts to send again: collections with their factory, checks and releases by id."""

    collects: list[tuple[int, str]] = field(default_factory=list)
    checks: list[int] = field(default_factory=list)
    releases: list[int] = field(default_factory=list)


def collect_draft(draft_id: int, *, connect: WorkspaceConnector = connect_workspace) -> bool:
    """Store the files that the author's server holds, else those of the newest snapshot; whether to check them now.

    A server that does not answer is asked again by the sweep for a while; then the author is told, rather than
    given older files in silence.
    """
    draft = LabDraft.objects.select_related("lab", "base", "workspace").get(pk=draft_id)
    if draft.status != DraftStatus.COLLECTING:
        return False
    try:
        return collect(draft, connect)
    except StaleStateError:
        return False
    except Exception as error:  # a server's wrong answer or a fault of ours: nobody waits for ever
        logger.exception("draft %s: not collected", draft.public_id)
        give_up_or_wait(draft, error)
        return False


def collect(draft: LabDraft, connect: WorkspaceConnector) -> bool:
    session = find_session_at_press(draft)
    if session is None:
        return keep(draft, draft.workspace.current_snapshot if draft.workspace else None)
    if session.status == SessionStatus.READY:
        with connect(session) as workspace:
            snapshot = save_snapshot(session, workspace, Snapshot.Cause.SUBMIT)
        if session.workspace.unsaved_reason == "unsaved_name":  # a file would be missing without a word
            move_draft(draft, DraftStatus.FAILED, reason="draft_file_name")
            return False
        return keep(draft, snapshot)
    if session.is_active:
        leave_to_sweep(draft)  # its stop is saving a snapshot
        return False
    saved = session.snapshots.filter(Q(cause=Snapshot.Cause.STOP) | Q(created_at__gte=draft.requested_at))
    if (last := saved.first()) is None:
        move_draft(draft, DraftStatus.FAILED, reason="draft_server_ended")
        return False
    return keep(draft, last)


def find_session_at_press(draft: LabDraft) -> LabSession | None:
    """The session whose server held the source when it was to be brought back; it may have ended since."""
    return (
        reachable_sessions()
        .filter(workspace=draft.workspace_id)
        .filter(
            Q(status__in=[SessionStatus.READY, SessionStatus.STOPPING])
            | Q(ready_at__isnull=False, ended_at__gte=draft.requested_at)
        )
        .first()
    )


def keep(draft: LabDraft, snapshot: Snapshot | None) -> bool:
    """Make the snapshot's files the draft's. The same content as another draft, or as the release, is no new one."""
    if snapshot is None or not snapshot.files:
        move_draft(draft, DraftStatus.FAILED, reason="draft_empty")
        return False
    now = timezone.now()
    stored = {
        "files": snapshot.files,
        "content_hash": snapshot.content_hash,
        "saved_at": snapshot.saved_at,
        "collected_at": now,
    }
    if snapshot.files == draft.base.source_files:
        move_draft(draft, DraftStatus.FAILED, reason="draft_unchanged", **stored)
        return False
    try:
        if (same := find_same(draft, snapshot.content_hash)) is None:
            with transaction.atomic():
                move_draft(
                    draft, DraftStatus.CHECKING, reason="draft_collected", sent_at=now, tries=0, **stored
                )
            return True
    except IntegrityError:  # another press brought the same at this moment
        same = find_same(draft, snapshot.content_hash)
    move_draft(draft, DraftStatus.DISCARDED, reason="same_draft", same_as=same, **stored)
    return False


def find_same(draft: LabDraft, content_hash: str) -> LabDraft | None:
    others = LabDraft.objects.filter(cohort=draft.cohort_id, base=draft.base_id, status__in=SAME_CONTENT)
    return others.filter(content_hash=content_hash).first()


def give_up_or_wait(draft: LabDraft, error: Exception) -> None:
    """Faults that the author can mend are said at once; others only after further tries, and for no outage."""
    reason = AUTHORS_FAULTS.get(error.reason, "") if isinstance(error, LabError) else ""
    session = find_session_at_press(draft)
    hub = session.hub if session else None
    if not reason and is_worth_waiting(hub, since=draft.requested_at, patience=GIVE_UP_AFTER):
        leave_to_sweep(draft)
        return
    reason = reason or "draft_not_collected"
    try:
        move_draft(draft, DraftStatus.FAILED, reason=reason)
    except StaleStateError:
        return


def leave_to_sweep(draft: LabDraft) -> None:
    """End the lease at once: the next sweep sends the draft again."""
    over = timezone.now() - COLLECT_LEASE
    LabDraft.objects.filter(pk=draft.pk, status=DraftStatus.COLLECTING).update(sent_at=over)


def reconcile_drafts(now: datetime | None = None) -> DraftSweep:
    """Drafts whose worker was lost, or that were forgotten; after MAX_TRIES a check or a release has failed."""
    now = now or timezone.now()
    is_free = Q(claimed_at__isnull=True) | Q(claimed_at__lt=now - LOST_AFTER)
    sweep = DraftSweep()
    for draft in claim_forgotten(Q(status=DraftStatus.COLLECTING), now, COLLECT_LEASE):
        sweep.collects.append((draft.pk, draft.cohort.factory.slug))
    for draft in claim_forgotten(Q(is_free, status=DraftStatus.CHECKING), now, RESEND_AFTER):
        if not fail_when_tried_enough(draft, reason="draft_not_checked"):
            sweep.checks.append(draft.pk)
    for draft in claim_forgotten(Q(status=DraftStatus.RELEASING), now, RESEND_AFTER):
        if not fail_when_tried_enough(draft, reason="draft_not_released"):
            sweep.releases.append(draft.pk)
    return sweep


def claim_forgotten(which: Q, now: datetime, lease: timedelta) -> Iterator[LabDraft]:
    """Each to one sweep only."""
    for draft in LabDraft.objects.filter(which, sent_at__lte=now - lease).select_related("cohort__factory"):
        if LabDraft.objects.filter(pk=draft.pk, sent_at=draft.sent_at).update(sent_at=now):
            yield draft


def fail_when_tried_enough(draft: LabDraft, *, reason: str) -> bool:
    if draft.tries < MAX_TRIES:
        return False
    try:
        move_draft(draft, DraftStatus.FAILED, reason=reason)
    except StaleStateError:
        return False
    return True
