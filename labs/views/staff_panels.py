"""The labs' parts of a cohort's and a factory's page: who is in a session now, and the way to submissions."""

from django.utils import timezone
from django.utils.translation import get_language

from courses.models import Cohort, Factory
from courses.unit_kinds import Panel
from labs.models import Hub
from labs.services.cohort_labs import find_factory_sessions, find_lab_summaries, find_running_sessions
from labs.services.running import describe_sessions


def cohort_panels(cohort: Cohort) -> list[Panel]:
    """One panel, where the cohort's release has labs."""
    labs = find_lab_summaries(cohort, get_language() or cohort.language)
    if not labs:
        return []
    sessions = describe_sessions(find_running_sessions(cohort), get_language() or cohort.language)
    return [Panel("labs/_cohort_panel.html", {"cohort": cohort, "labs": labs, "sessions": sessions})]


def factory_panels(factory: Factory) -> list[Panel]:
    """One panel, where the factory has a hub: whether it answers, and the sessions of all its cohorts."""
    hub = Hub.objects.filter(factory=factory).first()
    if hub is None:
        return []
    context = {
        "hub": hub,
        "is_answering": hub.is_answering(timezone.now()),
        "sessions": describe_sessions(find_factory_sessions(factory), get_language() or ""),
    }
    return [Panel("labs/_factory_panel.html", context)]
