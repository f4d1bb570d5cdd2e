"""What an author asks for: a session with a lab's source, a draft of it, its release, and the way back."""

import json
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from courses.exceptions import StaleStateError as CohortMovedError
from courses.models import Cohort, CohortMove, Enrolment, User
from courses.services.releasing import move_cohort
from courses.states import READING_STATUSES
from labs import tasks
from labs.blobs import read_blob
from labs.exceptions import RefusedError, StaleStateError
from labs.models import (
    Hub,
    Lab,
    LabDraft,
    LabDraftEvent,
    LabRelease,
    LabSession,
    LabUnit,
    Snapshot,
    Submission,
    Workspace,
)
from labs.services.sessions import create_session, send_on_commit
from labs.services.workspaces import reset_workspace
from labs.states import ACTIVE_SESSION_STATUSES, DraftStatus, SessionStatus
from labs.transitions import move_draft
from labs.work.choices import get_recommended
from labs.work.drafting import find_same

SHOWN: Final = 50
"""How many drafts and moves of a cohort a page lists, the newest first."""


@dataclass(frozen=True)
class Effect:
    """What a release means for the learners of a cohort: how many have begun the lab, how many have submitted."""

    learner_count: int
    begun_count: int
    submitted_count: int


# --- The session -----------------------------------------------------------------------------------


def open_source(cohort: Cohort, lab_unit: LabUnit, *, actor: User) -> LabSession:
    """The author's active session in a lab's source; a new one at the cohort's factory where there is none.

    It never meets what the same person does in the lab as a learner: that is another workspace.
    RefusedError: `cohort_over`, `no_hub`, and those of `get_recommended` and `create_session`.
    """
    if cohort.is_over(timezone.now()):
        raise RefusedError(reason="cohort_over")
    hub = Hub.objects.select_related("factory").filter(factory=cohort.factory_id).first()
    if hub is None:
        raise RefusedError(reason="no_hub")
    workspace, _is_new = Workspace.objects.get_or_create(
        owner=actor, lab=lab_unit.release.lab, purpose=Workspace.Purpose.AUTHOR
    )
    active = find_active_source(workspace)
    if active:
        return active
    choice = None
    if hub.has_slurm:  # what the cohort's learners may use is their team's too
        choice = get_recommended(Enrolment(cohort=cohort, learner=actor), lab_unit.release)
    return create_session(workspace, lab_unit.release, hub, actor=actor, choice=choice)


def reset_source(lab_unit: LabUnit, *, actor: User) -> None:
    """Begin anew with the source of the release that the cohort has; a session that runs is restarted for it.

    RefusedError: `nothing_to_reset` where the author has not opened it yet.
    """
    workspace = find_source(actor, lab_unit.release.lab)
    if workspace is None:
        raise RefusedError(reason="nothing_to_reset")
    reset_workspace(workspace, lab_unit.release.source_files, actor=actor)


def find_beginning(workspace: Workspace, base: LabRelease) -> LabRelease | None:
    """The release whose source the author's files began with."""
    reset = workspace.snapshots.filter(cause=Snapshot.Cause.RESET).first()
    if reset and reset.files == base.source_files:
        return base
    newest = workspace.sessions.select_related("release").first()
    return newest.release if newest else None


def find_source(author: User, lab: Lab) -> Workspace | None:
    workspaces = Workspace.objects.filter(owner=author, lab=lab, purpose=Workspace.Purpose.AUTHOR)
    return workspaces.select_related("wanted", "lab__course").first()


def find_active_source(workspace: Workspace) -> LabSession | None:
    active = workspace.sessions.filter(status__in=ACTIVE_SESSION_STATUSES)
    return active.select_related("hub__factory").first()


def has_work(workspace: Workspace | None, session: LabSession | None) -> bool:
    """Whether there is anything to bring back: a server that holds the source, or a copy of it."""
    if workspace is None:
        return False
    if session is not None and session.status in {SessionStatus.READY, SessionStatus.STOPPING}:
        return True
    return workspace.current_snapshot is not None


# --- Drafts ----------------------------------------------------------------------------------------


def request_draft(cohort: Cohort, lab_unit: LabUnit, *, actor: User) -> LabDraft:
    """Bring the source back as a draft; while it is being fetched every press finds the same one.

    RefusedError: `nothing_to_collect` where the author has neither a server with it nor a copy of it.
    """
    lab = lab_unit.release.lab
    workspace = find_source(actor, lab)
    if workspace is None or not has_work(workspace, find_active_source(workspace)):
        raise RefusedError(reason="nothing_to_collect")
    being_fetched = LabDraft.objects.filter(cohort=cohort, workspace=workspace, status=DraftStatus.COLLECTING)
    if found := being_fetched.first():
        return found
    try:
        with transaction.atomic():
            draft = LabDraft.objects.create(
                cohort=cohort,
                lab=lab,
                author=actor,
                workspace=workspace,
                base=lab_unit.release,
                began_with=find_beginning(workspace, lab_unit.release),
            )
            note_beginning(draft, actor=actor, reason="draft_requested")
            send_on_commit(lambda: tasks.send_draft_collect(draft.pk, cohort.factory.slug))
    except IntegrityError:
        if (first := being_fetched.first()) is None:
            raise
        return first
    return draft


