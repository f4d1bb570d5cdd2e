"""What a person asks for about submissions: to hand in their work, and to have it checked before."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from courses.models import Enrolment, User
from labs import tasks
from labs.exceptions import QueueDownError, RefusedError
from labs.models import LabSession, LabUnit, Submission, SubmissionEvent
from labs.models.workspaces import find_saved_work
from labs.services.sessions import find_active_session, note_press, send_on_commit
from labs.services.visible_tests import has_visible_tests
from labs.states import GradingStatus, SessionStatus, SubmissionStatus
from labs.work.attempt_limits import find_attempt_limits
from labs.work.collecting import leave_to_sweep

MAX_CHECKS: Final = 30
CHECKS_WITHIN: Final = timedelta(hours=1)
"""Checks of one learner; more than anybody presses who looks at what came out."""


def submit_lab(enrolment: Enrolment, lab_unit: LabUnit, *, press_key: UUID, actor: User) -> Submission:
    """Hand in a lab: what stands on the server's disk, else the newest snapshot.

    One press is one submission however often it arrives, and while one is being collected every press finds
    it. RefusedError: `nothing_to_submit` where the learner has neither a session nor saved work, and those of
    `check_attempt`.
    """
    collecting = Q(purpose=Submission.Purpose.ATTEMPT, status=SubmissionStatus.COLLECTING)
    same = find_presses(enrolment, lab_unit).filter(Q(press_key=press_key) | collecting)
    if found := same.first():
        return found
    require_work(enrolment, lab_unit)
    check_attempt(enrolment, lab_unit)
    return collect_once(same, enrolment, lab_unit, Submission.Purpose.ATTEMPT, press_key, actor)


def check_lab(enrolment: Enrolment, lab_unit: LabUnit, *, press_key: UUID, actor: User) -> Submission:
    """Run the visible tests on what `submit_lab` would hand in. No attempt is used, and no mark given.

    Every press finds the check that is being collected or run; one that waits is replaced by newer work.
    RefusedError: `nothing_to_check` where the lab shows no tests, `nothing_to_submit`, `checks_too_many` above
    MAX_CHECKS.
    """
    going = Q(status=SubmissionStatus.COLLECTING) | Q(runs__status=GradingStatus.RUNNING)
    checks = Q(purpose=Submission.Purpose.CHECK)
    same = find_presses(enrolment, lab_unit).filter(Q(press_key=press_key) | checks & going)
    if found := same.first():
        return found
    if not has_visible_tests(lab_unit.release):
        raise RefusedError(reason="nothing_to_check")
    require_work(enrolment, lab_unit)
    pressed = Submission.objects.filter(checks, enrolment__learner=enrolment.learner_id)
    if pressed.filter(pressed_at__gt=timezone.now() - CHECKS_WITHIN).count() >= MAX_CHECKS:
        raise RefusedError(reason="checks_too_many")
    return collect_once(same, enrolment, lab_unit, Submission.Purpose.CHECK, press_key, actor)


def check_attempt(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    """Whether the learner may hand in now. RefusedError: `no_attempts_left`, `too_soon`.

    However many wait: a newer attempt takes over the place of the older one, so nobody fills the queue.
    """
    limits = find_attempt_limits(enrolment, lab_unit.release.lab)
    if refusal := limits.find_refusal(timezone.now()):
        raise RefusedError(reason=refusal)


def require_work(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    """Note that the learner is there; RefusedError (`nothing_to_submit`) where nothing could be collected."""
    session: LabSession | None = find_active_session(enrolment, lab_unit)
    if session is not None:
        note_press(session)
        if session.status in {SessionStatus.READY, SessionStatus.STOPPING}:
            return
    if find_saved_work(enrolment.learner_id, lab_unit.release.lab_id) is None:
        raise RefusedError(reason="nothing_to_submit")


def find_presses(enrolment: Enrolment, lab_unit: LabUnit) -> QuerySet[Submission]:
    return Submission.objects.filter(enrolment=enrolment, lab=lab_unit.release.lab_id)


def collect_once(
    same: QuerySet[Submission],
    enrolment: Enrolment,
    lab_unit: LabUnit,
    purpose: Submission.Purpose,
    press_key: UUID,
    actor: User,
) -> Submission:
    """Write a submission that is to be collected; of presses at once, the first one that is the `same`."""
    try:
        with transaction.atomic():
            submission = write_press(enrolment, lab_unit, purpose, press_key, actor)
            send_on_commit(lambda: send_collect(submission))
    except IntegrityError:
        first = same.first()
        if first is None:
            raise
        return first
    return submission


def send_collect(submission: Submission) -> None:
    """Where Paja's own queue is down no worker has it, and the next sweep need not wait until one would be given up."""
    try:
        tasks.send_collect(submission.pk, submission.enrolment.cohort.factory.slug)
    except QueueDownError:
        leave_to_sweep(submission)
        raise


def write_press(
    enrolment: Enrolment, lab_unit: LabUnit, purpose: Submission.Purpose, press_key: UUID, actor: User
) -> Submission:
    """A submission in `collecting`: of the release that the cohort has now, so that what it mends reaches all."""
    submission = Submission.objects.create(
        enrolment=enrolment,
        lab=lab_unit.release.lab,
        release=lab_unit.release,
        purpose=purpose,
        press_key=press_key,
    )
    SubmissionEvent.objects.create(
        submission=submission, after=SubmissionStatus.COLLECTING, reason="requested", actor=actor
    )
    return submission
