"""What the views of labs have in common: fragments that a page asks for again and again, and ways back."""

from collections.abc import Mapping
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

STOP_POLLING = 286
"""htmx stops asking after this status."""


def render_polled(
    request: HttpRequest, template: str, context: Mapping[str, object], *, version: str, is_at_rest: bool
) -> HttpResponse:
    """A fragment; 204 while the page has `version` already, so that focus and screen readers are left in peace.

    `is_changed` in the context says whether there is something to announce; then the top bar looks again too.
    """
    seen = request.GET.get("seen", "")
    if seen == version and not is_at_rest:
        return HttpResponse(status=204)
    is_changed = seen.partition(".")[0] != version.partition(".")[0]
    status = STOP_POLLING if is_at_rest else 200
    response = render(request, template, {**context, "is_changed": is_changed}, status=status)
    if is_changed:
        response["HX-Trigger"] = "paja:sessions"
    return response


def redirect_polled(to: str, *arguments: object) -> HttpResponse:
    """For a fragment whose page has had its day: the browser goes to another one."""
    return HttpResponse(status=STOP_POLLING, headers={"HX-Redirect": resolve_url(to, *arguments)})


def redirect_back(request: HttpRequest, otherwise: str, *arguments: object) -> HttpResponse:
    """To the page of ours that a form names as `next`, else to `otherwise`."""
    page = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(page, allowed_hosts=None):
        return redirect(page)
    return redirect(otherwise, *arguments)


def read_press_key(request: HttpRequest) -> UUID | None:
    """The key that makes one press of a page's button one press however often it arrives; None for nonsense."""
    try:
        return UUID(request.POST.get("press_key", ""))
    except ValueError:
        return None
