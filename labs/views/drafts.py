"""A lab's source for its authors: their session with it, drafts of it, what a release would change, the way back."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import draft_for, source_for
from labs.exceptions import RefusedError
from labs.models import LabDraft
from labs.reasons import sentence_for
from labs.services import drafts
from labs.services.lab_units import find_title
from labs.services.marks import count_points
from labs.services.page_versions import make_version
from labs.states import DraftStatus
from labs.views.draft_words import describe_changes, list_findings, list_hints, list_steps, say_step
from labs.views.responses import redirect_polled, render_polled


@login_required
@require_GET
def source(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> HttpResponse:
    cohort, lab_unit = source_for(request.user, cohort_id, lab_slug)
    release = lab_unit.release
    workspace = drafts.find_source(request.user, release.lab)
    session = drafts.find_active_source(workspace) if workspace else None
    context = {
        "cohort": cohort,
        "lab_title": find_title(cohort.release, lab_slug, get_language() or ""),
        "release": release,
        "points": count_points(release.max_score),
        "session": session,
        "folder": workspace.folder if workspace else "",
        "has_work": drafts.has_work(workspace, session),
        "drafts": drafts.find_drafts(cohort, release.lab)[: drafts.SHOWN],
        "moves": drafts.find_moves(cohort),
        "section": "teaching",
    }
    return render(request, "labs/lab_source.html", context)


@press_requires_login
def start(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> HttpResponse:
    cohort, lab_unit = source_for(request.user, cohort_id, lab_slug)
    try:
        session = drafts.open_source(cohort, lab_unit, actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
        return redirect("labs:source", cohort_id, lab_slug)
    return redirect("labs:session", session.public_id)


@press_requires_login
def collect(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> HttpResponse:
    cohort, lab_unit = source_for(request.user, cohort_id, lab_slug)
    try:
        found = drafts.request_draft(cohort, lab_unit, actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
        return redirect("labs:source", cohort_id, lab_slug)
    return redirect("labs:draft", found.public_id)


@press_requires_login
def reset(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> HttpResponse:
    """Begin anew with the source of the release that the cohort has."""
    _cohort, lab_unit = source_for(request.user, cohort_id, lab_slug)
    try:
        drafts.reset_source(lab_unit, actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
    else:
        said = _("Your session begins anew with the source of release %(number)s of the lab.")
        messages.success(request, said % {"number": lab_unit.release.number})
    return redirect("labs:source", cohort_id, lab_slug)


@press_requires_login
def undo(request: SignedInRequest, cohort_id: UUID, lab_slug: str) -> HttpResponse:
    """Put the cohort back on the release before the move that the form names."""
    cohort, _lab_unit = source_for(request.user, cohort_id, lab_slug)
    try:
        move = cohort.moves.filter(public_id=UUID(request.POST.get("move", ""))).first()
    except ValueError:
        return HttpResponse(status=400)
    if move is None:
        raise Http404
    try:
        drafts.undo_move(cohort, move, actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
    else:
        said = _("%(cohort)s has release %(number)s of the course again.")
        messages.success(request, said % {"cohort": cohort.name, "number": move.before.number})
    return redirect("labs:source", cohort_id, lab_slug)


@login_required
@require_GET
def draft(request: SignedInRequest, draft_id: UUID) -> HttpResponse:
    """A draft that turned out to be another one is that one."""
    found = draft_for(request.user, draft_id)
    if found.same_as:
        messages.info(request, sentence_for(found.reason))
        return redirect("labs:draft", found.same_as.public_id)
    return render(request, "labs/draft_detail.html", _context(found))


@login_required
@require_GET
def draft_status(request: SignedInRequest, draft_id: UUID) -> HttpResponse:
    found = draft_for(request.user, draft_id)
    if found.same_as:
        return redirect_polled("labs:draft", found.public_id)
    context = _context(found)
    return render_polled(
        request,
        "labs/_draft_status.html",
        context,
        version=str(context["version"]),
        is_at_rest=not found.is_moving,
    )


@press_requires_login
def draft_release(request: SignedInRequest, draft_id: UUID) -> HttpResponse:
    found = draft_for(request.user, draft_id)
    try:
        drafts.request_release(found, actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
    return redirect("labs:draft", draft_id)


@press_requires_login
def draft_again(request: SignedInRequest, draft_id: UUID) -> HttpResponse:
    """Compare and check the same files with the release that the cohort has now."""
    try:
        again = drafts.compare_again(draft_for(request.user, draft_id), actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
        return redirect("labs:draft", draft_id)
    return redirect("labs:draft", again.public_id)


@press_requires_login
def draft_discard(request: SignedInRequest, draft_id: UUID) -> HttpResponse:
    found = draft_for(request.user, draft_id)
    drafts.discard_draft(found, actor=request.user)
    return redirect("labs:source", found.cohort.public_id, found.lab.slug)


def _context(found: LabDraft) -> dict[str, object]:
    present = drafts.find_present_release(found)
    is_open = found.status == DraftStatus.CHECKED
    steps = list_steps(found) if found.is_moving else []
    return {
        "draft": found,
        "cohort": found.cohort,
        "lab_title": find_title(found.cohort.release, found.lab.slug, get_language() or ""),
        "has_lab": present is not None,
        "is_outdated": is_open and present != found.base,
        "is_current": found.released is not None and present == found.released,
        "is_behind": is_open and drafts.is_behind(found),
        "effect": drafts.find_effect(found.cohort, found.lab) if found.is_releasable else None,
        "findings": list_findings(found),
        "hints": list_hints(found),
        "changes": describe_changes(drafts.find_comparison(found)),
        "steps": steps,
        "step_words": say_step(steps),
        "sentence": _sentence_of(found),
        "version": make_version(found.status, found.reason),
        "section": "teaching",
    }


def _sentence_of(found: LabDraft) -> str:
    """Why it did not go on; while it is on its way, what hinders it."""
    if found.status == DraftStatus.FAILED or found.reason == "box_unavailable":
        return sentence_for("draft_waits" if found.is_moving else found.reason)
    return ""
