"""The grading queue: who is in line, whose turn it is, and who is woken. The database holds it, messages only wake."""

import os
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from courses.models import Factory, User
from labs.exceptions import StaleStateError
from labs.models import GradingPause, GradingRun, GradingRunEvent, LabRelease, Submission
from labs.states import GradingStatus
from labs.transitions import UNSENT, move_grading
from labs.work.graders import find_grading_factory

Lane = GradingRun.Lane

WAKE_AFTER: Final = timedelta(seconds=5)
"""A run that waits this long after a wake-up was sent for it gets another one: the first may be lost."""

WAKE_AT_ONCE: Final = 50
"""Wake-ups of one sweep."""

OF_EACH_COURSE: Final = 8
ROUNDS: Final = 5
REMEMBERED: Final = 500
"""Runs that ended last, by which the turns go: a course with none of them was not served for a long time."""

NEVER: Final = UNSENT


def name_worker() -> str:
    """Who holds a run: the host and the process."""
    return f"{socket.gethostname()[:100]}:{os.getpid()}"


def queue_run(
    submission: Submission,
    *,
    release: LabRelease | None = None,
    lane: Lane = Lane.LEARNERS,
    try_number: int = 1,
    in_line_since: datetime | None = None,
    sent_at: datetime | None = None,
    reason: str = "queued",
    actor: User | None = None,
) -> GradingRun:
    """A run of a submission in `queued`, by its own release unless another one is given; it knows who may take it.

    With `sent_at` UNSENT the next sweep wakes a worker for it. IntegrityError where one of its runs has not ended.
    """
    now = timezone.now()
    release = release or submission.release
    run = GradingRun.objects.create(
        submission=submission,
        release=release,
        factory=find_grading_factory(submission, release),
        lane=lane,
        try_number=try_number,
        queued_at=now,
        in_line_since=in_line_since or now,
        sent_at=sent_at or now,
    )
    GradingRunEvent.objects.create(run=run, after=GradingStatus.QUEUED, reason=reason, actor=actor)
    return run


def queue_regrades(submissions: Sequence[Submission], release: LabRelease, *, actor: User) -> None:
    """A run behind all learners for each submission, by that release; in a few queries, and waiting for a sweep."""
    now = timezone.now()
    runs = GradingRun.objects.bulk_create(
        GradingRun(
            submission=submission,
            release=release,
            factory=find_grading_factory(submission, release),
            lane=Lane.REGRADES,
            queued_at=now,
            in_line_since=now,
            sent_at=UNSENT,
        )
        for submission in submissions
    )
    GradingRunEvent.objects.bulk_create(
        GradingRunEvent(run=run, after=GradingStatus.QUEUED, reason="regrade", actor=actor) for run in runs
    )


def replace_waiting(submission: Submission) -> datetime | None:
    """Take older work of the same learner and kind in the same lab out of the line; since when it stood there.

    The caller holds the enrolment's row. A run that a worker takes at this moment is graded.
    """
    older = GradingRun.objects.filter(
        submission__enrolment=submission.enrolment_id,
        submission__lab=submission.lab_id,
        submission__purpose=submission.purpose,
        lane=Lane.LEARNERS,
        status=GradingStatus.QUEUED,
    ).exclude(submission=submission)
    freed = []
    for run in older:
        try:
            move_grading(run, GradingStatus.REPLACED, reason="replaced")
        except StaleStateError:
            continue
        freed.append(run.in_line_since)
    return min(freed, default=None)


def find_waiting_runs(factory: Factory | None = None) -> QuerySet[GradingRun]:
    """Runs that a worker may take: those of labs that staff have not paused, of one factory's graders or of none."""
    paused = GradingPause.objects.filter(lab=OuterRef("submission__lab"), ended_at=None)
    return GradingRun.objects.filter(~Exists(paused), status=GradingStatus.QUEUED, factory=factory)


def claim_next_run(*, factory: Factory | None, worker: str, now: datetime | None = None) -> GradingRun | None:
    """Take the run whose turn it is; None where none waits. Of workers at once each takes another one."""
    for _ in range(ROUNDS):
        turns = find_turns(factory)
        if not turns:
            return None
        for pk in turns:
            if run := _claim(pk, worker, now or timezone.now()):
                return run
    return None


def find_turns(factory: Factory | None) -> list[int]:
    """Ids of the next runs in the order of their turns, OF_EACH_COURSE at most.

    Learners go before regrades. Among the courses of a lane the turn is at the one that was served longest ago, and
    within a course at whoever is in line longest.
    """
    course = F("submission__lab__course")
    place = Window(RowNumber(), partition_by=[F("lane"), course], order_by=["in_line_since", "pk"])
    first = find_waiting_runs(factory).order_by().annotate(course=course, place=place)
    first = first.filter(place__lte=OF_EACH_COURSE)
    waiting = list(first.values_list("lane", "place", "course", "in_line_since", "pk"))
    served = find_served(factory) if len({row[2] for row in waiting}) > 1 else {}
    waiting.sort(key=lambda row: (row[0], row[1], served.get((row[0], row[2]), NEVER), *row[3:]))
    return [row[-1] for row in waiting]


def find_served(factory: Factory | None) -> dict[tuple[int, int], datetime]:
    """Per lane and course when a run of it was last taken, as far as REMEMBERED goes back."""
    own = GradingRun.objects.filter(factory=factory, claimed_at__isnull=False).order_by()
    ended = own.filter(finished_at__isnull=False).order_by("-finished_at").values("pk")[:REMEMBERED]
    served: dict[tuple[int, int], datetime] = {}
    for known in (own.filter(pk__in=ended), own.filter(status=GradingStatus.RUNNING)):  # either has an index
        per_course = known.values_list("lane", "submission__lab__course").annotate(Max("claimed_at"))
        for lane, course, claimed_at in per_course:
            served[lane, course] = max(claimed_at, served.get((lane, course), NEVER))
    return served


def _claim(pk: int, worker: str, now: datetime) -> GradingRun | None:
    run = GradingRun.objects.filter(pk=pk, status=GradingStatus.QUEUED).first()
    if run is None:
        return None
    try:
        move_grading(run, GradingStatus.RUNNING, claimed_at=now, heartbeat_at=now, worker=worker)
    except StaleStateError:
        return None
    return run


@transaction.atomic
def claim_wake_ups(now: datetime, factory: Factory | None = None) -> int:
    """How many wake-ups to send now: one for each run that may be taken and had none lately, WAKE_AT_ONCE at most."""
    unsent = find_waiting_runs(factory).filter(sent_at__lt=now - WAKE_AFTER)
    longest_waiting = list(unsent.order_by("sent_at").values_list("pk", flat=True)[:WAKE_AT_ONCE])
    return GradingRun.objects.filter(pk__in=longest_waiting).update(sent_at=now)
