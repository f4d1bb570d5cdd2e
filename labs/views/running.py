"""The person's running sessions in the top bar of every page, which asks for them now and then."""

from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses.views.requests import SignedInRequest
from labs.services.running import RunningSession, find_running
from labs.views.responses import render_polled


@login_required
@require_GET
def running(request: SignedInRequest) -> HttpResponse:
    found = find_running(request.user, get_language() or "")
    page = urlsplit(request.headers.get("HX-Current-URL", "")).path
    news = [item for item in found.find_news(request.GET.get("seen", "")) if page not in pages_of(item)]
    context = {"running": found, "news": news}
    return render_polled(
        request, "includes/sessions.html", context, version=found.version, is_at_rest=not found.items
    )


def pages_of(item: RunningSession) -> set[str]:
    """The pages that tell the news of a session themselves."""
    session = item.session
    pages = {reverse("labs:session", args=[session.public_id])}
    if session.enrolment:
        pages.add(reverse("courses:unit", args=[session.enrolment.cohort.public_id, session.lab.slug]))
    return pages
