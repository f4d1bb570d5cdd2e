"""What a person asks for about sessions. Each function is one transaction and a task queued on commit."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from courses.models import Enrolment, User
from labs import tasks
from labs.exceptions import QueueDownError, RefusedError, StaleStateError
from labs.models import Hub, Lab, LabRelease, LabSession, LabUnit, Workspace
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus
from labs.transitions import UNSENT, begin_stop, note_session, open_session
from labs.work.choices import Choice, get_recommended
from labs.work.leasing import find_account
from labs.work.placing import find_release, list_places_again
from labs.work.refused_places import judge_limits
from labs.work.visiting import SILENT, find_pause

logger = logging.getLogger(__name__)

WATCH_EVERY: Final = timedelta(seconds=20)
"""Each visit asks the hub for a token, and a class has many open pages."""

START_IS_SLOW: Final = timedelta(seconds=20)
STOP_IS_SLOW: Final = timedelta(seconds=60)


def request_session(
    enrolment: Enrolment, lab_unit: LabUnit, *, actor: User, choice: Choice | None = None
) -> LabSession:
    """The learner's active session in a lab; a new one is requested where there is none.

    At a factory with Slurm where they chose, else at the recommended place; that may be another factory than the
    cohort's. Asking twice, also at once, finds the first. RefusedError: `cohort_not_begun`, `cohort_over`, `no_hub`,
    and those of `get_recommended` and `create_session`.
    """
    active = find_active_session(enrolment, lab_unit)
    if active:
        return active
    hub = check_startable(enrolment)
    if choice is None and hub.has_slurm:
        choice = get_recommended(enrolment, lab_unit.release)
    workspace, _is_new = Workspace.objects.get_or_create(
        owner=enrolment.learner, lab=lab_unit.release.lab, purpose=Workspace.Purpose.LEARN
    )
    return create_session(workspace, lab_unit.release, hub, enrolment=enrolment, actor=actor, choice=choice)


def create_session(
    workspace: Workspace,
    release: LabRelease,
    hub: Hub,
    *,
    enrolment: Enrolment | None = None,
    actor: User,
    choice: Choice | None = None,
) -> LabSession:
    """The active session of a workspace; a new one is requested where there is none, at `hub` or where they chose.

    RefusedError where there are as many as may be: `learner_limit`, `factory_full`, `lab_full`; where the choice
    is blocked: its reason; and those of `find_account`.
    """
    place: dict[str, Any] = {}
    try:
        with transaction.atomic():
            if choice:
                hub = choice.hub
            check_limits(workspace, release, hub)
            if choice:
                place = take_place(workspace.owner, choice)
            session = open_session(workspace, release, hub, enrolment=enrolment, actor=actor, **place)
            send_on_commit(lambda: tasks.send_start(session.pk, hub.factory.slug), session)
    except (IntegrityError, RefusedError):
        first = workspace.sessions.filter(status__in=ACTIVE_SESSION_STATUSES).first()
        if first is None:
            raise
        return first
    return session


def take_place(learner: User, choice: Choice) -> dict[str, Any]:
    """The fields of a session that runs where a person chose, as a Unix account that is theirs for it."""
    if choice.blocked_reason:
        raise RefusedError(reason=choice.blocked_reason)
    account = find_account(learner, choice.allocation)
    return {"allocation": choice.allocation, "flavour": choice.flavour, "account": account}


def check_limits(workspace: Workspace, release: LabRelease, hub: Hub) -> None:
    """Count under a lock on the hub's row, so that presses at once are counted one after the other.

    A lab's own limit is for its learners, at all factories together: its row is locked too, after the hub's.
    """
    hub = Hub.objects.select_for_update(no_key=True, of=["self"]).get(pk=hub.pk)
    active = LabSession.objects.filter(status__in=ACTIVE_SESSION_STATUSES)
    reason = ""
    lab_max = release.session.get("sessions_max")
    if lab_max is not None and workspace.purpose == Workspace.Purpose.LEARN:
        Lab.objects.select_for_update(no_key=True).get(pk=workspace.lab_id)
        learners = active.filter(lab=workspace.lab_id, workspace__purpose=Workspace.Purpose.LEARN)
        reason = "lab_full" if learners.count() >= lab_max else ""
    at_hub = active.filter(hub=hub)
    reason = judge_limits(hub, at_hub.count(), at_hub.filter(learner=workspace.owner_id).count()) or reason
    if reason:
        raise RefusedError(reason=reason)


def find_active_session(enrolment: Enrolment, lab_unit: LabUnit) -> LabSession | None:
    return LabSession.objects.filter(
        learner_id=enrolment.learner_id,
        lab_id=lab_unit.release.lab_id,
        workspace__purpose=Workspace.Purpose.LEARN,
        status__in=ACTIVE_SESSION_STATUSES,
    ).first()


def check_startable(enrolment: Enrolment) -> Hub:
    """The hub that serves the enrolment's cohort now; RefusedError says why there is none."""
    now = timezone.now()
    if now < enrolment.cohort.starts_at:
        raise RefusedError(reason="cohort_not_begun")
    if enrolment.cohort.is_over(now):
        raise RefusedError(reason="cohort_over")
    hub = Hub.objects.select_related("factory").filter(factory=enrolment.cohort.factory_id).first()
    if hub is None:
        raise RefusedError(reason="no_hub")
    return hub


