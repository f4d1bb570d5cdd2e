"""The labs' parts of a cohort's and a factory's page: hub, grading, who is in a session now, submissions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from courses.models import Cohort, Factory
from courses.unit_kinds import Panel
from labs.access import account_hubs_of
from labs.models import HubOutage
from labs.services.allocations import list_allocations
from labs.services.cohort_labs import find_factory_sessions, find_lab_summaries, find_running_sessions
from labs.services.grading_alarm import find_grading_alarm
from labs.services.hub_health import HubHealth, find_hub_health
from labs.services.running import describe_sessions
from labs.services.shortfalls import find_shortfalls
from labs.states import SessionStatus
from labs.views.failure_words import FAILURES

SESSIONS_SHOWN: Final = 50


@dataclass(frozen=True)
class OutageRow:
    began_at: datetime
    ended_at: datetime
    minutes: int


def cohort_panels(cohort: Cohort) -> list[Panel]:
    """Of a cohort whose release has labs: these, and what it may use of Slurm."""
    labs = find_lab_summaries(cohort, get_language() or cohort.language)
    if not labs:
        return []
    sessions = describe_sessions(find_running_sessions(cohort), get_language() or cohort.language)
    context = {"cohort": cohort, "labs": labs, "sessions": sessions}
    return [Panel("labs/_cohort_panel.html", context), *find_provision(cohort)]


def find_provision(cohort: Cohort) -> list[Panel]:
    """What the cohort may use of Slurm, and who is missing; nothing where it has nothing to do with Slurm."""
    hubs = list(account_hubs_of(cohort))
    uses = list_allocations(cohort)
    if not hubs and not uses:
        return []
    context = {
        "cohort": cohort,
        "uses": uses,
        "shortfalls": find_shortfalls(cohort, [use.allocation for use in uses], timezone.now()),
        "account_hubs": hubs,
    }
    return [Panel("labs/_provision_panel.html", context)]


def factory_panels(factory: Factory) -> list[Panel]:
    """One panel, where the factory has a hub: how that is, and the sessions of all its cohorts."""
    found = find_hub_health([factory], timezone.now())
    if not found:
        return []
    (health,) = found
    sessions = find_factory_sessions(factory, most=SESSIONS_SHOWN)
    context = {
        "health": health,
        "counts": _count_sessions(health),
        "failures": [(FAILURES.get(each.reason, each.sentence), each.count) for each in health.failures],
        "outages": [_describe_outage(outage) for outage in health.outages],
        "sessions": describe_sessions(sessions, get_language() or ""),
        "alarm": find_grading_alarm(Factory.objects.filter(pk=factory.pk)),
        "more_count": max(sum(health.sessions.values()) - len(sessions), 0),
    }
    return [Panel("labs/_factory_panel.html", context)]


def _count_sessions(health: HubHealth) -> list[tuple[str | Promise, int]]:
    counts = health.sessions
    starting = counts.get(SessionStatus.REQUESTED, 0) + counts.get(SessionStatus.SPAWNING, 0)
    return [
        (_("Starting"), starting),
        (_("Ready"), counts.get(SessionStatus.READY, 0)),
        (_("Stopping"), counts.get(SessionStatus.STOPPING, 0)),
        (_("Failed in 24 hours"), sum(failure.count for failure in health.failures)),
    ]


def _describe_outage(outage: HubOutage) -> OutageRow:
    seconds = (outage.ended_at - outage.began_at).total_seconds()
    return OutageRow(outage.began_at, outage.ended_at, int(seconds // 60))
