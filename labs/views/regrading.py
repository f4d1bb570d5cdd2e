"""Having attempts graded again: one from its own page, a lab's from a page that says first what will happen."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from courses.access import taught_cohort_for
from courses.models import Cohort
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import lab_units_of, regraded_submission_for
from labs.exceptions import RefusedError
from labs.models import LabUnit
from labs.reasons import sentence_for
from labs.services import regrading
from labs.services.lab_units import find_title


@login_required
@require_GET
def lab_regrade(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> HttpResponse:
    cohort, lab_unit = _find_lab(request, cohort_id, lab_slug)
    attempts = regrading.find_regradable(cohort, lab_unit)
    context = {
        "cohort": cohort,
        "lab_unit": lab_unit,
        "lab_title": find_title(cohort.release, lab_slug, get_language() or ""),
        "attempt_count": attempts.count(),
        "learner_count": attempts.order_by().values("enrolment").distinct().count(),
        "section": "teaching",
    }
    return render(request, "labs/lab_regrade.html", context)


@press_requires_login
def lab_regrade_start(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> HttpResponse:
    cohort, lab_unit = _find_lab(request, cohort_id, lab_slug)
    count = regrading.regrade_lab(cohort, lab_unit, actor=request.user)
    if count:
        words = ngettext(
            "%(count)s attempt is graded again, behind the learners who wait.",
            "%(count)s attempts are graded again, behind the learners who wait.",
            count,
        )
        messages.success(request, words % {"count": count})
    else:
        messages.info(request, _("There was nothing to grade again."))
    return redirect("labs:cohort-submissions", cohort_id, lab_slug)


@press_requires_login
def submission_regrade(request: SignedInRequest, submission_id: UUID) -> HttpResponse:
    found = regraded_submission_for(request.user, submission_id)
    try:
        regrading.regrade(found, actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
    else:
        messages.success(request, _("The attempt is graded again, behind the learners who wait."))
    return redirect("labs:submission", submission_id)


def _find_lab(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> tuple[Cohort, LabUnit]:
    cohort = taught_cohort_for(request.user, cohort_id)
    return cohort, get_object_or_404(lab_units_of(cohort.release), unit__slug=lab_slug)