def request_restart(session: LabSession, *, actor: User) -> None:
    """Stop a session and begin it anew; RefusedError where that has no place to go on, and then it stays as it is."""
    if session.is_active and session.flavour_id is not None:
        list_places_again(session, find_release(session))
    request_stop(session, actor=actor, reason="restart_requested", is_restarting=True)


def request_stop(
    session: LabSession, *, actor: User, reason: str = "stop_requested", is_restarting: bool = False
) -> None:
    """Stop a session, to begin it anew where it `is_restarting`; its work is saved first.

    One that has ended is left alone. One that is stopping goes on, and may still be told to begin anew.
    """
    if not session.is_active:
        return
    if session.status == SessionStatus.STOPPING:
        if is_restarting:
            LabSession.objects.filter(pk=session.pk, status=SessionStatus.STOPPING).update(is_restarting=True)
            session.refresh_from_db()
        return
    with transaction.atomic():
        try:
            begin_stop(session, actor=actor, reason=reason, is_restarting=is_restarting)
        except StaleStateError:
            session.refresh_from_db()
            request_stop(session, actor=actor, reason=reason, is_restarting=is_restarting)
            return
        send_on_commit(lambda: tasks.send_stop(session.pk, session.hub.factory.slug), session)


def keep_session(session: LabSession, *, actor: User) -> None:
    """“I am still here”: the time without activity begins anew.

    A visit takes the warning back in JupyterLab; one per warning, as visits have few places and a server may be slow.
    """
    with transaction.atomic():
        warned = LabSession.objects.filter(pk=session.pk, warned_at__isnull=False)
        was_warned = warned.update(warned_at=None)
        if note_press(session):
            session.refresh_from_db()
            note_session(session, reason="kept_by_learner", actor=actor)
            if was_warned:
                send_on_commit(lambda: tasks.send_visit(session.pk, session.hub.factory.slug))


def note_press(session: LabSession) -> bool:
    """Whoever opens or submits a lab is there: activity as any other. False where the session is not ready."""
    ready = LabSession.objects.filter(pk=session.pk, status=SessionStatus.READY)
    return bool(ready.update(active_at=timezone.now(), warned_at=None))


def watch_session(session: LabSession) -> None:
    """Somebody looks at a session: have it visited, every few seconds at most, so that the page says what is true."""
    now = timezone.now()
    if session.status != SessionStatus.READY or session.hub.down_since:
        return
    pause = find_pause(session) if session.workspace.unsaved_reason == SILENT else WATCH_EVERY
    if session.visited_at and session.visited_at > now - pause:
        return
    try:
        won = LabSession.objects.filter(pk=session.pk, visited_at=session.visited_at).update(visited_at=now)
    except OperationalError as error:  # a database that is busy costs a visit, never the page
        logger.warning("session %s: no visit asked for: %s", session.server_name, error)
        return
    if won:
        send_on_commit(lambda: tasks.send_visit(session.pk, session.hub.factory.slug))


def find_delay(session: LabSession) -> str:
    """The reason why a session waits longer for its factory than it should; empty while it does not."""
    now, reason = timezone.now(), ""
    if session.status == SessionStatus.STOPPING:
        if session.stop_requested_at and now - session.stop_requested_at > STOP_IS_SLOW:
            reason = "stop_takes_long"
    elif session.is_active and session.asked_at is None:
        if session.sent_at == UNSENT and session.events.filter(reason="queue_down").exists():
            reason = "queue_down"
        elif now - session.requested_at > START_IS_SLOW:
            reason = "hub_unavailable"
    return reason


def send_on_commit(send: Callable[[], None], session: LabSession | None = None) -> None:
    """Queue a task when the transaction is safe. Where Paja's own queue is down, a sweep queues it later.

    The learner of a `session` that waits for the task is told.
    """

    def try_to_send() -> None:
        try:
            send()
        except QueueDownError as error:
            logger.warning("not queued: %s", error)
            if session:
                LabSession.objects.filter(pk=session.pk).update(sent_at=UNSENT)
                note_session(session, reason="queue_down")

    transaction.on_commit(try_to_send, robust=True)
