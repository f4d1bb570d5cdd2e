"""The sweep that compares our sessions with a hub's servers, and moves or re-sends what differs."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from django.db.models import Q
from django.utils import timezone

from labs.exceptions import HubUnavailableError, LabError
from labs.jupyterhub import HubClient, ServerModel
from labs.models import Hub, LabSession
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus
from labs.transitions import note_session
from labs.work.connections import HubConnector, connect_hub
from labs.work.spawning import end_session

logger = logging.getLogger(__name__)

RESEND_AFTER: Final = timedelta(seconds=10)
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


@dataclass
class Sweep:
    """Ids of sessions for the tasks that the sweep's task queues."""

    starts: list[int] = field(default_factory=list)
    deliveries: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)


def next_step(session: LabSession, server: ServerModel | None, *, listed_at: datetime) -> Step:
    """Decide from one row and one answer; `listed_at` is when the hub was asked."""
    waited = session.sent_at < listed_at - RESEND_AFTER
    match SessionStatus(session.status):
        case SessionStatus.REQUESTED:
            return Step.SEND_START if waited else Step.NOTHING
        case SessionStatus.SPAWNING if server is not None:
            return Step.DELIVER if server.is_ready else Step.NOTHING
        case SessionStatus.SPAWNING if session.asked_at is None:
            return Step.SEND_START if waited else Step.NOTHING
        case SessionStatus.SPAWNING if session.asked_at and session.asked_at < listed_at:
            return Step.FAIL_NOT_STARTED
        case SessionStatus.READY if server is None and session.ready_at and session.ready_at < listed_at:
            return Step.FAIL_LOST
        case SessionStatus.STOPPING if server is None:
            return Step.END_STOPPED
        case SessionStatus.STOPPING if waited:
            return Step.SEND_STOP
    return Step.NOTHING


def reconcile_sessions(hub_id: int, *, connect: HubConnector = connect_hub) -> Sweep:
    """Compare all of a hub's servers, asked for in one call, with its sessions. No answer moves nothing."""
    hub = Hub.objects.select_related("factory").get(pk=hub_id)
    sweep = Sweep()
    listed_at = timezone.now()
    try:
        with connect(hub) as client:
            servers = client.list_servers()
            Hub.objects.filter(pk=hub.pk).update(answered_at=listed_at)
            for session in active_sessions(hub):
                server = servers.get((session.learner.hub_name, session.server_name))
                take_step(session, next_step(session, server, listed_at=listed_at), client, sweep, listed_at)
            stop_orphans(hub, servers, client)
    except HubUnavailableError as error:
        logger.warning("hub of %s: %s", hub.factory.slug, error)
    return sweep


def active_sessions(hub: Hub) -> list[LabSession]:
    return list(
        LabSession.objects.filter(hub=hub, status__in=ACTIVE_SESSION_STATUSES).select_related("learner")
    )


def take_step(session: LabSession, step: Step, client: HubClient, sweep: Sweep, listed_at: datetime) -> None:
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
                sweep.deliveries.append(session.pk)
        case Step.END_STOPPED:
            end_session(session, SessionStatus.STOPPED, reason="server_gone")
        case Step.FAIL_NOT_STARTED | Step.FAIL_LOST:
            reason = "server_did_not_start" if step is Step.FAIL_NOT_STARTED else "server_lost"
            if is_really_gone(session, client) and end_session(session, SessionStatus.FAILED, reason=reason):
                sweep.stops.append(session.pk)


def is_really_gone(session: LabSession, client: HubClient) -> bool:
    """Absence from a list fails nobody's session: the one server is asked for by name first."""
    server = client.find_server(session.learner.hub_name, session.server_name)
    return server is None or not (server.is_ready or server.pending)


def claim_resend(session: LabSession, now: datetime) -> bool:
    """Whether this sweep, and no other, sends the task again."""
    return bool(LabSession.objects.filter(pk=session.pk, sent_at=session.sent_at).update(sent_at=now))


def claim_delivery(session: LabSession, now: datetime) -> bool:
    """A lease: a worker that died over the delivery is replaced when it runs out."""
    free = Q(delivery_claimed_at__isnull=True) | Q(delivery_claimed_at__lt=now - DELIVERY_LEASE)
    return bool(LabSession.objects.filter(free, pk=session.pk).update(delivery_claimed_at=now))


def stop_orphans(hub: Hub, servers: dict[tuple[str, str], ServerModel], client: HubClient) -> None:
    """A server without a living session belongs to nobody: a start that came after its session's end."""
    if not servers:
        return
    names = {name for _user, name in servers}
    owned = set(
        LabSession.objects.filter(
            hub=hub, server_name__in=names, status__in=ACTIVE_SESSION_STATUSES
        ).values_list("server_name", flat=True)
    )
    for user, name in servers:
        if name not in owned:
            try:
                client.ensure_stopped(user, name)
            except LabError as error:
                logger.warning("orphan %s: %s", name, error)
