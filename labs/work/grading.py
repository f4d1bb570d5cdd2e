"""Running a submission through nbgrader's pipeline and the box, and writing down what came out."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from courses.models import Enrolment, Factory
from courses.services.progress import is_pass, record_score
from labs import nbgrader
from labs.blobs import read_files, store_blob
from labs.box import BoxEnvironment, BoxLimits, find_bubblewrap
from labs.exceptions import BoxUnavailableError, StaleStateError
from labs.models import CellGrade, Feedback, GradingRun, LabRelease, Submission
from labs.nbgrader import (
    STANDARD_POLICY,
    FeedbackDetail,
    GradingPolicy,
    GradingResult,
    NotebookResult,
)
from labs.states import GradingStatus
from labs.transitions import UNSENT, move_grading
from labs.work.grading_queue import (
    claim_next_run,
    claim_wake_ups,
    find_turns,
    find_waiting_runs,
    name_worker,
    queue_run,
)
from labs.work.heartbeats import heartbeat
from labs.work.old_checks import forget_old_checks
from labs.work.released_labs import released_lab
from labs.work.time_limits import time_limit

logger = logging.getLogger(__name__)

LOST_AFTER: Final = timedelta(seconds=20)
MAX_TRIES: Final = 3
GRADES_ON: Final = 10.0  # seconds
REST_SECONDS: Final = 10.0
SECONDS_BESIDES: Final = 300  # for all that is not executed in the box; it takes a few
# Of a notebook: with the tests, twice with altered ones for half as long again, and for feedback without hidden ones.
EXECUTIONS: Final = 5
MEBIBYTE: Final = 1024 * 1024
MAX_NAME: Final = 255
DAMAGE_KEPT: Final = 300  # of a notebook; names that learners made up come last, and may be of any length


@dataclass
class Rest:
    """Until when (`time.monotonic`) this process leaves the queue to others."""

    until: float = 0.0


rest = Rest()


def grade_waiting(factory_slug: str = "") -> None:
    """Grade the run whose turn it is, and those after it for GRADES_ON: while many wait, a worker needs no message.

    Then the next message is due, which may be the check of a draft.
    """
    factory = Factory.objects.get(slug=factory_slug) if factory_slug else None
    until = time.monotonic() + GRADES_ON
    while grade_next(factory) and time.monotonic() < until:
        continue


def grade_next(factory: Factory | None = None) -> bool:
    """Claim a run, grade it and record it; whether this process can go on with another one.

    Where no box can be had nothing is claimed. A process that could not close one leaves the queue to others for
    REST_SECONDS, so that it does not use up the tries of all who wait.
    """
    if time.monotonic() < rest.until or not has_box(factory):
        return False
    run = claim_next_run(factory=factory, worker=name_worker())
    if run is None:
        return False
    try:
        with heartbeat(lambda: say_alive(run), name=f"run-{run.pk}"), time_limit(longest_seconds(run)):
            result = run_pipeline(run)
        record_result(run, result)
    except StaleStateError:
        logger.warning("run %s was given up before its result came", run.public_id)
    except BoxUnavailableError:
        logger.exception("run %s goes back to the queue", run.public_id)
        rest.until = time.monotonic() + REST_SECONDS
        put_back(run)
        return False
    except Exception:
        logger.exception("run %s failed", run.public_id)
        try_again_or_fail(run, reason="worker_lost")
    return True


def has_box(factory: Factory | None) -> bool:
    """Whether this machine can box learners' code; who waits is told where not. A factory's grader has boxes itself."""
    if factory is not None:
        return True
    try:
        find_bubblewrap()
    except BoxUnavailableError as error:
        logger.error("nothing is graded here: %s", error)  # noqa: TRY400 - the sentence says it all
        find_waiting_runs().filter(pk__in=find_turns(None)[:1]).update(reason="box_unavailable")
        return False
    return True


def run_pipeline(run: GradingRun) -> GradingResult:
    submission, release = run.submission, run.release
    lab, files, limits = released_lab(release), read_files(submission.files), limits_of(release)
    environment = BoxEnvironment(python=settings.LAB_PYTHON)
    if submission.purpose == Submission.Purpose.CHECK:
        return nbgrader.check_work(lab, files, limits=limits, environment=environment)
    return nbgrader.autograde(lab, files, limits=limits, environment=environment, policy=policy_of(release))


def limits_of(release: LabRelease) -> BoxLimits:
    return make_limits(release.limits)


def make_limits(table: Mapping[str, int]) -> BoxLimits:
    """The lab's own limits (lab.toml's `[grading]`) over the box's defaults."""
    own: dict[str, Any] = dict(table)
    memory_mb = own.pop("memory_mb", None)
    if memory_mb is not None:
        own["memory_bytes"] = memory_mb * MEBIBYTE
    return BoxLimits(**own)


def policy_of(release: LabRelease) -> GradingPolicy:
    own = release.grading
    detail = FeedbackDetail(own.get("feedback", STANDARD_POLICY.detail))
    return GradingPolicy(detail, own.get("late_penalty", STANDARD_POLICY.late_penalty))


def longest_seconds(run: GradingRun) -> int:
    """What a run can take at most: all executions of each notebook, and the rest."""
    release = run.release
    return int(EXECUTIONS * len(release.notebooks) * limits_of(release).total_seconds) + SECONDS_BESIDES


def say_alive(run: GradingRun) -> None:
    running = GradingRun.objects.filter(pk=run.pk, status=GradingStatus.RUNNING)
    running.update(heartbeat_at=timezone.now())


