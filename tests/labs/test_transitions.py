"""The tables of moves are the law: every pair of states is tried against the same table that the code reads."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from labs.exceptions import IllegalMoveError, StaleStateError
from labs.models import LabSession
from labs.states import (
    DRAFT_MOVES,
    GRADING_MOVES,
    SESSION_MOVES,
    SUBMISSION_MOVES,
    DraftStatus,
    GradingStatus,
    SessionStatus,
    SubmissionStatus,
)
from labs.transitions import move_draft, move_grading, move_session, move_submission
from tests.factories import labs as make

MACHINES: dict[str, tuple[Callable[..., Any], Callable[..., None], Any, Any]] = {
    "session": (make.LabSessionFactory.create, move_session, SESSION_MOVES, SessionStatus),
    "submission": (make.SubmissionFactory.create, move_submission, SUBMISSION_MOVES, SubmissionStatus),
    "draft": (make.LabDraftFactory.create, move_draft, DRAFT_MOVES, DraftStatus),
    "grading": (make.GradingRunFactory.create, move_grading, GRADING_MOVES, GradingStatus),
}
PAIRS = [
    (machine, before, after)
    for machine, (_create, _move, _moves, states) in MACHINES.items()
    for before, after in product(states, repeat=2)
]


@pytest.mark.django_db
@pytest.mark.parametrize(("machine", "before", "after"), PAIRS)
def test_only_the_moves_of_the_table_are_made(machine: str, before: Any, after: Any) -> None:
    create, move, moves, _states = MACHINES[machine]
    row = create(status=before)
    if after in moves[before]:
        move(row, after, reason="graded")
        assert row.status == after
        event = row.events.get()
        assert (event.before, event.after, event.reason) == (before, after, "graded")
    else:
        with pytest.raises(IllegalMoveError):
            move(row, after)
        assert type(row).objects.get(pk=row.pk).status == before
        assert not row.events.exists()


@pytest.mark.django_db
def test_the_loser_of_a_race_changes_nothing() -> None:
    session = make.LabSessionFactory.create(status=SessionStatus.READY)
    late = LabSession.objects.get(pk=session.pk)
    move_session(session, SessionStatus.STOPPING, reason="stop_requested")

    with pytest.raises(StaleStateError):
        move_session(late, SessionStatus.FAILED, reason="server_lost")

    session.refresh_from_db()
    assert session.status == SessionStatus.STOPPING
    assert session.events.count() == 1
