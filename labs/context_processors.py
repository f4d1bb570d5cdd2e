"""What the layout of every page needs to know about running sessions."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from labs.services.running import find_running


def running_sessions(request: HttpRequest) -> dict[str, object]:
    """`running`: the person's own sessions that have not ended (RunningSessions)."""
    return {"running": SimpleLazyObject(lambda: find_running(request.user, get_language() or ""))}
