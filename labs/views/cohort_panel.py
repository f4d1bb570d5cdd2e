"""The labs' part of a cohort's page: who is in a session now, and the way to each lab's submissions."""

from django.utils.translation import get_language

from courses.models import Cohort
from courses.unit_kinds import Panel
from labs.services.cohort_labs import find_lab_summaries, find_running_sessions


def cohort_panels(cohort: Cohort) -> list[Panel]:
    """One panel, where the cohort's release has labs."""
    labs = find_lab_summaries(cohort, get_language() or cohort.language)
    if not labs:
        return []
    titles = {lab.slug: lab.title for lab in labs}
    sessions = [
        {"session": session, "title": titles.get(session.lab.slug, session.lab.slug)}
        for session in find_running_sessions(cohort)
    ]
    return [Panel("labs/_cohort_panel.html", {"cohort": cohort, "labs": labs, "sessions": sessions})]
