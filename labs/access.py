"""Who may see and do what in labs: the one place that decides. A stranger gets 404, never 403."""

from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404

from courses.access import taught_cohorts_for
from courses.models import User
from labs.models import LabSession, Submission
from labs.states import ACTIVE_SESSION_STATUSES


def active_sessions_for(user: User | AnonymousUser) -> list[LabSession]:
    if not user.is_authenticated:
        return []
    return list(
        LabSession.objects.filter(learner=user, status__in=ACTIVE_SESSION_STATUSES).select_related(
            "lab", "hub__factory"
        )
    )


def own_sessions_for(user: User) -> QuerySet[LabSession]:
    return LabSession.objects.filter(learner=user).select_related(
        "lab__course", "release", "hub__factory", "learner", "enrolment__cohort"
    )


def lab_session_for(user: User, public_id: UUID) -> LabSession:
    """A session is its learner's alone: to open it is to act as them."""
    return get_object_or_404(own_sessions_for(user), public_id=public_id)


def submissions_for(user: User) -> QuerySet[Submission]:
    """A learner's own submissions, and those of cohorts that a person teaches or is staff for."""
    return Submission.objects.filter(
        Q(enrolment__learner=user) | Q(enrolment__cohort__in=taught_cohorts_for(user))
    ).select_related("lab__course", "release", "enrolment__learner", "enrolment__cohort__factory")


def submission_for(user: User, public_id: UUID) -> Submission:
    return get_object_or_404(submissions_for(user), public_id=public_id)
