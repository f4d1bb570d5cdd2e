"""A notebook file from a person's own computer, handed in at the lab's page."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from config.bodies import allow_body
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import lab_for
from labs.exceptions import RefusedError
from labs.models import LabUnit
from labs.reasons import sentence_for
from labs.services.uploads import BODY_BYTES, REFUSALS, submit_upload
from labs.views.responses import read_press_key

ANCHOR: Final = "lab-upload"


@dataclass(frozen=True)
class UploadForm:
    """What the lab's notebooks are called, and why the last file was refused; empty where none was."""

    notebooks: list[str]
    refusal: str
    press_key: UUID = field(default_factory=uuid4)


def find_upload_form(request: HttpRequest, lab_unit: LabUnit) -> UploadForm:
    reason = request.GET.get("refused", "")
    refusal = sentence_for(reason) if reason in REFUSALS else ""
    return UploadForm(lab_unit.release.notebooks, refusal)


@allow_body(BODY_BYTES)
@press_requires_login
def upload(request: SignedInRequest, cohort_id: UUID, unit_slug: str) -> HttpResponse:
    enrolment, lab_unit = lab_for(request.user, cohort_id, unit_slug)
    press_key = read_press_key(request)
    if press_key is None:
        return HttpResponse(status=400)
    files = request.FILES.getlist("notebooks")
    try:
        submission = submit_upload(enrolment, lab_unit, files, press_key=press_key, actor=request.user)
    except RefusedError as refusal:
        page = resolve_url("courses:unit", cohort_id, unit_slug)
        return redirect(f"{page}?refused={refusal.reason}#{ANCHOR}")
    return redirect("labs:submission", submission.public_id)
