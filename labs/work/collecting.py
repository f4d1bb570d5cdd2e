"""Collecting what a learner submits or has checked: from the server's disk, else from the newest snapshot."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from courses.models import Enrolment
from courses.services.progress import complete_unit
from labs.exceptions import HubUnavailableError, LabError, StaleStateError
from labs.models import LabSession, Snapshot, Submission, Workspace
from labs.models.workspaces import find_saved_work
from labs.states import ACTIVE_GRADING_STATUSES, GradingStatus, SessionStatus, SubmissionStatus
from labs.transitions import move_submission
from labs.work.attempt_limits import find_attempt_limits
from labs.work.connections import WorkspaceConnector, connect_workspace, reachable_sessions
from labs.work.grading_queue import queue_run, replace_waiting
from labs.work.notebook_names import has_notebook
from labs.work.old_checks import forget_old_checks
from labs.work.outages import is_worth_waiting
from labs.work.workspaces import save_snapshot

logger = logging.getLogger(__name__)

COLLECT_LEASE: Final = timedelta(seconds=30)  # as long as one conversation with a server: WORKSPACE_SECONDS
GIVE_UP_AFTER: Final = timedelta(seconds=45)

CAUSES: Final = {
    Submission.Purpose.ATTEMPT: Snapshot.Cause.SUBMIT,
    Submission.Purpose.CHECK: Snapshot.Cause.TIMER,
}

# What the learner can mend, by what the wrapper calls it.
LEARNERS_FAULTS: Final[Mapping[str, str]] = {
    "workspace_too_large": "workspace_too_large",
    "too_many_files": "workspace_too_large",
    "too_deep": "workspace_too_large",
    "file_too_large": "workspace_too_large",
    "answer_too_large": "workspace_too_large",
    "unsafe_name": "file_name_refused",
}


@dataclass(frozen=True)
class Work:
    """Files by path, as digests, and when they were last written; None where that is not known."""

    files: dict[str, str]
    content_hash: str
    saved_at: datetime | None
    source: Submission.Source


def collect_submission(submission_id: int, *, connect: WorkspaceConnector = connect_workspace) -> int | None:
    """Store the work and queue a grading run; the id of the run, or None where there is nothing to grade (yet).

    The files are stored before anything else happens. A server that does not answer is asked again by the
    sweep for a while; then the learner is told, rather than given older work in silence.
    """
    submission = Submission.objects.select_related("enrolment__learner", "lab", "release").get(
        pk=submission_id
    )
    if submission.status != SubmissionStatus.COLLECTING:
        return None
    try:
        return collect(submission, connect)
    except StaleStateError:
        return None
    except HubUnavailableError as error:
        logger.warning("submission %s: not collected: %s", submission.public_id, error)
        give_up_or_wait(submission, error)
        return None
    except Exception as error:  # a server's wrong answer or a fault of ours: nobody waits for ever
        logger.exception("submission %s: not collected", submission.public_id)
        give_up_or_wait(submission, error)
        return None


def collect(submission: Submission, connect: WorkspaceConnector) -> int | None:
    session = find_session_at_press(submission)
    if session is None:
        work = find_saved_work(submission.enrolment.learner_id, submission.lab_id)
        return keep_snapshot(submission, work, Submission.Source.SNAPSHOT)
    if session.status == SessionStatus.READY:
        with connect(session) as workspace:
            snapshot = save_snapshot(session, workspace, CAUSES[Submission.Purpose(submission.purpose)])
        return keep_snapshot(submission, snapshot, Submission.Source.SERVER)
    if session.is_active:
        leave_to_sweep(submission)  # its stop is saving a snapshot
        return None
    saved = session.snapshots.filter(Q(cause=Snapshot.Cause.STOP) | Q(created_at__gte=submission.pressed_at))
    if (last := saved.first()) is None:
        move_submission(submission, SubmissionStatus.FAILED, reason="server_ended")
        return None
    return keep_snapshot(submission, last, Submission.Source.SNAPSHOT)


def find_session_at_press(submission: Submission) -> LabSession | None:
    """The session whose server held the work when *Submit* was pressed; it may have ended since."""
    return (
        reachable_sessions()
        .filter(learner=submission.enrolment.learner_id, lab=submission.lab_id)
        .filter(workspace__purpose=Workspace.Purpose.LEARN)
        .filter(
            Q(status__in=[SessionStatus.READY, SessionStatus.STOPPING])
            | Q(ready_at__isnull=False, ended_at__gte=submission.pressed_at)
        )
        .first()
    )


def keep_snapshot(submission: Submission, snapshot: Snapshot | None, source: Submission.Source) -> int | None:
    """As `keep`; without a notebook of the lab there is nothing to grade."""
    if snapshot is None or not has_notebook(submission.release, snapshot.files):
        move_submission(submission, SubmissionStatus.FAILED, reason="notebook_missing")
        return None
    return keep(submission, Work(snapshot.files, snapshot.content_hash, snapshot.saved_at, source))


@transaction.atomic
def keep(submission: Submission, work: Work) -> int | None:
    """Make the files the submission's, and queue its run; the run's id, or None where nothing is to be graded.

    The same content as before makes no new attempt, and no new check; other content takes over the place in the queue
    of what still waits there. Of attempts that are collected at once each sees the one before: the enrolment's row is
    their lock. A practice lab is done when it is handed in.
    """
    Enrolment.objects.select_for_update().get(pk=submission.enrolment_id)
    stored = {**asdict(work), "collected_at": timezone.now()}
    is_attempt = submission.purpose == Submission.Purpose.ATTEMPT
    if reason := find_sameness(submission, work):
        move_submission(submission, SubmissionStatus.UNCHANGED, reason=reason, **stored)
        if not is_attempt:
            forget_old_checks(submission)
        return None
    before = transaction.savepoint()
    in_line_since = replace_waiting(submission)
    if is_attempt:
        limits = find_attempt_limits(submission.enrolment, submission.lab)
        if refusal := limits.find_refusal(submission.pressed_at):
            transaction.savepoint_rollback(before)
            move_submission(submission, SubmissionStatus.FAILED, reason=refusal)
            return None
        stored["attempt"] = (find_attempts(submission).aggregate(last=Max("attempt"))["last"] or 0) + 1
    move_submission(submission, SubmissionStatus.COLLECTED, reason="collected", **stored)
    if submission.release.is_practice:
        complete_unit(submission.enrolment, submission.lab.slug)
        return None
    return queue_run(submission, in_line_since=in_line_since).pk


def find_attempts(submission: Submission) -> QuerySet[Submission]:
    """All that the learner has handed in for the lab, the newest first."""
    attempts = Submission.objects.filter(
        enrolment=submission.enrolment_id, lab=submission.lab_id, attempt__isnull=False
    )
    return attempts.order_by("-attempt")


def find_sameness(submission: Submission, work: Work) -> str:
    """Why grading or checking again could give nothing else; empty where it could.

    What we failed to grade, or to check, is graded on the next press. `same_waits`: it has its place in the queue.
    """
    is_check = submission.purpose == Submission.Purpose.CHECK
    newest = (find_checks if is_check else find_attempts)(submission).first()
    if newest is None:
        return ""
    runs = newest.runs.exclude(status__in=[GradingStatus.FAILED, GradingStatus.REPLACED])
    run = runs.order_by("-queued_at", "-pk").first()
    if run is None and newest.runs.exists():
        return ""
    release = run.release_id if run else newest.release_id
    if (newest.content_hash, release) != (work.content_hash, submission.release_id):
        return ""
    reason = "same_check" if is_check else "same_as_before"
    if run and run.status in ACTIVE_GRADING_STATUSES:
        reason = "same_waits"
    return reason


def find_checks(submission: Submission) -> QuerySet[Submission]:
    """The checks of a learner's lab that came to a result or still may, the newest first."""
    checks = Submission.objects.filter(
        enrolment=submission.enrolment_id,
        lab=submission.lab_id,
        purpose=Submission.Purpose.CHECK,
        runs__status__in=[GradingStatus.FINISHED, *ACTIVE_GRADING_STATUSES],
    )
    return checks.order_by("-pressed_at")


