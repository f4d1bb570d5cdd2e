"""The sweep that compares our sessions with a hub's servers, and moves or re-sends what differs."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from django.db.models import Q
from django.utils import timezone

from labs.exceptions import LabError
from labs.jupyterhub import HubClient, ServerModel
from labs.models import Hub, LabSession
from labs.models.sessions import is_server_name
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus
from labs.transitions import note_session
from labs.work.connections import HubConnector, connect_hub
from labs.work.spawning import end_session

logger = logging.getLogger(__name__)

SWEEP_LEASE: Final = timedelta(seconds=15)
START_LEASE: Final = timedelta(seconds=10)
STOP_LEASE: Final = timedelta(seconds=30)  # a stop reads the workspace first: WORKSPACE_SECONDS
DELIVERY_LEASE: Final = timedelta(seconds=30)


class Step(Enum):
    """What one session needs, given what the hub says of its server."""

    NOTHING = auto()
    SEND_START = auto()
    DELIVER = auto()
    SEND_STOP = auto()
    END_STOPPED = auto()
    FAIL_NOT_STARTED = auto()
    FAIL_LOST = auto()


FAILURES: Final = {Step.FAIL_NOT_STARTED: "server_did_not_start", Step.FAIL_LOST: "server_lost"}


@dataclass
class Sweep:
    """Ids of sessions for the tasks that the sweep's task queues."""

    starts: list[int] = field(default_factory=list)
    deliveries: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)


def next_step(session: LabSession, server: ServerModel | None, *, listed_at: datetime) -> Step:
    """Decide from one row and one answer; `listed_at` is when the hub was asked."""
    waited = listed_at - session.sent_at
    match SessionStatus(session.status):
        case SessionStatus.REQUESTED:
            return Step.SEND_START if waited > START_LEASE else Step.NOTHING
        case SessionStatus.SPAWNING if server is not None:
            return Step.DELIVER if server.is_ready else Step.NOTHING
        case SessionStatus.SPAWNING if session.asked_at is None:
            return Step.SEND_START if waited > START_LEASE else Step.NOTHING
        case SessionStatus.SPAWNING if session.asked_at and session.asked_at < listed_at:
            return Step.FAIL_NOT_STARTED
        case SessionStatus.READY if server is None and session.ready_at and session.ready_at < listed_at:
            return Step.FAIL_LOST
        case SessionStatus.STOPPING if server is None:
            return Step.END_STOPPED
        case SessionStatus.STOPPING if waited > STOP_LEASE:
            return Step.SEND_STOP
    return Step.NOTHING


def reconcile_sessions(hub_id: int, *, connect: HubConnector = connect_hub) -> Sweep:
    """Compare all of a hub's servers, asked for in one call, with its sessions. No answer moves nothing.

    A sweep that meets another one at work does nothing.
    """
    hub = Hub.objects.select_related("factory").get(pk=hub_id)
    sweep = Sweep()
    listed_at = timezone.now()
    if not claim_sweep(hub, listed_at):
        return sweep
    try:
        with connect(hub) as client:
            servers = client.list_servers()
            Hub.objects.filter(pk=hub.pk).update(answered_at=listed_at)
            missing = take_steps(hub, servers, sweep, listed_at)
            # Questions about single servers come last: one without an answer costs nobody else their step.
            fail_missing(missing, client, sweep)
            stop_orphans(hub, servers, client)
    except LabError as error:
        logger.warning("hub of %s: %s", hub.factory.slug, error)
    finally:
        Hub.objects.filter(pk=hub.pk, sweep_claimed_at=listed_at).update(sweep_claimed_at=None)
    return sweep


def claim_sweep(hub: Hub, now: datetime) -> bool:
    free = Q(sweep_claimed_at__isnull=True) | Q(sweep_claimed_at__lt=now - SWEEP_LEASE)
    return bool(Hub.objects.filter(free, pk=hub.pk).update(sweep_claimed_at=now))


def take_steps(
    hub: Hub, servers: dict[tuple[str, str], ServerModel], sweep: Sweep, listed_at: datetime
) -> list[tuple[LabSession, Step]]:
    """Take the steps that need no further question; returns the sessions whose server is missing."""
    missing = []
    active = LabSession.objects.filter(hub=hub, status__in=ACTIVE_SESSION_STATUSES)
    for session in active.select_related("learner"):
        server = servers.get((session.learner.hub_name, session.server_name))
        if server is not None and session.asked_at is None:  # the worker that asked did not live to note it
            LabSession.objects.filter(pk=session.pk, asked_at=None).update(asked_at=listed_at)
        step = next_step(session, server, listed_at=listed_at)
        if step in FAILURES:
            missing.append((session, step))
        else:
            take_step(session, step, sweep, listed_at)
    return missing


def take_step(session: LabSession, step: Step, sweep: Sweep, listed_at: datetime) -> None:
    match step:
        case Step.SEND_START:
            if claim_resend(session, listed_at):
                note_session(session, reason="sent_again")
                sweep.starts.append(session.pk)
        case Step.SEND_STOP:
            if claim_resend(session, listed_at):
                sweep.stops.append(session.pk)
        case Step.DELIVER:
            if claim_delivery(session, listed_at):
                if session.delivery_claimed_at:  # by a worker that did not live to the end of its lease
                    note_session(session, reason="sent_again")
                sweep.deliveries.append(session.pk)
        case Step.END_STOPPED:
            end_session(session, SessionStatus.STOPPED, reason="server_gone")


def fail_missing(missing: list[tuple[LabSession, Step]], client: HubClient, sweep: Sweep) -> None:
    """Absence from a list fails nobody's session: the one server is asked for by name first."""
    for session, step in missing:
        server = client.find_server(session.learner.hub_name, session.server_name)
        is_gone = server is None or not (server.is_ready or server.pending)
        if is_gone and end_session(session, SessionStatus.FAILED, reason=FAILURES[step]):
            sweep.stops.append(session.pk)


def claim_resend(session: LabSession, now: datetime) -> bool:
    """Whether this sweep, and no other, sends the task again."""
    return bool(LabSession.objects.filter(pk=session.pk, sent_at=session.sent_at).update(sent_at=now))


def claim_delivery(session: LabSession, now: datetime) -> bool:
    """A lease: a worker that died over the delivery is replaced when it runs out."""
    free = Q(delivery_claimed_at__isnull=True) | Q(delivery_claimed_at__lt=now - DELIVERY_LEASE)
    return bool(LabSession.objects.filter(free, pk=session.pk).update(delivery_claimed_at=now))


def stop_orphans(hub: Hub, servers: dict[tuple[str, str], ServerModel], client: HubClient) -> None:
    """A server of ours without a living session: a start that came after its session's end."""
    ours = {name: user for user, name in servers if is_server_name(name)}
    if not ours:
        return
    active = LabSession.objects.filter(hub=hub, server_name__in=ours, status__in=ACTIVE_SESSION_STATUSES)
    for name in ours.keys() - set(active.values_list("server_name", flat=True)):
        try:
            client.ensure_stopped(ours[name], name)
        except (LabError, ValueError) as error:  # ValueError: a user whose name Paja would not make
            logger.warning("orphan %s: %s", name, error)
