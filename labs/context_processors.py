"""What the layout of every page needs to know about running sessions and, for staff, about the grading."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from courses.access import factories_for
from labs.services.grading_alarm import GradingAlarm, find_grading_alarm
from labs.services.running import find_running


def running_sessions(request: HttpRequest) -> dict[str, object]:
    """`running`: the person's own sessions that have not ended (RunningSessions)."""
    return {"running": SimpleLazyObject(lambda: find_running(request.user, get_language() or ""))}


def grading_alarm(request: HttpRequest) -> dict[str, object]:
    """`grading_alarm`: whether somebody has to look at the grading, asked for where a person watches over it."""

    def find_alarm() -> GradingAlarm:
        return (
            find_grading_alarm(factories_for(request.user))
            if request.user.is_authenticated
            else GradingAlarm()
        )

    return {"grading_alarm": SimpleLazyObject(find_alarm)}
