"""Taking the runs whose turn it is through nbgrader's pipeline and the box."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from courses.models import Factory
from labs import nbgrader
from labs.box import BoxEnvironment, BoxLimits, Execution, execute_notebook, find_bubblewrap
from labs.exceptions import BoxUnavailableError, StaleStateError
from labs.models import GradingRun, LabRelease, Submission
from labs.nbgrader import STANDARD_POLICY, FeedbackDetail, GradingPolicy, GradingResult
from labs.states import GradingStatus
from labs.work.graders import connect_grader, has_free_box
from labs.work.grading_queue import (
    claim_next_run,
    claim_wake_ups,
    find_turns,
    find_waiting_runs,
    name_worker,
)
from labs.work.grading_retries import put_back, try_again_or_fail
from labs.work.heartbeats import heartbeat
from labs.work.recording_grades import record_result
from labs.work.released_labs import released_lab, submitted_files
from labs.work.time_limits import time_limit

logger = logging.getLogger(__name__)

LOST_AFTER: Final = timedelta(seconds=20)
GRADES_ON: Final = 5.0  # seconds: a worker that is told to stop is given eight
REST_SECONDS: Final = 10.0
SECONDS_BESIDES: Final = 300  # for all that is not executed in the box; it takes a few
# Of a notebook: with the tests, twice with altered ones for half as long again, and for feedback without hidden ones.
EXECUTIONS: Final = 5
MEBIBYTE: Final = 1024 * 1024


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
        return has_free_box(factory)
    try:
        find_bubblewrap()
    except BoxUnavailableError as error:
        logger.error("nothing is graded here: %s", error)  # noqa: TRY400 - the sentence says it all
        find_waiting_runs().filter(pk__in=find_turns(None)[:1]).update(reason="box_unavailable")
        return False
    return True


def run_pipeline(run: GradingRun) -> GradingResult:
    """In boxes of this host, or of the factory's grader where the lab needs a GPU."""
    if run.factory is None:
        return execute_pipeline(run, execute_notebook)
    with connect_grader(run) as box:
        return execute_pipeline(run, box.execute)


def execute_pipeline(run: GradingRun, execute_with: Callable[..., Execution]) -> GradingResult:
    submission, release = run.submission, run.release
    lab, limits = released_lab(release), limits_of(release)
    files = submitted_files(submission, release, lab)
    environment = BoxEnvironment(python=settings.LAB_PYTHON)
    if submission.purpose == Submission.Purpose.CHECK:
        return nbgrader.check_work(
            lab, files, limits=limits, environment=environment, execute_with=execute_with
        )
    return nbgrader.autograde(
        lab,
        files,
        limits=limits,
        environment=environment,
        policy=policy_of(release),
        execute_with=execute_with,
    )


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


def reconcile_gradings(now: datetime | None = None) -> int:
    """End runs whose worker died and queue their next tries; how many wake-ups are to be sent."""
    now = now or timezone.now()
    lost = GradingRun.objects.filter(status=GradingStatus.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    for run in lost.select_related("submission", "release"):
        logger.warning("run %s: no sign of %s any more", run.public_id, run.worker)
        try_again_or_fail(run, reason="worker_lost")
    return claim_wake_ups(now)
