"""A lab session's own page: followed live from request to ready, opened, stopped."""

from urllib.parse import quote
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import lab_session_for
from labs.models import LabSession
from labs.reasons import sentence_for
from labs.services.lab_units import find_title
from labs.services.sessions import find_delay, request_stop, watch_session
from labs.states import SessionStatus
from labs.views.responses import render_polled
from labs.views.session_words import list_happenings, list_steps, version_of


@login_required
@require_GET
def session(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    lab_session = lab_session_for(request.user, session_id)
    return render(request, "labs/session_detail.html", _context(lab_session))


@login_required
@require_GET
def session_status(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    lab_session = lab_session_for(request.user, session_id)
    watch_session(lab_session)
    context = _context(lab_session)
    return render_polled(
        request,
        "labs/_session_status.html",
        context,
        version=str(context["version"]),
        is_at_rest=not lab_session.is_active,
    )


@login_required
@require_GET
def session_open(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    """To JupyterLab with the notebook; back to the session's page while it is not ready."""
    lab_session = lab_session_for(request.user, session_id)
    if lab_session.status != SessionStatus.READY:
        return redirect("labs:session", session_id)
    return HttpResponseRedirect(notebook_url(lab_session))


@press_requires_login
def session_stop(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    request_stop(lab_session_for(request.user, session_id), actor=request.user)
    return redirect("labs:session", session_id)


def notebook_url(lab_session: LabSession) -> str:
    """The address in a browser of the lab's first notebook on the learner's own server."""
    release = lab_session.release
    path = "/".join([lab_session.workspace.folder, *release.notebooks[:1]])
    return lab_session.hub.url_of(
        lab_session.learner.hub_name, f"{lab_session.url_path}lab/tree/{quote(path)}"
    )


def _context(lab_session: LabSession) -> dict[str, object]:
    cohort = lab_session.enrolment.cohort if lab_session.enrolment else None
    delay = find_delay(lab_session)
    return {
        "session": lab_session,
        "cohort": cohort,
        "lab_title": find_title(cohort.release, lab_session.lab.slug, get_language() or "")
        if cohort
        else lab_session.lab.slug,
        "steps": list_steps(lab_session),
        "delay": sentence_for(delay) if delay else "",
        "failure": sentence_for(lab_session.reason) if lab_session.status == SessionStatus.FAILED else "",
        "happenings": list_happenings(lab_session),
        "version": version_of(lab_session),
        "section": "learning",
    }
