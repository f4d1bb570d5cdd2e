"""The only code that writes `status`: one compare-and-set and one event row, in one transaction."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import models, transaction
from django.utils import timezone

from courses.models import Enrolment, User
from labs.exceptions import IllegalMoveError, StaleStateError
from labs.models import (
    FactoryAccount,
    FactoryAccountEvent,
    Grader,
    GraderEvent,
    GradingRun,
    GradingRunEvent,
    Hub,
    LabDraft,
    LabDraftEvent,
    LabRelease,
    LabSession,
    LabSessionEvent,
    Submission,
    SubmissionEvent,
    Workspace,
)
from labs.models.events import StatusEvent
from labs.states import (
    ACCOUNT_MOVES,
    DRAFT_MOVES,
    GRADING_MOVES,
    SESSION_MOVES,
    SUBMISSION_MOVES,
    AccountStatus,
    DraftStatus,
    GradingStatus,
    SessionStatus,
    SubmissionStatus,
)

Status = TypeVar("Status", bound=models.TextChoices)

UNSENT: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""`sent_at` of a session whose task nobody has queued: the next sweep does."""


def _move(
    row: Any,
    to: Status,
    moves: Mapping[Status, frozenset[Status]],
    event: StatusEvent,
    fields: Mapping[str, Any],
) -> None:
    before = type(to)(row.status)
    if to not in moves[before]:
        raise IllegalMoveError(f"{row._meta.label} {row.pk}: {before} -> {to}")
    won = type(row)._default_manager.filter(pk=row.pk, status=before).update(status=to, **fields)
    if not won:
        raise StaleStateError(f"{row._meta.label} {row.pk} is no longer {before}")
    event.before, event.after = before, to
    event.save()
    row.refresh_from_db()


@transaction.atomic
def move_session(
    session: LabSession, to: SessionStatus, *, actor: User | None = None, reason: str = "", **fields: Any
) -> None:
    """IllegalMoveError is a bug; StaleStateError means that somebody else was first: the loser stops."""
    event = LabSessionEvent(session=session, reason=reason, actor=actor)
    _move(session, to, SESSION_MOVES, event, {"reason": reason, **fields})


@transaction.atomic
def open_session(
    workspace: Workspace,
    release: LabRelease,
    hub: Hub,
    *,
    enrolment: Enrolment | None = None,
    actor: User | None = None,
    **fields: Any,
) -> LabSession:
    """A new session in `requested`; IntegrityError where the workspace has one that has not ended."""
    session = LabSession.objects.create(
        workspace=workspace,
        learner=workspace.owner,
        lab=workspace.lab,
        release=release,
        hub=hub,
        enrolment=enrolment,
        **fields,
    )
    LabSessionEvent.objects.create(
        session=session, after=SessionStatus.REQUESTED, reason="requested", actor=actor
    )
    return session


def become_ready(session: LabSession, now: datetime) -> None:
    """Move a session whose files are in place to `ready`: its time, and the time without activity, begin.

    That of a job began when Slurm started it.
    """
    minutes = session.minutes or session.hub.minutes_max
    job = session.jobs.filter(ended_at=None).first() if session.flavour_id else None
    ends_at = job.ends_at if job and job.ends_at else now + timedelta(minutes=minutes)
    move_session(
        session,
        SessionStatus.READY,
        reason="files_in_place",
        ready_at=now,
        active_at=now,
        ends_at=ends_at,
    )


def begin_stop(
    session: LabSession,
    *,
    reason: str,
    actor: User | None = None,
    is_restarting: bool = False,
    **fields: Any,
) -> None:
    """Move a session to `stopping`, and keep why."""
    now = timezone.now()
    times = {"stop_requested_at": now, "sent_at": now, **fields}
    move_session(
        session,
        SessionStatus.STOPPING,
        actor=actor,
        reason=reason,
        stop_reason=reason,
        is_restarting=is_restarting,
        **times,
    )


def note_session(session: LabSession, *, reason: str, actor: User | None = None) -> None:
    """An event without a move, for the learner to read; once, however often it happens in a row."""
    newest = session.events.last()
    if newest is None or newest.reason != reason:
        LabSessionEvent.objects.create(
            session=session, before=session.status, after=session.status, reason=reason, actor=actor
        )


@transaction.atomic
def move_submission(
    submission: Submission,
    to: SubmissionStatus,
    *,
    actor: User | None = None,
    reason: str = "",
    **fields: Any,
) -> None:
    """As `move_session`."""
    event = SubmissionEvent(submission=submission, reason=reason, actor=actor)
    _move(submission, to, SUBMISSION_MOVES, event, {"reason": reason, **fields})


@transaction.atomic
def move_grading(
    run: GradingRun, to: GradingStatus, *, actor: User | None = None, reason: str = "", **fields: Any
) -> None:
    """As `move_session`."""
    event = GradingRunEvent(run=run, reason=reason, actor=actor)
    _move(run, to, GRADING_MOVES, event, {"reason": reason, **fields})


@transaction.atomic
def move_grader(
    grader: Grader, to: SessionStatus, *, actor: User | None = None, reason: str = "", **fields: Any
) -> None:
    """As `move_session`, whose states a grader has."""
    event = GraderEvent(grader=grader, reason=reason, actor=actor)
    _move(grader, to, SESSION_MOVES, event, {"reason": reason, **fields})


@transaction.atomic
def move_draft(
    draft: LabDraft, to: DraftStatus, *, actor: User | None = None, reason: str = "", **fields: Any
) -> None:
    """As `move_session`."""
    event = LabDraftEvent(draft=draft, reason=reason, actor=actor)
    _move(draft, to, DRAFT_MOVES, event, {"reason": reason, **fields})


@transaction.atomic
def move_account(
    account: FactoryAccount, to: AccountStatus, *, actor: User | None = None, reason: str = "", **fields: Any
) -> None:
    """As `move_session`."""
    event = FactoryAccountEvent(account=account, reason=reason, actor=actor)
    _move(account, to, ACCOUNT_MOVES, event, {"reason": reason, **fields})


def note_account(account: FactoryAccount, *, reason: str, actor: User | None = None) -> None:
    """An event without a move."""
    FactoryAccountEvent.objects.create(
        account=account, before=account.status, after=account.status, reason=reason, actor=actor
    )
