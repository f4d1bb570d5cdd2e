"""The only code that writes `status`: one compare-and-set and one event row, in one transaction."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import models, transaction

from courses.models import User
from labs.exceptions import IllegalMoveError, StaleStateError
from labs.models import (
    GradingRun,
    GradingRunEvent,
    LabSession,
    LabSessionEvent,
    Submission,
    SubmissionEvent,
)
from labs.models.events import StatusEvent
from labs.states import (
    GRADING_MOVES,
    SESSION_MOVES,
    SUBMISSION_MOVES,
    GradingStatus,
    SessionStatus,
    SubmissionStatus,
)

Status = TypeVar("Status", bound=models.TextChoices)


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


def note_session(session: LabSession, *, reason: str) -> None:
    """An event without a move, for the learner to read; once, however often it happens in a row."""
    newest = session.events.last()
    if newest is None or newest.reason != reason:
        LabSessionEvent.objects.create(
            session=session, before=session.status, after=session.status, reason=reason
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
