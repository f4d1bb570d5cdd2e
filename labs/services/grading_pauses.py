"""Pausing the grading of a lab, and what stands there of pauses. The rows are the record of who did it, and when."""

from collections import defaultdict

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from courses.models import User
from labs import tasks
from labs.models import GradingPause, GradingRun, GradingRunEvent, Lab
from labs.services.regrading import find_releases
from labs.services.sessions import send_on_commit
from labs.states import GradingStatus
from labs.work.graders import find_grading_factory


def pause_grading(lab: Lab, *, note: str, actor: User) -> GradingPause:
    """From now on no run of the lab begins; those that have begun end. A pause that there is already stands."""
    try:
        with transaction.atomic():
            return GradingPause.objects.create(lab=lab, note=note, started_by=actor)
    except IntegrityError:
        return find_open_pause(lab) or pause_grading(lab, note=note, actor=actor)


@transaction.atomic
def resume_grading(lab: Lab, *, actor: User) -> int | None:
    """Let the lab's runs go on, and wake a worker, which then goes through the line.

    How many of them go over to another release; None where the lab was not paused.
    """
    paused = GradingPause.objects.filter(lab=lab, ended_at=None)
    if not paused.update(ended_at=timezone.now(), ended_by=actor):
        return None
    send_on_commit(tasks.send_grading)
    return _renew_releases(lab, actor)


def _renew_releases(lab: Lab, actor: User) -> int:
    """A pause is most often there to mend a lab: what has waited is graded by the release that its cohort has now."""
    waiting = GradingRun.objects.select_for_update(of=("self",)).filter(
        submission__lab=lab, status=GradingStatus.QUEUED
    )
    runs = waiting.select_related("submission__enrolment__cohort__factory").defer("submission__files")
    cohorts = {run.pk: run.submission.enrolment.cohort for run in runs}
    releases = find_releases(set(cohorts.values()), lab.pk)
    renewed = defaultdict(list)
    for run in runs:
        release = releases.get(cohorts[run.pk].pk)
        if release is not None and release.pk != run.release_id:
            renewed[release, find_grading_factory(run.submission, release)].append(run)
    for (release, factory), group in renewed.items():
        own = GradingRun.objects.filter(pk__in=[run.pk for run in group])
        own.update(release=release, factory=factory)
    waits = GradingStatus.QUEUED
    events = GradingRunEvent.objects.bulk_create(
        GradingRunEvent(run=run, before=waits, after=waits, reason="release_renewed", actor=actor)
        for group in renewed.values()
        for run in group
    )
    return len(events)


def find_open_pause(lab: Lab) -> GradingPause | None:
    return _with_people().filter(lab=lab, ended_at=None).first()


def find_pauses(labs: QuerySet[Lab], *, most: int) -> list[GradingPause]:
    """The newest pauses of these labs, open ones first."""
    pauses = _with_people().filter(lab__in=labs)
    return list(pauses.order_by(F("ended_at").desc(nulls_first=True), "-started_at")[:most])


def _with_people() -> QuerySet[GradingPause]:
    return GradingPause.objects.select_related("started_by", "ended_by", "lab__course")
