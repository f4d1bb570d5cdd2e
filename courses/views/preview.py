"""A release as a learner would see it, for those who teach it. Nothing that is done here is kept."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses import access
from courses.models import CourseRelease
from courses.outline import Addresses, Outline, load_outlines, make_outline
from courses.views.requests import SignedInRequest
from courses.views.unit_page import send_unit_file, show_unit


@login_required
@require_GET
def course_map(request: SignedInRequest, release: UUID) -> HttpResponse:
    found = access.previewable_release_for(request.user, release)
    context = {"outline": _outline_of(found), "has_started": True, "section": "teaching"}
    return render(request, "courses/course_map.html", context)


@login_required
@require_GET
def unit(request: SignedInRequest, release: UUID, unit: str) -> HttpResponse:
    found = access.previewable_release_for(request.user, release)
    return show_unit(request, access.unit_of(found, unit), _outline_of(found), None)


@login_required
@require_GET
def unit_file(request: SignedInRequest, release: UUID, module: str, path: str) -> FileResponse:
    found = access.previewable_release_for(request.user, release)
    return send_unit_file(access.unit_file_of(found, module, path))


def _outline_of(release: CourseRelease) -> Outline:
    load_outlines([release])
    addresses = Addresses(
        course=reverse("courses:preview", args=[release.public_id]),
        unit=lambda slug: reverse("courses:preview-unit", args=[release.public_id, slug]),
    )
    return make_outline(release, get_language() or "", addresses)
