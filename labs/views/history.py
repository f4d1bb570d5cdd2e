"""The history of a learner's work in a lab: look, download, go back, begin anew, take a release's new files."""

from io import BytesIO
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from courses.models import Enrolment
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import lab_for, snapshot_for
from labs.blobs import read_blob
from labs.exceptions import RefusedError
from labs.models import LabUnit, Snapshot
from labs.reasons import sentence_for
from labs.services.history import RETENTION, find_before, find_history, find_version
from labs.services.lab_units import find_title
from labs.services.previews import list_saved_files, make_preview, write_archive
from labs.services.workspaces import (
    dismiss_new_files,
    find_active,
    find_offer,
    reset_lab,
    restore_snapshot,
    take_new_files,
)


@login_required
@require_GET
def history(request: SignedInRequest, cohort_id: UUID, unit_slug: str) -> HttpResponse:
    enrolment, lab_unit = lab_for(request.user, cohort_id, unit_slug)
    found = find_history(enrolment, lab_unit, number=request.GET.get("page"))
    context = {
        **_context(enrolment, lab_unit),
        "history": found,
        "unsaved": sentence_for(found.workspace.unsaved_reason)
        if found.workspace and found.workspace.unsaved_reason
        else "",
        "offer": find_offer(enrolment, lab_unit),
        "retention": RETENTION,
    }
    return render(request, "labs/history.html", context)


@login_required
@require_GET
def history_snapshot(
    request: SignedInRequest, cohort_id: UUID, unit_slug: str, snapshot_id: UUID
) -> HttpResponse:
    enrolment, lab_unit = lab_for(request.user, cohort_id, unit_slug)
    snapshot = snapshot_for(request.user, lab_unit, snapshot_id)
    before = find_before(snapshot)
    files = list_saved_files(snapshot.files, before.files if before else None)
    path = request.GET.get("file") or (files[0].path if files else "")
    if path and path not in snapshot.files:
        raise Http404
    context = {
        **_context(enrolment, lab_unit),
        "version": find_version(snapshot, before),
        "active": find_active(snapshot.workspace),
        "files": [(file, urlencode({"file": file.path})) for file in files],
        "preview": make_preview(path, snapshot.files, before.files if before else {}) if path else None,
    }
    return render(request, "labs/history_snapshot.html", context)


@login_required
@require_GET
def history_file(
    request: SignedInRequest, cohort_id: UUID, unit_slug: str, snapshot_id: UUID
) -> FileResponse:
    snapshot = _find_snapshot(request, cohort_id, unit_slug, snapshot_id)
    path = request.GET.get("file", "")
    if path not in snapshot.files:
        raise Http404
    try:
        content = read_blob(snapshot.files[path])
    except OSError as error:
        raise Http404 from error
    response = FileResponse(
        BytesIO(content),
        content_type="application/octet-stream",
        as_attachment=True,
        filename=path.rpartition("/")[2],
    )
    return _harmless(response)


@login_required
@require_GET
def history_zip(request: SignedInRequest, cohort_id: UUID, unit_slug: str, snapshot_id: UUID) -> FileResponse:
    snapshot = _find_snapshot(request, cohort_id, unit_slug, snapshot_id)
    name = f"{unit_slug}-{snapshot.created_at:%Y-%m-%d-%H%M}"
    return _harmless(
        FileResponse(
            write_archive(snapshot.files, name),
            content_type="application/zip",
            as_attachment=True,
            filename=f"{name}.zip",
        )
    )


@press_requires_login
def history_restore(
    request: SignedInRequest, cohort_id: UUID, unit_slug: str, snapshot_id: UUID
) -> HttpResponse:
    snapshot = _find_snapshot(request, cohort_id, unit_slug, snapshot_id)
    restore_snapshot(snapshot, actor=request.user)
    return redirect("labs:history", cohort_id, unit_slug)


@press_requires_login
def history_reset(request: SignedInRequest, cohort_id: UUID, unit_slug: str) -> HttpResponse:
    try:
        reset_lab(*lab_for(request.user, cohort_id, unit_slug), actor=request.user)
    except RefusedError as refusal:
        messages.error(request, sentence_for(refusal.reason))
    return redirect("labs:history", cohort_id, unit_slug)


@press_requires_login
def new_files(request: SignedInRequest, cohort_id: UUID, unit_slug: str) -> HttpResponse:
    """`choice` is "take" or "dismiss"; `next` is "panel" where the button stood on the lab's page."""
    enrolment, lab_unit = lab_for(request.user, cohort_id, unit_slug)
    if request.POST.get("choice") == "dismiss":
        dismiss_new_files(enrolment, lab_unit, actor=request.user)
        messages.info(request, _("You go on with your files as they are. A reset gives you the new ones."))
    elif take_new_files(enrolment, lab_unit, actor=request.user):
        messages.success(
            request,
            _("The new files are put beside yours: in a moment if the lab runs, else at its next start."),
        )
    return redirect(
        "courses:unit" if request.POST.get("next") == "panel" else "labs:history", cohort_id, unit_slug
    )


def _find_snapshot(request: SignedInRequest, cohort_id: UUID, unit_slug: str, snapshot_id: UUID) -> Snapshot:
    _enrolment, lab_unit = lab_for(request.user, cohort_id, unit_slug)
    return snapshot_for(request.user, lab_unit, snapshot_id)


def _context(enrolment: Enrolment, lab_unit: LabUnit) -> dict[str, object]:
    cohort, slug = enrolment.cohort, lab_unit.unit.slug
    return {
        "cohort": cohort,
        "unit_slug": slug,
        "lab_title": find_title(cohort.release, slug, get_language() or ""),
        "section": "learning",
    }


def _harmless(response: FileResponse) -> FileResponse:
    """A download, whatever is in it: never a page, and without our origin."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response
