"""Starting and stopping a session's server at its hub. Everything may be repeated."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from courses.models import Enrolment
from courses.states import READING_STATUSES
from labs.access import authored_cohorts_for
from labs.exceptions import (
    HubUnavailableError,
    LabError,
    RefusedError,
    ServerAnswerError,
    SpawnRejectedError,
    StaleStateError,
)
from labs.jupyterhub import HubClient
from labs.models import AccountKind, Flavour, LabSession, Snapshot, Workspace
from labs.states import SessionStatus
from labs.transitions import UNSENT, move_session, note_session, open_session
from labs.work.connections import (
    HubConnector,
    WorkspaceConnector,
    connect_hub,
    connect_workspace,
    reachable_sessions,
)
from labs.work.job_endings import name_refusal
from labs.work.leasing import find_lease, judge_own_account
from labs.work.outages import is_worth_waiting
from labs.work.placing import find_place_again, find_release
from labs.work.workspaces import save_if_changed, save_snapshot

logger = logging.getLogger(__name__)

SAVE_FOR: Final = timedelta(minutes=5)
AUTHORS_TOOL: Final = "create-assignment"


def ensure_spawned(session_id: int, *, connect: HubConnector = connect_hub) -> None:
    """Claim a requested session and ask its hub for the server; the sweep moves it on from there.

    A hub that does not answer leaves the session without `asked_at`: the sweep asks again. One that is known to be
    down is not asked; the start is kept.
    """
    session = reachable_sessions().get(pk=session_id)
    if session.hub.down_since and session.status in {SessionStatus.REQUESTED, SessionStatus.SPAWNING}:
        note_session(session, reason="hub_down")
        return
    if session.status == SessionStatus.REQUESTED:
        try:
            move_session(session, SessionStatus.SPAWNING, reason="hub_asked")
        except StaleStateError:
            return
    if session.status != SessionStatus.SPAWNING or session.asked_at:
        return
    if reason := judge_account(session):
        end_session(session, SessionStatus.FAILED, reason=reason)
        return
    try:
        with connect(session.hub) as hub:
            try:
                ask_for_server(session, hub)
            except SpawnRejectedError as error:
                logger.exception("session %s: the hub refused", session.server_name)
                refusal = error.refusal or find_refusal(session, hub)
                reason = name_refusal(refusal) if refusal else "spawn_rejected"
                end_session(session, SessionStatus.FAILED, reason=reason)
                return
    except HubUnavailableError as error:
        logger.warning("session %s: %s", session.server_name, error)
    else:
        LabSession.objects.filter(pk=session.pk).update(asked_at=timezone.now())


def judge_account(session: LabSession) -> str:
    """Why the session's own account cannot be used now; empty where it can, or is lent.

    A start may be kept for long: until then its owner may have told another name, which nobody has proved.
    """
    account = session.account
    if account is None or account.kind != AccountKind.OWN:
        return ""
    return judge_own_account(account, timezone.now())


def ask_for_server(session: LabSession, hub: HubClient) -> None:
    """Ask at once: nearly everybody is known to the hub already. Who is not is refused, made known, and asked for."""
    name = session.learner.hub_name
    try:
        hub.ensure_server(name, session.server_name, make_options(session))
    except SpawnRejectedError:
        hub.ensure_user(name)
        hub.ensure_server(name, session.server_name, make_options(session))


def find_refusal(session: LabSession, hub: HubClient) -> str:
    """The slug for which a hub with Slurm says that it took no job; empty where it says none."""
    if session.flavour_id is None:
        return ""
    try:
        return hub.read_queue(session.hub.jobs_read_until).find_refusal(session.server_name)
    except LabError:
        return ""


def make_options(session: LabSession) -> dict[str, object]:
    """What the hub is told of a server: the tools that the lab asks for, and the authors' own for authors alone.

    Of a job also where it is to run, in which size, on whose account, and as which Unix account.
    """
    tools = {str(tool) for tool in session.release.session.get("tools", [])} - {AUTHORS_TOOL}
    if session.workspace.purpose == Workspace.Purpose.AUTHOR:
        tools.add(AUTHORS_TOOL)
    if session.flavour is not None:
        return {"kind": "session", "tools": sorted(tools), **make_job_options(session, session.flavour)}
    return {"tools": sorted(tools)} if tools else {}


def make_job_options(session: LabSession, flavour: Flavour) -> dict[str, object]:
    """The part of the options that the hub holds against its factory's own lists."""
    allocation, account = session.allocation, session.account
    lease = find_lease(session.learner, account) if account else None
    return {
        "partition": flavour.partition.name,
        "flavour": flavour.slug,
        "minutes": find_minutes(session, flavour),
        "account": allocation.slurm_account if allocation else "",
        "qos": allocation.qos if allocation else "",
        "reservation": allocation.reservation if allocation else "",
        "unix_account": account.name if account else "",
        "lease": str(lease.public_id) if lease else "",
    }


