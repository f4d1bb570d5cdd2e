"""Graders come and go with the work that waits for them: asked for, followed, stopped. Everything may be repeated."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from courses.models import Factory
from labs.exceptions import HubUnavailableError, LabError, SpawnRejectedError, StaleStateError
from labs.jupyterhub import HubClient, ServerModel
from labs.models import Grader, GraderEvent, GradingRun, Hub
from labs.states import ACTIVE_SESSION_STATUSES, GradingStatus, SessionStatus
from labs.transitions import UNSENT, move_grader
from labs.work.connections import HubConnector, connect_hub
from labs.work.graders import GRADING
from labs.work.grading_queue import find_waiting_runs
from labs.work.grading_retries import try_again_or_fail

logger = logging.getLogger(__name__)

RESEND_AFTER: Final = timedelta(seconds=10)
PAUSES: Final = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
"""Before the next start, after so many that failed in a row."""


@dataclass
class Tending:
    """What the sweep's task queues: graders to be started or stopped, and factories whose workers are woken."""

    graders: list[tuple[int, str]] = field(default_factory=list)
    wake_ups: list[str] = field(default_factory=list)


def reconcile_graders(now: datetime | None = None) -> Tending:
    """What our own rows say: who needs a grader, whose start or stop was not answered, who idles, whom to wake."""
    now = now or timezone.now()
    tending = Tending()
    for factory in Factory.objects.filter(grading_runs__status=GradingStatus.QUEUED).distinct():
        hub = Hub.objects.filter(factory=factory).first()
        if hub is None:
            end_in_vain(factory, now)
        elif hub.down_since is None:
            request_grader(hub, now)
    active = Grader.objects.filter(status__in=ACTIVE_SESSION_STATUSES).select_related("hub__factory")
    for grader in active:
        tend_one(grader, tending, now)
    return tending


def tend_one(grader: Grader, tending: Tending, now: datetime) -> None:
    factory = grader.hub.factory
    if grader.status == SessionStatus.READY:
        if stop_if_idle(grader, now):
            tending.graders.append((grader.pk, factory.slug))
        else:
            tending.wake_ups += [factory.slug] * count_wake_ups(factory)
    elif grader.status != SessionStatus.SPAWNING and claim_resend(grader, now):
        tending.graders.append((grader.pk, factory.slug))


def request_grader(hub: Hub, now: datetime) -> None:
    """A grader for a factory where runs wait and there is none, unless one has just failed to start."""
    if not find_waiting_runs(hub.factory).exists():
        return
    last = list(Grader.objects.filter(hub=hub)[: len(PAUSES)])
    if any(grader.status in ACTIVE_SESSION_STATUSES for grader in last):
        return
    failures = count_failures(last)
    if failures and now - (last[0].ended_at or now) < PAUSES[failures - 1]:
        return
    try:
        with transaction.atomic():
            grader = Grader.objects.create(hub=hub, sent_at=UNSENT)
            GraderEvent.objects.create(grader=grader, after=SessionStatus.REQUESTED, reason="runs_wait")
    except IntegrityError:  # another sweep was first
        return


def count_failures(newest_first: list[Grader]) -> int:
    """How many of them failed to start, from the newest on."""
    for number, grader in enumerate(newest_first):
        if (grader.status, grader.reason) != (SessionStatus.FAILED, "grader_not_started"):
            return number
    return len(newest_first)


def stop_if_idle(grader: Grader, now: datetime) -> bool:
    """Give a grader back that nobody has needed for GRADER_IDLE_MINUTES."""
    factory = grader.hub.factory
    is_needed = find_waiting_runs(factory).exists() or count_running(factory) > 0
    idle_since = max(grader.used_at, grader.ready_at or grader.used_at)
    if is_needed or now - idle_since < timedelta(minutes=settings.GRADER_IDLE_MINUTES):
        return False
    try:
        move_grader(grader, SessionStatus.STOPPING, reason="grader_idle", sent_at=now)
    except StaleStateError:
        return False
    return True


def count_running(factory: Factory) -> int:
    return GradingRun.objects.filter(factory=factory, status=GradingStatus.RUNNING).count()


def count_wake_ups(factory: Factory) -> int:
    """One for each run that a box is free for; a worker that is awake takes one after another by itself."""
    free = settings.GRADER_BOXES - count_running(factory)
    return len(find_waiting_runs(factory)[:free]) if free > 0 else 0


def claim_resend(grader: Grader, now: datetime) -> bool:
    """Whether this sweep, and no other, sends the task."""
    if now - grader.sent_at < RESEND_AFTER:
        return False
    return bool(Grader.objects.filter(pk=grader.pk, sent_at=grader.sent_at).update(sent_at=now))


