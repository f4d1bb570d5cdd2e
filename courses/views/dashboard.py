"""My learning: a person's courses, each with its one next step."""

from collections import defaultdict
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language

from courses import access
from courses.models import Enrolment, UnitProgress, User
from courses.outline import Outline, load_outlines, make_outline
from courses.states import EnrolmentStatus
from courses.unit_kinds import registered_kinds
from courses.views.learning import addresses_in


@dataclass(frozen=True)
class Learning:
    """One enrolment on the dashboard."""

    enrolment: Enrolment
    outline: Outline
    has_started: bool


def show_dashboard(request: HttpRequest, user: User) -> HttpResponse:
    rows = _load_learning(user)
    context = {
        "current": [row for row in rows if row.enrolment.status == EnrolmentStatus.ACTIVE],
        "waiting": [row for row in rows if row.enrolment.status == EnrolmentStatus.WAITLISTED],
        "completed": [row for row in rows if row.enrolment.status == EnrolmentStatus.COMPLETED],
        "panels": [panel for kind in registered_kinds().values() for panel in kind.learning_panels(user)],
        "section": "learning",
    }
    return render(request, "courses/dashboard.html", context)


def _load_learning(user: User) -> list[Learning]:
    """A person's enrolments, what was worked on last first, in a constant number of queries."""
    enrolments = list(
        access.enrolments_for(user).select_related("cohort__release__course", "cohort__factory")
    )
    load_outlines([enrolment.cohort.release for enrolment in enrolments])
    progress: dict[int, list[UnitProgress]] = defaultdict(list)
    for row in UnitProgress.objects.filter(enrolment__in=enrolments):
        progress[row.enrolment_id].append(row)
    enrolments.sort(
        key=lambda each: max((row.changed_at for row in progress[each.pk]), default=each.changed_at),
        reverse=True,
    )
    now = timezone.now()
    return [
        Learning(
            enrolment=enrolment,
            outline=make_outline(
                enrolment.cohort.release,
                get_language() or "",
                addresses_in(enrolment.cohort),
                progress[enrolment.pk],
            ),
            has_started=enrolment.cohort.has_started(now),
        )
        for enrolment in enrolments
    ]
