from datetime import timedelta

import pytest

from courses.exceptions import RefusedError
from courses.models import Cohort, Enrolment, User
from courses.services.enrolments import enrol, withdraw
from courses.states import EnrolmentStatus
from tests.factories import courses as make


def test_an_open_cohort_takes_a_learner_in_at_once(cohort: Cohort, ada: User) -> None:
    enrolment = enrol(cohort, ada, actor=ada)

    assert enrolment.status == EnrolmentStatus.ACTIVE
    event = enrolment.events.get()
    assert (event.before, event.after, event.actor) == ("", EnrolmentStatus.ACTIVE, ada)


def test_enrolling_twice_changes_nothing(cohort: Cohort, ada: User) -> None:
    first = enrol(cohort, ada, actor=ada)
    second = enrol(cohort, ada, actor=ada)

    assert first == second
    assert first.events.count() == 1


def test_enrolling_after_completing_changes_nothing(enrolment: Enrolment, ada: User) -> None:
    Enrolment.objects.update(status=EnrolmentStatus.COMPLETED)

    assert enrol(enrolment.cohort, ada, actor=ada).status == EnrolmentStatus.COMPLETED


def test_a_full_cohort_puts_a_learner_on_the_waiting_list(
    cohort: Cohort, enrolment: Enrolment, eve: User
) -> None:
    Cohort.objects.filter(pk=cohort.pk).update(capacity=1)

    assert enrol(cohort, eve, actor=eve).status == EnrolmentStatus.WAITLISTED


def test_those_who_completed_still_hold_their_place(cohort: Cohort, enrolment: Enrolment, eve: User) -> None:
    Cohort.objects.filter(pk=cohort.pk).update(capacity=1)
    Enrolment.objects.filter(pk=enrolment.pk).update(status=EnrolmentStatus.COMPLETED)

    assert enrol(cohort, eve, actor=eve).status == EnrolmentStatus.WAITLISTED


def test_a_cohort_that_is_over_refuses(cohort: Cohort, ada: User) -> None:
    with pytest.raises(RefusedError) as refusal:
        enrol(cohort, ada, actor=ada, now=cohort.ends_at)

    assert refusal.value.reason == "over"
    assert not Enrolment.objects.exists()


def test_a_cohort_takes_learners_in_before_it_starts(cohort: Cohort, ada: User) -> None:
    before = cohort.starts_at - timedelta(days=30)

    assert enrol(cohort, ada, actor=ada, now=before).status == EnrolmentStatus.ACTIVE


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (Cohort.Policy.CODE, "needs_code"),
        (Cohort.Policy.APPROVAL, "needs_approval"),
        (Cohort.Policy.INVITATION, "needs_invitation"),
    ],
)
def test_a_cohort_that_is_not_open_to_everybody_refuses_and_says_how_to_join(
    cohort: Cohort, ada: User, policy: Cohort.Policy, reason: str
) -> None:
    Cohort.objects.filter(pk=cohort.pk).update(policy=policy)

    with pytest.raises(RefusedError) as refusal:
        enrol(cohort, ada, actor=ada)

    assert refusal.value.reason == reason


def test_withdrawing_keeps_the_row_and_gives_the_place_to_whoever_waited_longest(
    cohort: Cohort, enrolment: Enrolment, ada: User
) -> None:
    Cohort.objects.filter(pk=cohort.pk).update(capacity=1)
    cohort.refresh_from_db()
    first, second = make.UserFactory.create(), make.UserFactory.create()
    enrol(cohort, first, actor=first)
    enrol(cohort, second, actor=second)

    withdraw(enrolment, actor=ada)

    assert enrolment.status == EnrolmentStatus.WITHDRAWN
    assert Enrolment.objects.get(learner=first).status == EnrolmentStatus.ACTIVE
    assert Enrolment.objects.get(learner=second).status == EnrolmentStatus.WAITLISTED
    assert [event.actor for event in Enrolment.objects.get(learner=first).events.all()] == [first, None]


def test_withdrawing_twice_is_withdrawing_once(enrolment: Enrolment, ada: User) -> None:
    withdraw(enrolment, actor=ada)
    withdraw(enrolment, actor=ada)

    assert enrolment.events.count() == 1


def test_nobody_withdraws_from_a_course_that_they_completed(enrolment: Enrolment, ada: User) -> None:
    Enrolment.objects.update(status=EnrolmentStatus.COMPLETED)

    with pytest.raises(RefusedError) as refusal:
        withdraw(enrolment, actor=ada)

    assert refusal.value.reason == "completed"


def test_a_learner_who_left_can_come_back(enrolment: Enrolment, ada: User) -> None:
    withdraw(enrolment, actor=ada)

    again = enrol(enrolment.cohort, ada, actor=ada)

    assert again == enrolment
    assert again.status == EnrolmentStatus.ACTIVE