def give_up_or_wait(submission: Submission, error: Exception) -> None:
    """Faults that the learner can mend are said at once; others only after further tries.

    While the factory is known to be down no attempt is given up, and it has its time after that too. A check would
    come too late.
    """
    reason = LEARNERS_FAULTS.get(error.reason, "") if isinstance(error, LabError) else ""
    is_attempt = submission.purpose == Submission.Purpose.ATTEMPT
    session = find_session_at_press(submission) if is_attempt else None
    hub = session.hub if session else None
    if not reason and not is_worth_waiting(hub, since=submission.pressed_at, patience=GIVE_UP_AFTER):
        reason = "not_collected"
    if not reason:
        leave_to_sweep(submission)
        return
    try:
        move_submission(submission, SubmissionStatus.FAILED, reason=reason)
    except StaleStateError:
        return


def leave_to_sweep(submission: Submission) -> None:
    """End the lease at once: the next sweep sends the submission again."""
    over = timezone.now() - COLLECT_LEASE
    Submission.objects.filter(pk=submission.pk, status=SubmissionStatus.COLLECTING).update(sent_at=over)


def claim_forgotten_submissions(now: datetime | None = None) -> list[tuple[int, str]]:
    """Ids and factories of submissions whose collection was lost or has to be tried again."""
    now = now or timezone.now()
    waiting = Submission.objects.filter(
        status=SubmissionStatus.COLLECTING, sent_at__lte=now - COLLECT_LEASE
    ).values_list("pk", "sent_at", "enrolment__cohort__factory__slug")
    return [
        (pk, factory)
        for pk, sent_at, factory in waiting
        if Submission.objects.filter(pk=pk, sent_at=sent_at).update(sent_at=now)
    ]
