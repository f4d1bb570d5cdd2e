"""The lab's part of a unit's page: what it asks for, where the learner stands, start and submit."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses.models import Enrolment, Unit
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import lab_for, lab_units_of
from labs.exceptions import RefusedError
from labs.models import Submission
from labs.reasons import sentence_for
from labs.services.account_needs import find_ending_accounts
from labs.services.finding_panels import find_panel
from labs.services.marks import count_points
from labs.services.session_times import find_limits
from labs.services.sessions import request_session, watch_session
from labs.services.submissions import check_lab, submit_lab
from labs.views.responses import read_press_key, render_polled
from labs.views.sessions import find_last_app, find_wish
from labs.views.uploads import find_upload_form
from labs.work.choices import find_choice


def page_context(
    request: HttpRequest, unit: Unit, enrolment: Enrolment | None, language: str
) -> dict[str, object]:
    """`lab_unit`, `max_points` in words, `limits`, `lab` (a LabPanel, None in a preview); the page has the `text`.

    `last_app` is what the learner last opened a lab in; `upload` says what stands at the form for a notebook file.
    """
    lab_unit = get_object_or_404(lab_units_of(unit.release), unit=unit)
    lab = find_panel(enrolment, lab_unit, language, find_wish(request)) if enrolment else None
    return {
        "lab_unit": lab_unit,
        "max_points": count_points(lab_unit.release.max_score),
        "limits": find_limits(lab_unit.release, lab.hub if lab else None),
        "lab": lab,
        "account_needs": find_ending_accounts(enrolment) if enrolment else [],
        "last_app": find_last_app(request),
        "upload": find_upload_form(request, lab_unit),
    }


@login_required
@require_GET
def lab_panel(request: SignedInRequest, cohort_id: UUID, unit_slug: str) -> HttpResponse:
    enrolment, lab_unit = lab_for(request.user, cohort_id, unit_slug)
    panel = find_panel(enrolment, lab_unit, get_language() or "", find_wish(request))
    if panel.active:
        watch_session(panel.active)
    return render_polled(
        request,
        "labs/_lab_panel.html",
        {"lab": panel, "last_app": find_last_app(request)},
        version=panel.version,
        is_at_rest=panel.is_at_rest,
    )


@press_requires_login
def start(request: SignedInRequest, cohort_id: UUID, unit_slug: str) -> HttpResponse:
    """At the place that the form names, which must be one of the cohort's; else at the recommended one."""
    enrolment, lab_unit = lab_for(request.user, cohort_id, unit_slug)
    key = request.POST.get("place", "")
    choice = find_choice(enrolment, lab_unit.release, key) if key else None
    if key and choice is None:
        raise Http404
    try:
        session = request_session(enrolment, lab_unit, actor=request.user, choice=choice)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
        return redirect("courses:unit", cohort_id, unit_slug)
    return redirect("labs:session", session.public_id)


@press_requires_login
def submit(request: SignedInRequest, cohort_id: UUID, unit_slug: str) -> HttpResponse:
    return _press(request, cohort_id, unit_slug, submit_lab)


@press_requires_login
def check(request: SignedInRequest, cohort_id: UUID, unit_slug: str) -> HttpResponse:
    return _press(request, cohort_id, unit_slug, check_lab)


def _press(
    request: SignedInRequest, cohort_id: UUID, unit_slug: str, service: Callable[..., Submission]
) -> HttpResponse:
    enrolment, lab_unit = lab_for(request.user, cohort_id, unit_slug)
    press_key = read_press_key(request)
    if press_key is None:
        return HttpResponse(status=400)
    try:
        submission = service(enrolment, lab_unit, press_key=press_key, actor=request.user)
    except RefusedError as refusal:
        messages.error(request, sentence_for(refusal.reason))
        return redirect("courses:unit", cohort_id, unit_slug)
    return redirect("labs:submission", submission.public_id)
