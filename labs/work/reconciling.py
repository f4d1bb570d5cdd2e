"""The sweep that compares our sessions with a hub's servers, and moves or re-sends what differs."""

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from courses.states import READING_STATUSES
from labs.exceptions import LabError, StaleStateError
from labs.jupyterhub import HubClient, QueueAnswer, ServerModel
from labs.models import Hub, LabSession
from labs.models.sessions import is_server_name
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus
from labs.transitions import UNSENT, begin_stop, note_session
from labs.work.checking_accounts import follow_checks
from labs.work.connections import HubConnector, connect_for_sweep
from labs.work.following_jobs import follow_queue
from labs.work.job_endings import find_reason, is_worth_waiting_for
from labs.work.outages import note_answer, note_answer_seconds, note_silence
from labs.work.spawning import end_session, find_end_of_right
from labs.work.steps import ENDINGS, Step, next_step
from labs.work.tending_graders import follow_grader
from labs.work.visiting import find_next_visit
from labs.work.walltime import is_over, warn_of_ends

logger = logging.getLogger(__name__)

SWEEP_LEASE: Final = timedelta(seconds=15)  # longer than SWEEP_BUDGET_SECONDS
DELIVERY_LEASE: Final = timedelta(seconds=30)

CALM_SWEEP_EVERY: Final = timedelta(seconds=2)
BRIEF_ANSWER: Final = timedelta(seconds=0.3)
REST: Final = 2  # times as long as an answer took: listing 2,000 servers is a second's work for a hub
STARTS_PER_SWEEP: Final = 10  # a hub that is back meets everybody who waited for it
VISITS_PER_SWEEP: Final = 10
KEEP_START_FOR: Final = timedelta(hours=12)
CALM_AFTER: Final = timedelta(minutes=1)  # who waits in Slurm may do so for hours

ON_THE_WAY: Final = (SessionStatus.REQUESTED, SessionStatus.SPAWNING, SessionStatus.STOPPING)


@dataclass
class Sweep:
    """Ids of sessions for the tasks that the sweep's task queues."""

    starts: list[int] = field(default_factory=list)
    deliveries: list[int] = field(default_factory=list)
    visits: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    answer_took: timedelta = timedelta(0)


def find_due_hubs(now: datetime) -> list[tuple[int, str]]:
    """Ids and factories of the hubs to sweep now, in one query.

    A hub of which somebody waits for something is asked at every tick, others less often, one that is down when
    its next probe is due.
    """
    is_in_slurm = Q(flavour__isnull=False, status=SessionStatus.SPAWNING, asked_at__lt=now - CALM_AFTER)
    waiting = LabSession.objects.filter(hub=OuterRef("pk"), status__in=ON_THE_WAY).exclude(is_in_slurm)
    is_due = Q(answered_at=None) | Q(answered_at__lte=now - CALM_SWEEP_EVERY) | Exists(waiting)
    hubs = Hub.objects.filter(free_of_sweeps(now)).filter(
        Q(is_due, down_since=None) | Q(down_since__isnull=False, probe_at__lte=now)
    )
    return list(hubs.order_by("pk").values_list("pk", "factory__slug"))


def reconcile_sessions(hub_id: int, *, connect: HubConnector = connect_for_sweep) -> Sweep:
    """Compare all of a hub's servers, asked for in one call, with its sessions. No answer moves nothing.

    A sweep that meets another one at work does nothing.
    """
    hub = Hub.objects.select_related("factory").get(pk=hub_id)
    sweep = Sweep()
    listed_at = timezone.now()
    if not claim_sweep(hub, listed_at):
        return sweep
    try:
        end_what_is_over(hub, sweep, listed_at)
        warn_of_ends(hub, listed_at)
        compare(hub, sweep, listed_at, connect)
    except LabError as error:
        logger.warning("hub of %s: %s", hub.factory.slug, error)
    finally:
        rest = find_rest(sweep.answer_took, timezone.now())
        Hub.objects.filter(pk=hub.pk, sweep_claimed_at=listed_at).update(sweep_claimed_at=rest)
    return sweep


def compare(hub: Hub, sweep: Sweep, listed_at: datetime, connect: HubConnector) -> None:
    """Ask the hub and act on its answer. One that does not answer, refuses or cannot be asked is silent."""
    with ExitStack() as stack:
        try:
            client = stack.enter_context(connect(hub))
            servers = client.list_servers()
        except LabError:
            note_silence(hub, listed_at, timezone.now())
            raise
        sweep.answer_took = timezone.now() - listed_at
        note_answer_seconds(hub, listed_at, sweep.answer_took.total_seconds())
        is_back = note_answer(hub, listed_at)
        missing = take_steps(hub, servers, sweep, listed_at, is_back=is_back)
        answer = follow_queue(hub, client, listed_at)
        # Questions about single servers come last: one without an answer costs nobody else their step.
        end_missing(missing, client, sweep, answer, was_silent=hub.probe_at is not None)
        stop_orphans(hub, servers, client)
        follow_grader(hub, servers, client, listed_at)
        follow_checks(hub, servers, client, listed_at, answer)


def free_of_sweeps(now: datetime) -> Q:
    return Q(sweep_claimed_at__isnull=True) | Q(sweep_claimed_at__lt=now - SWEEP_LEASE)


