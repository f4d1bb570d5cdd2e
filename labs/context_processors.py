"""What the layout of every page needs to know about running sessions."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from labs import access


def running_sessions(request: HttpRequest) -> dict[str, object]:
    """`active_sessions`: the person's own sessions that have not ended, newest first."""
    return {"active_sessions": SimpleLazyObject(lambda: access.active_sessions_for(request.user))}
