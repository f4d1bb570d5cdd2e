"""The person's running sessions in the top bar of every page, which asks for them now and then."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses.views.requests import SignedInRequest
from labs.services.running import find_running
from labs.views.responses import render_polled


@login_required
@require_GET
def running(request: SignedInRequest) -> HttpResponse:
    found = find_running(request.user, get_language() or "")
    context = {"running": found, "news": found.find_news(request.GET.get("seen", ""))}
    return render_polled(
        request, "includes/sessions.html", context, version=found.version, is_at_rest=not found.items
    )
