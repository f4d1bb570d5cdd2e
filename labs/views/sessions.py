"""A lab session's own page: followed live from request to ready, opened, kept, restarted, stopped."""

from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses.models import Cohort
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import authored_cohorts_for, lab_session_for, own_session_by_server
from labs.exceptions import RefusedError
from labs.models import LabSession, Snapshot
from labs.reasons import sentence_for
from labs.services.endings import find_ending
from labs.services.page_versions import make_version
from labs.services.queue_places import SlurmPlace, find_slurm_place
from labs.services.running import find_session_titles
from labs.services.session_times import SessionTimes
from labs.services.sessions import keep_session, note_press, request_restart, request_stop, watch_session
from labs.services.start_places import StartPlaces, find_start_places
from labs.services.troubles import find_trouble, find_unsaved
from labs.states import SessionStatus
from labs.views.responses import redirect_back, redirect_polled, render_polled
from labs.views.session_words import find_progress, list_happenings, list_steps
from labs.work.choices import find_choice, find_wait
from labs.work.placing import find_release

APPS = {"lab": "lab/tree", "notebook": "notebooks"}
"""What a notebook can be opened in, and where that has its notebooks on the learner's server."""


@login_required
@require_GET
def session(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    lab_session = lab_session_for(request.user, session_id)
    return render(request, "labs/session_detail.html", _context(request, lab_session))


@login_required
@require_GET
def session_status(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    lab_session = lab_session_for(request.user, session_id)
    watch_session(lab_session)
    context = _context(request, lab_session)
    successor = context["successor"]
    if lab_session.is_restarting and isinstance(successor, LabSession):
        return redirect_polled("labs:session", successor.public_id)
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
    """To the notebook in JupyterLab or Notebook 7; back to the session's page while it is not ready."""
    lab_session = lab_session_for(request.user, session_id)
    if lab_session.status != SessionStatus.READY:
        return redirect("labs:session", session_id)
    note_press(lab_session)
    app = request.GET.get("app", "")
    if app in APPS and app != find_last_app(request):
        request.session["lab_app"] = app
    return HttpResponseRedirect(notebook_url(lab_session, app if app in APPS else find_last_app(request)))


@press_requires_login
def session_keep(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    keep_session(lab_session_for(request.user, session_id), actor=request.user)
    return redirect_back(request, "labs:session", session_id)


@press_requires_login
def session_restart(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    try:
        request_restart(lab_session_for(request.user, session_id), actor=request.user)
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
    return redirect("labs:session", session_id)


@press_requires_login
def session_stop(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    request_stop(lab_session_for(request.user, session_id), actor=request.user)
    return redirect_back(request, "labs:session", session_id)


@press_requires_login
def session_move(request: SignedInRequest, session_id: UUID) -> HttpResponse:
    """Give up the place in one queue to start elsewhere: the page then offers what was chosen, for one more press."""
    lab_session = lab_session_for(request.user, session_id)
    key = request.POST.get("place", "")
    if lab_session.enrolment is None or not find_choice(
        lab_session.enrolment, find_release(lab_session), key
    ):
        raise Http404
    request.session["lab_place"] = key
    request_stop(lab_session, actor=request.user)
    return redirect("labs:session", session_id)


@login_required
@require_GET
def server(request: SignedInRequest, server_name: str) -> HttpResponse:
    """From a page of the hub, which knows a session by its server's name, to the session's page."""
    return redirect("labs:session", own_session_by_server(request.user, server_name).public_id)


def notebook_url(lab_session: LabSession, app: str = "lab") -> str:
    """The address in a browser that opens the lab's first notebook on the learner's own server."""
    path = "/".join([lab_session.workspace.folder, *lab_session.release.notebooks[:1]])
    return lab_session.hub.open_url(f"{lab_session.url_path}{APPS[app]}/{quote(path)}")


def find_last_app(request: HttpRequest) -> str:
    """In which of APPS the person last opened a notebook, on whatever session."""
    app = str(request.session.get("lab_app", ""))
    return app if app in APPS else "lab"


def _context(request: SignedInRequest, lab_session: LabSession) -> dict[str, object]:
    """What the page shows. Most answers to a page that asks again are empty: what only a drawing needs is lazy."""
    times = SessionTimes(lab_session, timezone.now())
    unsaved = find_unsaved(lab_session.workspace)
    successor, kept = (None, None) if lab_session.is_active else _find_what_followed(lab_session)
    trouble = None if successor else find_trouble(lab_session.hub, lab_session, times.now)
    place = find_slurm_place(lab_session, times.now)
    steps = list_steps(lab_session, place, is_delayed=bool(trouble and trouble.since))
    poll_seconds = (place and place.poll_seconds) or times.poll_seconds
    return {
        "session": lab_session,
        "cohort": lab_session.enrolment.cohort if lab_session.enrolment else None,
        "source_cohort": None if lab_session.enrolment else _find_authored_cohort(request, lab_session),
        "lab_title": SimpleLazyObject(lambda: _find_title(lab_session)),
        "app": find_last_app(request),
        "times": times,
        "steps": steps,
        "progress": find_progress(steps),
        "slurm_place": place,
        "poll_seconds": poll_seconds,
        "new_wait": _find_new_wait(lab_session, times.now),
        "starts": SimpleLazyObject(lambda: _find_starts(request, lab_session, place)),
        "trouble": trouble,
        "unsaved": unsaved,
        "ending": find_ending(lab_session),
        "successor": successor,
        "kept": kept,
        "happenings": SimpleLazyObject(lambda: list_happenings(lab_session)),
        "version": make_version(
            lab_session.status,
            lab_session.is_restarting,
            lab_session.asked_at,
            lab_session.delivery_claimed_at,
            times.warning,
            place and place.version,
            trouble,
            unsaved,
            successor and successor.pk,
            saved_at=lab_session.work_saved_at,
            quiet=(
                times.elapsed_minutes,
                times.minutes_left,
                times.idle_minutes_left,
                poll_seconds,
                place and place.quiet_version,
            ),
        ),
        "section": "learning" if lab_session.enrolment else "teaching",
    }


def find_wish(request: HttpRequest) -> str:
    """The key of the place that the person chose when they gave up another one."""
    return str(request.session.get("lab_place", ""))


def _find_new_wait(lab_session: LabSession, now: datetime) -> int | None:
    """How many seconds a restart would wait in the queue again."""
    return find_wait(lab_session.flavour, lab_session.hub, now) if lab_session.flavour else None


def _find_starts(
    request: SignedInRequest, lab_session: LabSession, place: SlurmPlace | None
) -> StartPlaces | None:
    """Where the lab can start: instead of where it waits, or anew after it has ended. None for an author's."""
    if lab_session.enrolment is None:
        return None
    starts = find_start_places(
        lab_session.enrolment,
        find_release(lab_session),
        lab_session.hub,
        find_wish(request),
        instead_of=lab_session,
    )
    return starts.without(lab_session.flavour) if place else starts


def _find_title(lab_session: LabSession) -> str:
    return find_session_titles([lab_session], get_language() or "")[lab_session.pk]


def _find_what_followed(ended: LabSession) -> tuple[LabSession | None, Snapshot | None]:
    """The newest session of the same files since, and the work as Paja has it."""
    later = ended.workspace.sessions.filter(requested_at__gt=ended.requested_at)
    return later.order_by("-requested_at").first(), ended.workspace.current_snapshot


def _find_authored_cohort(request: SignedInRequest, lab_session: LabSession) -> Cohort | None:
    """The cohort through whose page an author came to the source of a lab: one of the session's factory."""
    cohorts = authored_cohorts_for(request.user).filter(
        release__course=lab_session.lab.course_id, factory=lab_session.hub.factory_id
    )
    return cohorts.order_by("-ends_at").first()
