"""A learner's way through a course: its map, its units, marking as done, answering a quiz."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses import access, unit_kinds
from courses.exceptions import RefusedError
from courses.models import Cohort, Enrolment
from courses.outline import Addresses, Outline, load_outlines, make_outline
from courses.reasons import sentence_for
from courses.services import progress, quizzes
from courses.views.requests import SignedInRequest, press_requires_login
from courses.views.unit_page import send_unit_file, show_unit


def addresses_in(cohort: Cohort) -> Addresses:
    """Where a cohort's pages are."""
    return Addresses(
        course=reverse("courses:learn", args=[cohort.public_id]),
        unit=lambda slug: reverse("courses:unit", args=[cohort.public_id, slug]),
    )


@login_required
@require_GET
def course_map(request: SignedInRequest, cohort: UUID) -> HttpResponse:
    enrolment = access.enrolment_for(request.user, cohort)
    now = timezone.now()
    context = {
        "enrolment": enrolment,
        "cohort": enrolment.cohort,
        "outline": _outline_of(enrolment),
        "has_started": enrolment.cohort.has_started(now),
        "is_over": enrolment.cohort.is_over(now),
        "section": "learning",
    }
    return render(request, "courses/course_map.html", context)


@login_required
@require_GET
def unit(request: SignedInRequest, cohort: UUID, unit: str) -> HttpResponse:
    enrolment = access.enrolment_for(request.user, cohort)
    found = access.unit_of(enrolment.cohort.release, unit)
    if not enrolment.cohort.has_started(timezone.now()):
        messages.info(request, sentence_for("not_started"))
        return redirect("courses:learn", cohort=cohort)
    progress.open_unit(enrolment, found.slug)
    return show_unit(request, found, _outline_of(enrolment), enrolment)


@press_requires_login
def mark_done(request: SignedInRequest, cohort: UUID, unit: str) -> HttpResponse:
    """Mark a unit as done and go on to the one after it."""
    enrolment = access.enrolment_for(request.user, cohort)
    found = access.unit_of(enrolment.cohort.release, unit)
    if not unit_kinds.get_kind(found.kind).is_marked_by_learner:
        raise Http404
    if not enrolment.cohort.has_started(timezone.now()):
        return redirect("courses:learn", cohort=cohort)
    progress.complete_unit(enrolment, found.slug)
    outline = _outline_of(enrolment)
    _before, after = outline.around(found.slug)
    return redirect(after.url if after else outline.url)


@press_requires_login
def answer_quiz(request: SignedInRequest, cohort: UUID, unit: str) -> HttpResponse:
    enrolment = access.enrolment_for(request.user, cohort)
    found = access.unit_of(enrolment.cohort.release, unit)
    if found.kind != "quiz":
        raise Http404
    if not enrolment.cohort.has_started(timezone.now()):
        return redirect("courses:learn", cohort=cohort)
    try:
        quizzes.answer_quiz(enrolment, found, dict(request.POST.lists()))
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
    return redirect("courses:unit", cohort=cohort, unit=unit)


@login_required
@require_GET
def unit_file(request: SignedInRequest, cohort: UUID, module: str, path: str) -> FileResponse:
    enrolment = access.enrolment_for(request.user, cohort)
    return send_unit_file(access.unit_file_of(enrolment.cohort.release, module, path))


def _outline_of(enrolment: Enrolment) -> Outline:
    release = enrolment.cohort.release
    load_outlines([release])
    return make_outline(
        release, get_language() or "", addresses_in(enrolment.cohort), enrolment.progress.all()
    )