def record_result(run: GradingRun, result: GradingResult) -> None:
    """Write grades, feedback and score, and finish the run; all of it or nothing. The feedback's blob comes first.

    A check's points are those of its visible tests: they stand in its run, and nowhere else.
    """
    digest = store_feedback(result)
    is_check = run.submission.purpose == Submission.Purpose.CHECK
    late_penalty = sum(notebook.late_penalty for notebook in result.notebooks)
    with transaction.atomic():
        cells = CellGrade.objects.bulk_create(cell_grades(run, result.notebooks))
        Feedback.objects.create(run=run, content=digest)
        move_grading(
            run,
            GradingStatus.FINISHED,
            reason="graded",
            outcome=result.outcome,
            finished_at=timezone.now(),
            score=max(0.0, sum(cell.score or 0.0 for cell in cells) - late_penalty),
            max_score=sum(cell.max_score for cell in cells) if is_check else run.release.max_score,
            needs_manual_grade=any(cell.needs_manual_grade for cell in cells),
            notebooks=[describe_notebook(notebook) for notebook in result.notebooks],
            evidence=[
                {"notebook": notebook.name, **asdict(found)}
                for notebook in result.notebooks
                for found in notebook.evidence
            ],
            late_penalty=late_penalty,
            phase_seconds={"queued": waited_seconds(run), **result.phase_seconds},
        )
        if is_check:
            forget_old_checks(run.submission)
        else:
            record_best_score(run.submission)


def waited_seconds(run: GradingRun) -> float:
    """How long a run stood in the queue until a worker took it."""
    claimed_at = run.claimed_at or run.queued_at
    return max(0.0, (claimed_at - run.queued_at).total_seconds())


def store_feedback(result: GradingResult) -> str:
    """The digest of the notebooks as the learner may see them again."""
    content = {
        "notebooks": [
            {"name": notebook.name, "cells": [asdict(cell) for cell in notebook.feedback]}
            for notebook in result.notebooks
        ]
    }
    return store_blob(json.dumps(content).encode())


def describe_notebook(notebook: NotebookResult) -> dict[str, object]:
    """What a run keeps of a notebook beside its points."""
    return {
        "name": notebook.name,
        "outcome": notebook.outcome,
        "reason": notebook.reason,
        "faulty_cell": notebook.faulty_cell,
        "damage": [
            {"kind": damage.kind, "grade_id": damage.grade_id[:MAX_NAME]}
            for damage in notebook.damage[:DAMAGE_KEPT]
        ],
    }


def cell_grades(run: GradingRun, notebooks: Sequence[NotebookResult]) -> list[CellGrade]:
    results = [(notebook.name, cell) for notebook in notebooks for cell in notebook.cells]
    return [
        CellGrade(run=run, notebook=name, position=position, **asdict(cell))
        for position, (name, cell) in enumerate(results)
    ]


def record_best_score(submission: Submission) -> None:
    """The best graded attempt counts for the unit, so that trying again never costs a learner anything.

    Two attempts that are graded at once would each not see the other: the enrolment's row is their lock.
    """
    Enrolment.objects.select_for_update().get(pk=submission.enrolment_id)
    runs = GradingRun.objects.filter(
        submission__enrolment=submission.enrolment,
        submission__lab=submission.lab,
        submission__purpose=Submission.Purpose.ATTEMPT,
        status=GradingStatus.FINISHED,
    )
    best = max(runs, key=lambda run: (run.score or 0.0) / (run.max_score or 1.0))
    max_score = best.max_score or 0.0
    score = min(best.score or 0.0, max_score)  # extra credit counts in the lab, not beyond it
    record_score(
        submission.enrolment,
        submission.lab.slug,
        score=score,
        max_score=max_score,
        is_complete=is_pass(submission.enrolment, score, max_score),
    )


def reconcile_gradings(now: datetime | None = None) -> int:
    """End runs whose worker died and queue their next tries; how many wake-ups are to be sent."""
    now = now or timezone.now()
    lost = GradingRun.objects.filter(status=GradingStatus.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    for run in lost.select_related("submission", "release"):
        logger.warning("run %s: no sign of %s any more", run.public_id, run.worker)
        try_again_or_fail(run, reason="worker_lost")
    return claim_wake_ups(now)


@transaction.atomic
def try_again_or_fail(run: GradingRun, *, reason: str) -> GradingRun | None:
    """End a run for a fault of ours and make the next one, in the same place of the line; a sweep wakes a worker.

    After MAX_TRIES the last run stays failed: our fault, never a zero, and no attempt is used up.
    """
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
        return None
    return queue_run(
        run.submission,
        release=run.release,
        lane=GradingRun.Lane(run.lane),
        try_number=tries + 1,
        in_line_since=run.in_line_since,
        sent_at=UNSENT,
    )


def count_tries(run: GradingRun) -> int:
    """How often a run was taken up: those before it, itself, and each time that it was put back."""
    return (
        run.try_number + run.events.filter(before=GradingStatus.RUNNING, after=GradingStatus.QUEUED).count()
    )


@transaction.atomic
def put_back(run: GradingRun) -> None:
    """This machine could close no box: the run waits for one that can. It was a try: the fault may be the run's."""
    if count_tries(run) >= MAX_TRIES:
        try_again_or_fail(run, reason="box_unavailable")
        return
    try:
        move_grading(
            run,
            GradingStatus.QUEUED,
            reason="box_unavailable",
            claimed_at=None,
            heartbeat_at=None,
            worker="",
            sent_at=timezone.now(),
        )
    except StaleStateError:
        return
