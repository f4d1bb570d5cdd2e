"""One test over all pairs of states reads the same table that the transitions read."""

import itertools

import pytest

from courses.exceptions import IllegalMoveError, StaleStateError
from courses.models import Enrolment, User
from courses.states import ENROLMENT_MOVES, EnrolmentStatus
from courses.transitions import move_enrolment

PAIRS = list(itertools.product(EnrolmentStatus, EnrolmentStatus))
LEGAL = [(before, to) for before, to in PAIRS if to in ENROLMENT_MOVES[before]]
ILLEGAL = [pair for pair in PAIRS if pair not in LEGAL]


@pytest.mark.parametrize(("before", "to"), LEGAL)
def test_a_legal_move_is_made_and_leaves_one_event(
    enrolment: Enrolment, ben: User, before: EnrolmentStatus, to: EnrolmentStatus
) -> None:
    Enrolment.objects.filter(pk=enrolment.pk).update(status=before)
    enrolment.refresh_from_db()

    move_enrolment(enrolment, to, actor=ben, reason="because")

    assert Enrolment.objects.get(pk=enrolment.pk).status == to
    event = enrolment.events.get()
    assert (event.before, event.after, event.reason, event.actor) == (before, to, "because", ben)


@pytest.mark.parametrize(("before", "to"), ILLEGAL)
def test_an_illegal_move_raises_and_changes_nothing(
    enrolment: Enrolment, before: EnrolmentStatus, to: EnrolmentStatus
) -> None:
    Enrolment.objects.filter(pk=enrolment.pk).update(status=before)
    enrolment.refresh_from_db()

    with pytest.raises(IllegalMoveError):
        move_enrolment(enrolment, to)

    assert Enrolment.objects.get(pk=enrolment.pk).status == before
    assert not enrolment.events.exists()


def test_whoever_comes_second_is_told_and_writes_no_event(enrolment: Enrolment) -> None:
    seen_before = Enrolment.objects.get(pk=enrolment.pk)
    move_enrolment(enrolment, EnrolmentStatus.WITHDRAWN)

    with pytest.raises(StaleStateError):
        move_enrolment(seen_before, EnrolmentStatus.COMPLETED)

    assert Enrolment.objects.get(pk=enrolment.pk).status == EnrolmentStatus.WITHDRAWN
    assert enrolment.events.count() == 1
