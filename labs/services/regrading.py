"""Having attempts graded again, by the release that their cohort has now."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from courses.models import Cohort, User
from courses.states import READING_STATUSES
from labs import tasks
from labs.exceptions import RefusedError
from labs.models import GradingRun, LabRelease, LabUnit, Submission
from labs.services.sessions import send_on_commit
from labs.states import ACTIVE_GRADING_STATUSES, GradingStatus
from labs.work.grading_queue import Lane, queue_regrades, queue_run


@transaction.atomic(durable=True)
def regrade(submission: Submission, *, actor: User) -> GradingRun:
    """Queue one more run of an attempt, behind all learners. What it has until then stands until that has finished.

    RefusedError: `being_graded` where one of its runs has not ended, `not_regradable` where the cohort's release has
    nothing to grade it by.
    """
    cohort = _lock(submission.enrolment.cohort)
    release = find_release(cohort, submission.lab_id)
    if release is None or not submission.files:
        raise RefusedError(reason="not_regradable")
    if submission.runs.filter(status__in=ACTIVE_GRADING_STATUSES).exists():
        raise RefusedError(reason="being_graded")
    run = queue_run(submission, release=release, lane=Lane.REGRADES, reason="regrade", actor=actor)
    send_on_commit(tasks.send_grading)
    return run


@transaction.atomic(durable=True)
def regrade_lab(cohort: Cohort, lab_unit: LabUnit, *, actor: User) -> int:
    """As `regrade` for all that `find_regradable` has; how many there are."""
    release = find_release(_lock(cohort), lab_unit.release.lab_id)
    if release is None:
        return 0
    submissions = list(
        find_regradable(cohort, lab_unit).select_related("enrolment__cohort__factory").defer("files")
    )
    queue_regrades(submissions, release, actor=actor)
    if submissions:
        send_on_commit(tasks.send_grading)
    return len(submissions)


def find_regradable(cohort: Cohort, lab_unit: LabUnit) -> QuerySet[Submission]:
    """The attempts of a cohort's learners that have a mark, and those that we failed to grade.

    All of a learner's attempts, since the best one counts: one that was left out would have its points by other tests.
    What was replaced is left out, and what is being graded or waits for it is graded by then.
    """
    if lab_unit.release.is_practice:
        return Submission.objects.none()
    runs = GradingRun.objects.filter(submission=OuterRef("pk"))
    is_graded = Exists(runs.filter(status=GradingStatus.FINISHED))
    has_failed = Exists(runs.filter(status=GradingStatus.FAILED))
    is_replaced = Exists(runs.filter(status=GradingStatus.REPLACED))
    attempts = Submission.objects.filter(
        Q(is_graded) | Q(has_failed) & ~Q(is_replaced),
        ~Exists(runs.filter(status__in=ACTIVE_GRADING_STATUSES)),
        enrolment__cohort=cohort,
        enrolment__status__in=READING_STATUSES,
        lab=lab_unit.release.lab_id,
        attempt__isnull=False,
    )
    return attempts.order_by("pressed_at")


def find_release(cohort: Cohort, lab_id: int) -> LabRelease | None:
    """The release of a lab by which a cohort's work is graded now; None where it has none with grade cells."""
    return find_releases([cohort], lab_id).get(cohort.pk)


def find_releases(cohorts: Iterable[Cohort], lab_id: int) -> dict[int, LabRelease]:
    """As `find_release`, by cohort; those that have none are left out. One query."""
    shown = {cohort.pk: cohort.release_id for cohort in cohorts}
    units = LabUnit.objects.filter(unit__release__in=set(shown.values()), release__lab=lab_id)
    releases = {unit.unit.release_id: unit.release for unit in units.select_related("unit", "release")}
    found = {pk: releases[course] for pk, course in shown.items() if course in releases}
    return {pk: release for pk, release in found.items() if not release.is_practice}


def _lock(cohort: Cohort) -> Cohort:
    """Of presses at once, the later one sees what the earlier has queued."""
    return Cohort.objects.select_for_update().get(pk=cohort.pk)
