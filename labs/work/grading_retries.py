"""What becomes of a run that we failed to grade: another try in the same place of the line, at last a fault of ours."""

from typing import Final

from django.db import transaction
from django.utils import timezone

from courses.models import Enrolment
from labs.exceptions import StaleStateError
from labs.models import GradingRun, Submission
from labs.states import GradingStatus
from labs.transitions import UNSENT, move_grading
from labs.work.grading_queue import queue_run
from labs.work.telling_staff import tell_staff

MAX_TRIES: Final = 3


@transaction.atomic
def try_again_or_fail(run: GradingRun, *, reason: str) -> GradingRun | None:
    """End a run for a fault of ours and make the next one, in the same place of the line; a sweep wakes a worker.

    After MAX_TRIES the last run stays failed, and staff are told: our fault, never a zero, and no attempt is used up.
    """
    lock_enrolment(run)
    tries = count_tries(run)
    is_last = tries >= MAX_TRIES
    if is_last:
        is_check = run.submission.purpose == Submission.Purpose.CHECK
        reason = "check_failed" if is_check else "grading_failed"
    try:
        move_grading(run, GradingStatus.FAILED, reason=reason, finished_at=timezone.now())
    except StaleStateError:
        return None
    if is_last:
        transaction.on_commit(lambda: tell_staff(run), robust=True)
        return None
    return queue_run(
        run.submission,
        release=run.release,
        lane=GradingRun.Lane(run.lane),
        try_number=tries + 1,
        in_line_since=run.in_line_since,
        sent_at=UNSENT,
    )


def lock_enrolment(run: GradingRun) -> None:
    """Newer work of the learner, whose attempts are counted at this moment, finds the run either running or waiting."""
    Enrolment.objects.select_for_update().get(pk=run.submission.enrolment_id)


def count_tries(run: GradingRun) -> int:
    """How often a run was taken up: those before it, itself, and each time that it was put back."""
    return (
        run.try_number + run.events.filter(before=GradingStatus.RUNNING, after=GradingStatus.QUEUED).count()
    )


@transaction.atomic
def put_back(run: GradingRun) -> None:
    """This machine could close no box: the run waits for one that can. It was a try: the fault may be the run's."""
    lock_enrolment(run)
    if count_tries(run) >= MAX_TRIES:
        try_again_or_fail(run, reason="box_unavailable")
        return
    try:
        move_grading(
            run,
            GradingStatus.QUEUED,
            reason="grader_lost" if run.factory_id else "box_unavailable",
            claimed_at=None,
            heartbeat_at=None,
            worker="",
            sent_at=timezone.now(),
        )
    except StaleStateError:
        return
