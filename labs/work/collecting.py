"""Collecting what a learner submitted: from the server's disk, else from the newest snapshot."""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from labs.exceptions import LabError, StaleStateError
from labs.models import GradingRun, GradingRunEvent, LabSession, Snapshot, Submission
from labs.states import GradingStatus, SessionStatus, SubmissionStatus
from labs.transitions import move_submission
from labs.work.connections import WorkspaceConnector, connect_workspace
from labs.work.workspaces import save_snapshot

logger = logging.getLogger(__name__)

RESEND_AFTER: Final = timedelta(seconds=10)
GIVE_UP_AFTER: Final = timedelta(seconds=45)
SAID_REASONS: Final = {"workspace_too_large", "too_many_files", "too_deep", "file_too_large"}


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
    session = find_server_session(submission)
    try:
        if session is not None and session.status == SessionStatus.STOPPING:
            return None  # its stop is saving a snapshot; the sweep comes back
        if session is not None:
            with connect(session) as workspace:
                snapshot = save_snapshot(session, workspace, Snapshot.Cause.SUBMIT)
            return keep(submission, snapshot, Submission.Source.SERVER)
        return keep(submission, newest_snapshot(submission), Submission.Source.SNAPSHOT)
    except StaleStateError:
        return None
    except LabError as error:
        logger.warning("submission %s: %s", submission.public_id, error)
        give_up_or_wait(submission, error)
        return None


def find_server_session(submission: Submission) -> LabSession | None:
    return (
        LabSession.objects.filter(
            learner=submission.enrolment.learner_id,
            lab=submission.lab_id,
            status__in=[SessionStatus.READY, SessionStatus.STOPPING],
        )
        .select_related("learner", "lab", "release__lab__course", "hub__factory")
        .first()
    )


def newest_snapshot(submission: Submission) -> Snapshot | None:
    return Snapshot.objects.filter(learner=submission.enrolment.learner_id, lab=submission.lab_id).first()


@transaction.atomic
def keep(submission: Submission, snapshot: Snapshot | None, source: Submission.Source) -> int | None:
    """Make the snapshot's files the submission's. The same content as the attempt before makes no new attempt."""
    if snapshot is None or not set(submission.release.notebooks) & set(snapshot.files):
        move_submission(submission, SubmissionStatus.FAILED, reason="notebook_missing")
        return None
    before = Submission.objects.filter(enrolment=submission.enrolment, lab=submission.lab).exclude(
        attempt=None
    )
    newest = before.order_by("-attempt").first()
    stored = {
        "files": snapshot.files,
        "content_hash": snapshot.content_hash,
        "saved_at": snapshot.saved_at,
        "source": source,
        "collected_at": timezone.now(),
    }
    if newest and (newest.content_hash, newest.release_id) == (snapshot.content_hash, submission.release_id):
        move_submission(submission, SubmissionStatus.UNCHANGED, reason="same_as_before", **stored)
        return None
    attempt = (before.aggregate(last=Max("attempt"))["last"] or 0) + 1
    move_submission(submission, SubmissionStatus.COLLECTED, reason="collected", attempt=attempt, **stored)
    return queue_run(submission, try_number=1).pk


def queue_run(submission: Submission, *, try_number: int) -> GradingRun:
    run = GradingRun.objects.create(submission=submission, try_number=try_number)
    GradingRunEvent.objects.create(run=run, after=GradingStatus.QUEUED, reason="queued")
    return run


def give_up_or_wait(submission: Submission, error: LabError) -> None:
    """Faults that the learner can mend are said at once; others only after further tries."""
    if error.reason in SAID_REASONS:
        move_submission(submission, SubmissionStatus.FAILED, reason="workspace_too_large")
    elif timezone.now() - submission.pressed_at > GIVE_UP_AFTER:
        move_submission(submission, SubmissionStatus.FAILED, reason="not_collected")


def claim_forgotten_submissions(now: datetime | None = None) -> list[tuple[int, str]]:
    """Ids and factories of submissions whose collection was lost or has to be tried again."""
    now = now or timezone.now()
    waiting = Submission.objects.filter(
        status=SubmissionStatus.COLLECTING, sent_at__lt=now - RESEND_AFTER
    ).values_list("pk", "sent_at", "enrolment__cohort__factory__slug")
    return [
        (pk, factory)
        for pk, sent_at, factory in waiting
        if Submission.objects.filter(pk=pk, sent_at=sent_at).update(sent_at=now)
    ]
