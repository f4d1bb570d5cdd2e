"""Joining and leaving a cohort."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from courses.exceptions import RefusedError
from courses.models import Cohort, Enrolment, EnrolmentEvent, User
from courses.states import READING_STATUSES, EnrolmentStatus
from courses.transitions import move_enrolment

_REFUSAL_BY_POLICY: Final = {
    Cohort.Policy.CODE: "needs_code",
    Cohort.Policy.APPROVAL: "needs_approval",
    Cohort.Policy.INVITATION: "needs_invitation",
}


@transaction.atomic(durable=True)
def enrol(cohort: Cohort, learner: User, *, actor: User, now: datetime | None = None) -> Enrolment:
    """Take a learner in, or put them on the waiting list of a full cohort; enrolling twice changes nothing.

    Refuses (RefusedError) when the cohort is over or does not take everybody in.
    """
    cohort = Cohort.objects.select_for_update().get(pk=cohort.pk)  # capacity is counted under this lock
    found = Enrolment.objects.filter(cohort=cohort, learner=learner).first()
    if found is not None and found.status != EnrolmentStatus.WITHDRAWN:
        return found
    reason = find_refusal(cohort, now or timezone.now())
    if reason:
        raise RefusedError(reason=reason)
    to = EnrolmentStatus.ACTIVE if _has_place(cohort) else EnrolmentStatus.WAITLISTED
    if found is not None:
        move_enrolment(found, to, actor=actor, reason="enrolled again")
        return found
    enrolment = Enrolment.objects.create(cohort=cohort, learner=learner, status=to)
    EnrolmentEvent.objects.create(enrolment=enrolment, after=to, reason="enrolled", actor=actor)
    return enrolment


def find_refusal(cohort: Cohort, now: datetime) -> str | None:
    """Why a cohort takes in nobody who just asks, as a reason; None when it does."""
    if cohort.is_over(now):
        return "over"
    return _REFUSAL_BY_POLICY.get(Cohort.Policy(cohort.policy))


@transaction.atomic(durable=True)
def withdraw(enrolment: Enrolment, *, actor: User) -> None:
    """Leave a cohort; progress is kept. The place goes to whoever has waited longest."""
    cohort = Cohort.objects.select_for_update().get(pk=enrolment.cohort_id)
    enrolment.refresh_from_db(fields=["status"])
    if enrolment.status == EnrolmentStatus.WITHDRAWN:
        return
    if enrolment.status == EnrolmentStatus.COMPLETED:
        raise RefusedError(reason="completed")
    move_enrolment(enrolment, EnrolmentStatus.WITHDRAWN, actor=actor, reason="withdrawn")
    _fill_places(cohort)


def _has_place(cohort: Cohort) -> bool:
    if cohort.capacity is None:
        return True
    return cohort.enrolments.filter(status__in=READING_STATUSES).count() < cohort.capacity


def _fill_places(cohort: Cohort) -> None:
    waiting = cohort.enrolments.filter(status=EnrolmentStatus.WAITLISTED).order_by("changed_at", "pk")
    for enrolment in waiting:
        if not _has_place(cohort):
            return
        move_enrolment(enrolment, EnrolmentStatus.ACTIVE, reason="place free")
