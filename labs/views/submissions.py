"""A submission with its mark and feedback, for the learner, their team and staff; a cohort's submissions of a lab."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses.access import taught_cohort_for
from courses.models import User
from courses.views.requests import SignedInRequest
from labs.access import authored_cohorts_for, lab_units_of, submission_for
from labs.models import Submission
from labs.reasons import sentence_for
from labs.services.attempts import Attempt, find_attempt
from labs.services.cohort_labs import find_cohort_lab
from labs.services.feedback import find_feedback
from labs.services.lab_units import find_title
from labs.services.panels import make_version
from labs.views.responses import render_polled


@login_required
@require_GET
def submission(request: SignedInRequest, submission_id: UUID) -> HttpResponse:
    found = submission_for(request.user, submission_id)
    return render(request, "labs/submission_detail.html", _context(request.user, found))


@login_required
@require_GET
def submission_status(request: SignedInRequest, submission_id: UUID) -> HttpResponse:
    context = _context(request.user, submission_for(request.user, submission_id))
    return render_polled(
        request,
        "labs/_submission_status.html",
        context,
        version=str(context["version"]),
        is_at_rest=not context["is_moving"],
    )


@login_required
@require_GET
def cohort_submissions(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> HttpResponse:
    cohort = taught_cohort_for(request.user, cohort_id)
    lab_unit = get_object_or_404(lab_units_of(cohort.release), unit__slug=lab_slug)
    context = {
        "cohort": cohort,
        "lab_title": find_title(cohort.release, lab_slug, get_language() or ""),
        "cohort_lab": find_cohort_lab(cohort, lab_unit.release.lab),
        "lab_unit": lab_unit,
        "is_author": authored_cohorts_for(request.user).filter(pk=cohort.pk).exists(),
        "section": "teaching",
    }
    return render(request, "labs/cohort_submissions.html", context)


def _context(reader: User, found: Submission) -> dict[str, object]:
    attempt = find_attempt(found)
    cohort = found.enrolment.cohort
    is_own = found.enrolment.learner_id == reader.pk
    return {
        "submission": found,
        "attempt": attempt,
        "cohort": cohort,
        "lab_title": find_title(cohort.release, found.lab.slug, get_language() or ""),
        "is_own": is_own,
        "is_moving": attempt.is_moving,
        "section": "learning" if is_own else "teaching",
        "sentence": _sentence_of(attempt),
        "notebooks": find_feedback(attempt.run) if attempt.run and attempt.is_graded else [],
        "earlier": _find_same_before(found),
        "version": make_version(
            found.status, attempt.run and (attempt.run.pk, attempt.words, attempt.run.reason)
        ),
    }


def _sentence_of(attempt: Attempt) -> str:
    """What hinders the grading or why there is none; empty while everything goes its way."""
    run = attempt.run
    if run is None:
        return "" if attempt.is_moving else sentence_for(attempt.submission.reason)
    if run.reason and not attempt.is_graded:
        return sentence_for(run.reason)
    return sentence_for("worker_lost") if run.try_number > 1 and attempt.is_moving else ""


def _find_same_before(found: Submission) -> Submission | None:
    """The attempt that a submission without changes repeats."""
    if found.attempt is not None or not found.content_hash:
        return None
    attempts = Submission.objects.filter(
        enrolment=found.enrolment_id, lab=found.lab_id, attempt__isnull=False
    )
    return attempts.filter(content_hash=found.content_hash).order_by("-attempt").first()
