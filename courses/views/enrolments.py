"""Joining and leaving a cohort."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from courses import access
from courses.exceptions import RefusedError
from courses.reasons import sentence_for
from courses.services import enrolments
from courses.states import READING_STATUSES
from courses.views.requests import SignedInRequest, press_requires_login


@require_POST
def enrol(request: HttpRequest, cohort: UUID) -> HttpResponse:
    found = access.joinable_cohort(cohort)
    course_page = reverse("courses:course", args=[found.release.course.slug])
    if not request.user.is_authenticated:
        return redirect_to_login(course_page)  # logging in leads back to a page, not to a POST
    try:
        enrolment = enrolments.enrol(found, request.user, actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
        return redirect(course_page)
    if enrolment.status not in READING_STATUSES:
        messages.info(request, _("This cohort is full. You are on its waiting list."))
        return redirect("courses:home")
    return redirect("courses:learn", cohort=found.public_id)


@press_requires_login
def withdraw(request: SignedInRequest, cohort: UUID) -> HttpResponse:
    enrolment = access.own_enrolment_in(request.user, cohort)
    try:
        enrolments.withdraw(enrolment, actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
        return redirect("courses:learn", cohort=cohort)
    messages.success(request, _("You have left the cohort. What you did in it is kept."))
    return redirect("courses:home")