def find_rest(answer_took: timedelta, now: datetime) -> datetime | None:
    """What ends the lease of a sweep: nothing where the hub answered briefly, else a rest for it."""
    return now - SWEEP_LEASE + REST * answer_took if answer_took > BRIEF_ANSWER else None


def claim_sweep(hub: Hub, now: datetime) -> bool:
    return bool(Hub.objects.filter(free_of_sweeps(now), pk=hub.pk).update(sweep_claimed_at=now))


def end_what_is_over(hub: Hub, sweep: Sweep, now: datetime) -> None:
    """What our own rows decide, whether the hub answers or not: time, right to a session, patience."""
    waiting = Q(status__in=[SessionStatus.REQUESTED, SessionStatus.SPAWNING], asked_at=None)
    is_to_end = (
        is_over(now)
        | Q(enrolment__isnull=False) & ~Q(enrolment__status__in=READING_STATUSES)
        | Q(enrolment__cohort__ends_at__lte=now)
        | waiting & Q(requested_at__lte=now - KEEP_START_FOR)
    )
    active = LabSession.objects.filter(is_to_end, hub=hub, status__in=ACTIVE_SESSION_STATUSES)
    for session in active.exclude(status=SessionStatus.STOPPING).select_related("enrolment__cohort"):
        lost_right = find_end_of_right(session.enrolment, now) if session.enrolment else ""
        if not lost_right and session.ends_at is None:
            end_session(session, SessionStatus.FAILED, reason="kept_too_long")
            continue
        try:
            begin_stop(session, reason=lost_right or "time_over")
        except StaleStateError:
            continue
        sweep.stops.append(session.pk)


def take_steps(
    hub: Hub,
    servers: dict[tuple[str, str], ServerModel],
    sweep: Sweep,
    listed_at: datetime,
    *,
    is_back: bool,
) -> list[tuple[LabSession, Step]]:
    """Take the steps that need no further question; returns the sessions whose server is missing."""
    missing = []
    visits = []
    for session in active_sessions(hub):
        server = servers.get((session.learner.hub_name, session.server_name))
        if server is not None and session.asked_at is None:  # the worker that asked did not live to note it
            LabSession.objects.filter(pk=session.pk, asked_at=None).update(asked_at=listed_at)
        step = next_step(session, server, listed_at=listed_at, is_back=is_back)
        if step in ENDINGS:
            missing.append((session, step))
        elif step is Step.VISIT:
            visits.append(session)
        else:
            take_step(session, step, sweep, listed_at)
    claim_visits(visits, sweep, listed_at)
    return missing


def active_sessions(hub: Hub) -> QuerySet[LabSession]:
    """In the order in which they were asked for, without the long lists of their releases."""
    active = LabSession.objects.filter(hub=hub, status__in=ACTIVE_SESSION_STATUSES)
    return (
        active.select_related("learner", "release", "hub", "workspace")
        .defer("release__source_files", "release__learner_files", "release__grade_cells")
        .order_by("requested_at")
    )


def take_step(session: LabSession, step: Step, sweep: Sweep, listed_at: datetime) -> None:
    match step:
        case Step.SEND_START:
            if len(sweep.starts) < STARTS_PER_SWEEP and claim_resend(session, listed_at):
                if session.sent_at > UNSENT:
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


def claim_visits(due: list[LabSession], sweep: Sweep, now: datetime) -> None:
    """Send those to be visited that have waited longest."""
    for session in sorted(due, key=find_next_visit)[:VISITS_PER_SWEEP]:
        if LabSession.objects.filter(pk=session.pk, visited_at=session.visited_at).update(visited_at=now):
            sweep.visits.append(session.pk)


def end_missing(
    missing: list[tuple[LabSession, Step]],
    client: HubClient,
    sweep: Sweep,
    answer: QueueAnswer | None,
    *,
    was_silent: bool,
) -> None:
    """Absence from a list ends nobody's session: the one server is asked for by name first.

    A list of many pages skips servers while others end; a stop that was ended for that would have saved nothing.
    A start that is gone with the hub's first answer after a silence was lost by the hub, which is asked again. Of a
    session that was a job it is waited for a while, what Slurm says of its end.
    """
    for session, step in missing:
        server = client.find_server(session.learner.hub_name, session.server_name)
        if server is not None and (server.is_ready or server.pending):
            continue
        to, reason = ENDINGS[step]
        told = find_reason(session, answer) if is_job(session) and to == SessionStatus.FAILED else ""
        if step is Step.FAIL_NOT_STARTED and was_silent and not told:
            if forget_start(session):
                sweep.starts.append(session.pk)
        elif told is None and is_worth_waiting_for(session, timezone.now()):
            continue
        elif end_session(session, to, reason=told or reason) and to == SessionStatus.FAILED:
            sweep.stops.append(session.pk)


def is_job(session: LabSession) -> bool:
    return session.flavour_id is not None


def forget_start(session: LabSession) -> bool:
    now = timezone.now()
    spawning = LabSession.objects.filter(pk=session.pk, status=SessionStatus.SPAWNING)
    is_forgotten = bool(spawning.filter(asked_at=session.asked_at).update(asked_at=None, sent_at=now))
    if is_forgotten:
        note_session(session, reason="asked_again")
    return is_forgotten


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
