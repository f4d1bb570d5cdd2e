"""How large the body of a request may be: refused by its length, before anybody reads it."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

DRAINED: Final = 256 * 1024 * 1024
"""A browser that is cut off while it sends shows no answer, so what is not much too large is read and thrown away."""

_PIECE: Final = 1024 * 1024

View = TypeVar("View", bound=Callable[..., Any])


def allow_body(most: int) -> Callable[[View], View]:
    """For a view that takes files of people who are signed in: bodies of so many bytes. It is the outermost one."""

    def mark(view: View) -> View:
        view.body_max_bytes = most  # type: ignore[attr-defined]
        return view

    return mark


class BodySizeMiddleware:
    """Stands before the one that looks for forged requests, which reads the body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _arguments: object, _names: object
    ) -> HttpResponse | None:
        length = _read_length(request)
        if length <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return None  # nearly always, and then nobody is asked who it is
        is_known = request.user.is_authenticated
        if is_known and length <= getattr(view, "body_max_bytes", 0):
            return None
        if is_known and length <= DRAINED:
            while request.read(_PIECE):
                pass
        return render(request, "413.html", status=413)


def _read_length(request: HttpRequest) -> int:
    """As Django reads it: what is no number is no body."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