def compare_again(draft: LabDraft, *, actor: User) -> LabDraft:
    """The same files as a draft of the release that the cohort has now; one that there is already is that one.

    RefusedError: `lab_gone`, `draft_unchanged` where the cohort has exactly these files, `nothing_to_collect`.
    """
    base = get_present_release(draft)
    if not draft.files:
        raise RefusedError(reason="nothing_to_collect")
    if base.source_files == draft.files:
        raise RefusedError(reason="draft_unchanged")
    again = LabDraft(
        cohort=draft.cohort,
        lab=draft.lab,
        author=actor,
        workspace=draft.workspace,
        base=base,
        began_with=draft.began_with,
        status=DraftStatus.CHECKING,
        collected_at=timezone.now(),
        saved_at=draft.saved_at,
        files=draft.files,
        content_hash=draft.content_hash,
    )
    if same := find_same(again, draft.content_hash):
        return same
    try:
        with transaction.atomic():
            again.save()
            note_beginning(again, actor=actor, reason="draft_again")
            send_on_commit(lambda: tasks.send_draft_check(again.pk))
    except IntegrityError:
        if (first := find_same(again, draft.content_hash)) is None:
            raise
        return first
    return again


def request_release(draft: LabDraft, *, actor: User) -> None:
    """Release a draft to its cohort; one that is being released, or was, is left alone.

    RefusedError: `draft_not_releasable`, and where the cohort no longer has what it was compared with
    `cohort_moved` or `lab_gone`.
    """
    if draft.status in {DraftStatus.RELEASING, DraftStatus.RELEASED}:
        return
    if not draft.is_releasable:
        raise RefusedError(reason="draft_not_releasable")
    if get_present_release(draft) != draft.base:
        raise RefusedError(reason="cohort_moved")
    with transaction.atomic():
        try:
            move_draft(
                draft,
                DraftStatus.RELEASING,
                actor=actor,
                reason="draft_release_requested",
                sent_at=timezone.now(),
                tries=0,
            )
        except StaleStateError:
            draft.refresh_from_db()
            return
        send_on_commit(lambda: tasks.send_draft_release(draft.pk))


def discard_draft(draft: LabDraft, *, actor: User) -> None:
    """Put a draft aside that nobody wants; one that a worker has, or that was released, is left alone."""
    if draft.status not in {DraftStatus.CHECKED, DraftStatus.FAILED}:
        return
    try:
        move_draft(draft, DraftStatus.DISCARDED, actor=actor, reason="draft_discarded")
    except StaleStateError:
        draft.refresh_from_db()


def note_beginning(draft: LabDraft, *, actor: User, reason: str) -> None:
    LabDraftEvent.objects.create(draft=draft, after=draft.status, actor=actor, reason=reason)


def find_present_release(draft: LabDraft) -> LabRelease | None:
    """The release of the draft's lab that its cohort has now."""
    units = LabUnit.objects.filter(unit__release__cohorts=draft.cohort_id, release__lab=draft.lab_id)
    lab_unit = units.select_related("release").first()
    return lab_unit.release if lab_unit else None


def get_present_release(draft: LabDraft) -> LabRelease:
    """As `find_present_release`; RefusedError (`lab_gone`) where there is none."""
    release = find_present_release(draft)
    if release is None:
        raise RefusedError(reason="lab_gone")
    return release


# --- The cohort's releases -------------------------------------------------------------------------


def undo_move(cohort: Cohort, move: CohortMove, *, actor: User) -> None:
    """Put the cohort back on the release before its newest move; doing so twice is doing so once.

    RefusedError: `move_not_newest`.
    """
    newest = cohort.moves.first()
    if newest and newest.reason == "move_undone" and newest.before_id == move.after_id:
        return
    if newest != move:
        raise RefusedError(reason="move_not_newest")
    try:
        move_cohort(cohort, move.before, expected=move.after, actor=actor, reason="move_undone")
    except CohortMovedError as error:
        raise RefusedError(reason="move_not_newest") from error


def find_moves(cohort: Cohort) -> list[CohortMove]:
    """The newest first."""
    return list(cohort.moves.select_related("before__course", "after__course", "actor")[:SHOWN])


# --- What pages show -------------------------------------------------------------------------------


def find_drafts(cohort: Cohort, lab: Lab) -> QuerySet[LabDraft]:
    """Drafts of a lab for a cohort, the newest first, without those that turned out to be another one."""
    drafts = LabDraft.objects.filter(cohort=cohort, lab=lab, same_as=None)
    return drafts.select_related("author", "released", "base").defer("files", "learner_files", "grade_cells")


def find_effect(cohort: Cohort, lab: Lab) -> Effect:
    learners = cohort.enrolments.filter(status__in=READING_STATUSES)
    begun = Workspace.objects.filter(
        lab=lab, purpose=Workspace.Purpose.LEARN, owner__in=learners.values("learner")
    )
    submitted = Submission.objects.filter(lab=lab, enrolment__in=learners, attempt__isnull=False)
    return Effect(
        learner_count=learners.count(),
        begun_count=begun.count(),
        submitted_count=submitted.values("enrolment").distinct().count(),
    )


def find_comparison(draft: LabDraft) -> dict[str, Any]:
    """What the draft changes (`labs.nbgrader.comparing`); empty while it was not compared."""
    return dict(json.loads(read_blob(draft.comparison))) if draft.comparison else {}


def is_behind(draft: LabDraft) -> bool:
    """Whether somebody else released the lab anew after the author's session had begun with its source."""
    if draft.began_with_id in {None, draft.base_id}:
        return False
    own = LabDraft.objects.filter(released=draft.base_id, workspace__isnull=False)
    return not own.filter(workspace=draft.workspace_id).exists()
