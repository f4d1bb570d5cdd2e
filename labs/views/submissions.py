"""A submission with its mark and feedback, for the learner, their team and staff; a cohort's submissions of a lab."""

from http import HTTPStatus
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from courses.access import taught_cohort_for
from courses.models import User
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import (
    authored_cohorts_for,
    can_grade,
    can_pause,
    graded_submission_for,
    lab_units_of,
    submission_for,
)
from labs.exceptions import RefusedError
from labs.models import GradingPause, Submission
from labs.nbgrader import FeedbackDetail
from labs.reasons import sentence_for
from labs.services.attempts import Attempt, find_attempt, find_newer, find_same_before
from labs.services.checks import find_check_result
from labs.services.cohort_labs import CohortLab, Neighbours, find_cohort_lab, find_neighbours
from labs.services.feedback import find_feedback
from labs.services.first_look import count_untested, find_first_look
from labs.services.grading_pauses import find_open_pause
from labs.services.grading_queue import QueuePlace, find_place
from labs.services.hand_grading import grade_by_hand
from labs.services.lab_units import find_title
from labs.services.page_versions import make_version
from labs.services.run_history import find_run_history
from labs.views.responses import render_polled
from labs.views.score_sheet import ScoreSheet, make_sheet
from labs.work.attempt_limits import find_attempt_limits

REGRADING_SECONDS: Final = 10
LONGEST_NUMBER: Final = 19
"""Digits that a database's number can have."""


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
        is_at_rest=not context["poll_seconds"],
    )


@press_requires_login
def submission_grade(request: SignedInRequest, submission_id: UUID) -> HttpResponse:
    """Save what an instructor gives the cells; what somebody else saved meanwhile is shown, not overwritten."""
    found = graded_submission_for(request.user, submission_id)
    attempt = find_attempt(found)
    run = attempt.run
    if run is None or not attempt.is_graded or request.POST.get("run") != str(run.public_id):
        messages.warning(request, _("This attempt was graded anew in the meantime, so nothing was saved."))
        return redirect("labs:submission", submission_id)
    sheet = make_sheet(run, request.POST, seen=_number(request.POST.get("seen")))
    status = _save_scores(request, sheet)
    if status == HTTPStatus.OK:
        return _go_on(request, found)
    return render(request, "labs/submission_detail.html", _context(request.user, found, sheet), status=status)


