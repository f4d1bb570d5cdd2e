"""What the views of labs have in common: fragments that a page asks for again and again."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

STOP_POLLING = 286
"""htmx stops asking after this status."""


def render_polled(
    request: HttpRequest, template: str, context: Mapping[str, object], *, version: str, is_at_rest: bool
) -> HttpResponse:
    """A fragment; 204 while the page has `version` already, so that focus and screen readers are left in peace.

    `is_changed` in the context says whether there is something to announce.
    """
    seen = request.GET.get("seen", "")
    if seen == version and not is_at_rest:
        return HttpResponse(status=204)
    is_changed = seen.partition(".")[0] != version.partition(".")[0]
    status = STOP_POLLING if is_at_rest else 200
    return render(request, template, {**context, "is_changed": is_changed}, status=status)