def tend_grader(grader_id: int, *, connect: HubConnector = connect_hub) -> None:
    """Ask the hub for a grader's server, or for its end. A hub that does not answer is asked again later."""
    grader = Grader.objects.select_related("hub__factory").get(pk=grader_id)
    try:
        with connect(grader.hub) as hub:
            if grader.status == SessionStatus.REQUESTED:
                ask_for_server(grader, hub)
            elif grader.status == SessionStatus.STOPPING and stop_server(grader, hub):
                end_grader(grader, SessionStatus.STOPPED, reason="server_gone")
    except SpawnRejectedError:
        logger.exception("grader %s: the hub refused", grader.server_name)
        if grader.status == SessionStatus.REQUESTED:
            end_grader(grader, SessionStatus.FAILED, reason="grader_not_started")
    except HubUnavailableError as error:
        logger.warning("grader %s: %s", grader.server_name, error)


def ask_for_server(grader: Grader, hub: HubClient) -> None:
    hub.ensure_user(settings.GRADER_NAME)
    hub.ensure_server(settings.GRADER_NAME, grader.server_name, GRADING)
    move(grader, SessionStatus.SPAWNING, reason="hub_asked", sent_at=timezone.now())


def stop_server(grader: Grader, hub: HubClient) -> bool:
    return hub.ensure_stopped(settings.GRADER_NAME, grader.server_name)


def follow_grader(
    hub: Hub, servers: Mapping[tuple[str, str], ServerModel], client: HubClient, listed_at: datetime
) -> None:
    """Move a hub's grader by what the hub said of all servers at that moment, and end servers that are no grader's.

    Absence from a list ends nobody: the one server is asked for by name first, as with sessions.
    """
    own = {name: server for (user, name), server in servers.items() if user == settings.GRADER_NAME}
    active = Grader.objects.filter(hub=hub, status__in=ACTIVE_SESSION_STATUSES)
    grader = active.select_related("hub__factory").first()
    if grader is not None:
        server = own.pop(grader.server_name, None)
        if server is None and is_missing(grader, client, listed_at):
            end_missing(grader, was_silent=hub.probe_at is not None)
        elif server is not None:
            note_server(grader, server)
    for name in own:
        try:
            client.ensure_stopped(settings.GRADER_NAME, name)
        except (LabError, ValueError) as error:
            logger.warning("orphan %s: %s", name, error)


def note_server(grader: Grader, server: ServerModel) -> None:
    now = timezone.now()
    if grader.status == SessionStatus.REQUESTED:  # the worker that asked did not live to note it
        move(grader, SessionStatus.SPAWNING, reason="hub_asked", sent_at=now)
    if grader.status == SessionStatus.SPAWNING and server.is_ready:
        move(grader, SessionStatus.READY, reason="grader_ready", ready_at=now, used_at=now)


def is_missing(grader: Grader, client: HubClient, listed_at: datetime) -> bool:
    """Whether a server that must be there is not; one that was asked for after the list was made is not in it."""
    if (
        grader.status == SessionStatus.REQUESTED
        or max(grader.sent_at, grader.ready_at or grader.sent_at) >= listed_at
    ):
        return False
    server = client.find_server(settings.GRADER_NAME, grader.server_name)
    return server is None or not (server.is_ready or server.pending)


def end_missing(grader: Grader, *, was_silent: bool) -> None:
    """A start that is gone with the hub's first answer after a silence was lost by the hub, and is nobody's try."""
    if grader.status == SessionStatus.STOPPING:
        end_grader(grader, SessionStatus.STOPPED, reason="server_gone")
    elif grader.status == SessionStatus.SPAWNING and not was_silent:
        end_grader(grader, SessionStatus.FAILED, reason="grader_not_started")
    else:
        end_grader(grader, SessionStatus.FAILED, reason="grader_lost")


def end_grader(grader: Grader, to: SessionStatus, *, reason: str) -> None:
    """A start that failed is one try of every run that waited for it: three of them, and staff have to look."""
    if not move(grader, to, reason=reason, ended_at=timezone.now()):
        return
    if reason == "grader_not_started":
        count_try(grader.hub.factory, waited_since=grader.ended_at or timezone.now())


def end_in_vain(factory: Factory, now: datetime) -> None:
    """A factory without a hub can have no grader: staff hear of it after as many tries as elsewhere."""
    count_try(factory, waited_since=now - PAUSES[-1])


def count_try(factory: Factory, *, waited_since: datetime) -> None:
    for run in (
        find_waiting_runs(factory).filter(queued_at__lte=waited_since).select_related("submission", "release")
    ):
        try_again_or_fail(run, reason="grader_not_started")


def move(grader: Grader, to: SessionStatus, *, reason: str, **fields: Any) -> bool:
    """False where somebody else was first."""
    try:
        move_grader(grader, to, reason=reason, **fields)
    except StaleStateError:
        return False
    return True