def find_minutes(session: LabSession, flavour: Flavour) -> int:
    """How long its job may run: what the lab needs, as far as the place gives so much."""
    minutes = session.minutes or session.hub.minutes_max
    return min(minutes, flavour.minutes_max, flavour.partition.time_limit_minutes or minutes)


def ensure_stopped(
    session_id: int,
    *,
    connect: HubConnector = connect_hub,
    connect_to_workspace: WorkspaceConnector = connect_workspace,
) -> None:
    """Save the work of a session that is being stopped, then end its server.

    Also forgets the server of a session that has failed. While the hub is still busy, or down, the sweep asks again.
    """
    session = reachable_sessions().get(pk=session_id)
    if session.status not in {SessionStatus.STOPPING, SessionStatus.FAILED} or session.hub.down_since:
        return
    is_saved = session.status == SessionStatus.FAILED or save_before_stop(session, connect_to_workspace)
    if not is_saved:
        return
    try:
        with connect(session.hub) as hub:
            is_gone = hub.ensure_stopped(session.learner.hub_name, session.server_name)
    except LabError as error:
        logger.warning("session %s: not stopped yet: %s", session.server_name, error)
        return
    if is_gone and session.status == SessionStatus.STOPPING:
        end_session(session, SessionStatus.STOPPED, reason="server_gone")


def save_before_stop(session: LabSession, connect: WorkspaceConnector) -> bool:
    """Save a snapshot per stop; False while it is worth trying again.

    The workspace stays on the factory's disk, so a server that will not be read is ended all the same, and the
    learner told. A fault of the factory or of ours is waited out for SAVE_FOR, and so is a server that cannot be
    reached for the moment.
    """
    if not session.ready_at:
        return True
    saved = session.snapshots.filter(cause=Snapshot.Cause.STOP).first()
    if saved:
        if timezone.now() - saved.created_at > timedelta(seconds=settings.SNAPSHOT_SECONDS):
            save_again(session, connect)
        return True
    try:
        with connect(session) as workspace:
            save_snapshot(session, workspace, Snapshot.Cause.STOP)
    except Exception as error:
        logger.exception("session %s: no snapshot before its stop", session.server_name)
        is_final = (
            isinstance(error, ServerAnswerError | SpawnRejectedError) and error.reason != "server_unreachable"
        )
        stopped_at = session.stop_requested_at or session.requested_at
        if not is_final and is_worth_waiting(session.hub, since=stopped_at, patience=SAVE_FOR):
            return False
        note_session(session, reason="not_saved")
    return True


def save_again(session: LabSession, connect: WorkspaceConnector) -> None:
    """A hub that is away leaves a server running that was to be stopped, and somebody may go on working in it."""
    try:
        with connect(session) as workspace:
            save_if_changed(session, workspace, cause=Snapshot.Cause.STOP)
    except LabError as error:  # most often it is about to end
        logger.info("session %s: not saved again: %s", session.server_name, error)


@transaction.atomic
def end_session(session: LabSession, to: SessionStatus, *, reason: str) -> bool:
    """Move to a terminal status; False when somebody else already moved it.

    One that was stopped to be started anew has its successor in the same transaction; the next sweep sends that.
    """
    try:
        move_session(session, to, reason=reason, ended_at=timezone.now())
    except StaleStateError:
        return False
    if to == SessionStatus.STOPPED and session.is_restarting and is_entitled(session):
        begin_anew(session)
    return True


def begin_anew(session: LabSession) -> None:
    """A successor of a session that was stopped for it; of one that was a job at the same place, where it is to be had.

    Where nothing is to be had it says why, and the work is saved.
    """
    release = find_release(session)
    place: dict[str, Any] = {}
    hub = session.hub
    if session.flavour_id is not None:
        try:
            hub, place = find_place_again(session, release)
        except RefusedError as refusal:
            note_session(session, reason=refusal.reason)
            return
    open_session(session.workspace, release, hub, enrolment=session.enrolment, sent_at=UNSENT, **place)


def is_entitled(session: LabSession) -> bool:
    """Whether the person may have a session in this lab now: who learns in its cohort, and who may author it."""
    if session.enrolment is None:
        return authored_cohorts_for(session.learner).filter(release__course=session.lab.course_id).exists()
    return find_end_of_right(session.enrolment, timezone.now()) == ""


def find_end_of_right(enrolment: Enrolment, now: datetime) -> str:
    """Why an enrolment gives no session any more, as a reason; empty where it does."""
    reason = "cohort_over" if enrolment.cohort.is_over(now) else ""
    if enrolment.status not in READING_STATUSES:
        reason = "withdrawn"
    return reason