@login_required
@require_GET
def cohort_submissions(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> HttpResponse:
    cohort = taught_cohort_for(request.user, cohort_id)
    lab_unit = get_object_or_404(lab_units_of(cohort.release), unit__slug=lab_slug)
    cohort_lab = find_cohort_lab(cohort, lab_unit.release.lab)
    is_waiting_only = request.GET.get("show") == "waiting"
    context = {
        "cohort": cohort,
        "lab_title": find_title(cohort.release, lab_slug, get_language() or ""),
        "cohort_lab": cohort_lab,
        "rows": [row for row in cohort_lab.rows if row.is_waiting or not is_waiting_only],
        "is_waiting_only": is_waiting_only,
        "next_waiting": next((row.attempt for row in cohort_lab.rows if row.is_waiting), None),
        "lab_unit": lab_unit,
        "is_author": authored_cohorts_for(request.user).filter(pk=cohort.pk).exists(),
        "pause": find_open_pause(lab_unit.release.lab),
        "can_pause": can_pause(request.user, lab_unit.release.lab, timezone.now()),
        "section": "teaching",
    }
    return render(request, "labs/cohort_submissions.html", context)


def _context(reader: User, found: Submission, sheet: ScoreSheet | None = None) -> dict[str, object]:
    attempt = find_attempt(found)
    cohort = found.enrolment.cohort
    is_own = found.enrolment.learner_id == reader.pk
    place = find_place(attempt.run) if attempt.run and is_own else None
    poll_seconds = _find_poll_seconds(attempt, place)
    return {
        "submission": found,
        "attempt": attempt,
        "cohort": cohort,
        "lab_title": find_title(cohort.release, found.lab.slug, get_language() or ""),
        "is_own": is_own,
        "is_moving": attempt.is_moving,
        "section": "learning" if is_own else "teaching",
        "sentence": _sentence_of(attempt),
        "earlier": find_same_before(found),
        "newer": find_newer(found) if attempt.is_replaced else None,
        "place": place,
        "poll_seconds": poll_seconds,
        "can_regrade": not is_own and _can_be_regraded(attempt),
        **({} if is_own else {"pause": _find_pause(attempt), "runs": find_run_history(found)}),
        "version": make_version(
            found.status,
            attempt.run and (attempt.run.pk, attempt.words, attempt.run.reason),
            quiet=(poll_seconds, attempt.is_regrading, place and place.version),
        ),
        **_result_context(attempt, reader, sheet),
    }


def _find_pause(attempt: Attempt) -> GradingPause | None:
    """What an attempt that is to get a mark, or another one, may wait for."""
    is_on_its_way = attempt.is_moving or attempt.is_regrading
    return find_open_pause(attempt.submission.lab) if is_on_its_way else None


def _find_poll_seconds(attempt: Attempt, place: QueuePlace | None) -> int:
    """How long the page may wait until it asks again; 0 where nothing will change by itself."""
    if place:
        return place.poll_seconds
    if attempt.is_moving:
        return 1
    return REGRADING_SECONDS if attempt.is_regrading else 0


def _can_be_regraded(attempt: Attempt) -> bool:
    """Whether there is an attempt to be graded again, and nothing on its way already."""
    is_idle = not attempt.is_moving and not attempt.is_regrading
    return is_idle and attempt.run is not None and not attempt.is_check


def _result_context(attempt: Attempt, reader: User, sheet: ScoreSheet | None) -> dict[str, object]:
    """What came of a submission once it is graded; only for those who decide about it `sheet` and `neighbours`."""
    run, found = attempt.run, attempt.submission
    if run is None or not attempt.is_graded:
        return {}
    notebooks = find_feedback(run, is_check=attempt.is_check)
    context: dict[str, object] = {"notebooks": notebooks, "first_look": find_first_look(notebooks)}
    if attempt.is_check:
        return context | {
            "check": find_check_result([attempt]),
            "untested": count_untested(run, run.release),
        }
    context["detail"] = run.release.grading.get("feedback", FeedbackDetail.FULL)
    if found.enrolment.learner_id == reader.pk:
        context["limits"] = find_attempt_limits(found.enrolment, found.lab)
    if can_grade(reader, found):
        context |= {"sheet": sheet or make_sheet(run), "neighbours": _find_neighbours(found)}
    return context


def _find_neighbours(found: Submission) -> Neighbours:
    cohort_lab: CohortLab = find_cohort_lab(found.enrolment.cohort, found.lab)
    return find_neighbours(cohort_lab, found)


def _save_scores(request: SignedInRequest, sheet: ScoreSheet) -> HTTPStatus:
    """Save what was entered, where all of it can be; the answer's status, OK where it was saved."""
    if not sheet.is_valid:
        return HTTPStatus.UNPROCESSABLE_ENTITY
    seen = _number(request.POST.get("seen"))
    try:
        changes = grade_by_hand(sheet.run, sheet.given(), actor=request.user, seen=seen)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
        return HTTPStatus.CONFLICT
    messages.success(request, _count_saved(len(changes)))
    return HTTPStatus.OK


def _go_on(request: SignedInRequest, found: Submission) -> HttpResponse:
    """Back to the submission, or to the next one that waits, as the button said."""
    if "next" not in request.POST:
        return redirect("labs:submission", found.public_id)
    after = _find_neighbours(found).after
    if after is None:
        return redirect("labs:cohort-submissions", found.enrolment.cohort.public_id, found.lab.slug)
    return redirect("labs:submission", after.public_id)


def _count_saved(count: int) -> str:
    if not count:
        return _("Nothing was changed.")
    return ngettext("%(count)s cell saved.", "%(count)s cells saved.", count) % {"count": count}


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < LONGEST_NUMBER else 0


def _sentence_of(attempt: Attempt) -> str:
    """What hinders the grading or why there is none; empty while everything goes its way."""
    run = attempt.run
    if attempt.is_handed_in:
        return ""
    if run is None:
        return "" if attempt.is_moving else sentence_for(attempt.submission.reason)
    if run.reason and not attempt.is_graded:
        return sentence_for(run.reason)
    return sentence_for("worker_lost") if run.try_number > 1 and attempt.is_moving else ""
