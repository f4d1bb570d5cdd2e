"""What a person asks for about submissions."""

from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from courses.models import Enrolment, User
from labs import tasks
from labs.exceptions import RefusedError
from labs.models import GradingRun, LabUnit, Submission, SubmissionEvent
from labs.models.workspaces import find_saved_work
from labs.services.sessions import find_active_session, note_press, send_on_commit
from labs.states import ACTIVE_GRADING_STATUSES, SessionStatus, SubmissionStatus

MAX_WAITING: Final = 3
"""Attempts of one learner in the grading queue, in which others wait too."""


def submit_lab(enrolment: Enrolment, lab_unit: LabUnit, *, press_key: UUID, actor: User) -> Submission:
    """Hand in a lab: what stands on the server's disk, else the newest snapshot.

    One press is one submission however often it arrives, and while one is being collected every press finds
    it. RefusedError: `nothing_to_submit` where the learner has neither a session nor saved work,
    `attempts_waiting` while MAX_WAITING earlier attempts are still to be graded.
    """
    lab = lab_unit.release.lab
    same = Submission.objects.filter(enrolment=enrolment, lab=lab).filter(
        Q(press_key=press_key) | Q(status=SubmissionStatus.COLLECTING)
    )
    found = same.first()
    if found:
        return found
    session = find_active_session(enrolment, lab_unit)
    has_server = session is not None and session.status in {SessionStatus.READY, SessionStatus.STOPPING}
    if session is not None:
        note_press(session)
    if not has_server and find_saved_work(enrolment.learner_id, lab.pk) is None:
        raise RefusedError(reason="nothing_to_submit")
    waiting = GradingRun.objects.filter(
        submission__enrolment__learner=enrolment.learner_id, status__in=ACTIVE_GRADING_STATUSES
    )
    if waiting.count() >= MAX_WAITING:
        raise RefusedError(reason="attempts_waiting")
    try:
        with transaction.atomic():
            submission = Submission.objects.create(
                enrolment=enrolment,
                lab=lab,
                release=session.release if session else lab_unit.release,
                press_key=press_key,
            )
            SubmissionEvent.objects.create(
                submission=submission, after=SubmissionStatus.COLLECTING, reason="requested", actor=actor
            )
            send_on_commit(lambda: tasks.send_collect(submission.pk, enrolment.cohort.factory.slug))
    except IntegrityError:
        first = same.first()
        if first is None:
            raise
        return first
    return submission
