"""Pausing the grading of a lab, and what stands there of pauses. The rows are the record of who did it, and when."""

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from courses.models import User
from labs import tasks
from labs.models import GradingPause, Lab
from labs.services.sessions import send_on_commit


def pause_grading(lab: Lab, *, note: str, actor: User) -> GradingPause:
    """From now on no run of the lab begins; those that have begun end. A pause that there is already stands."""
    try:
        with transaction.atomic():
            return GradingPause.objects.create(lab=lab, note=note, started_by=actor)
    except IntegrityError:
        return find_open_pause(lab) or pause_grading(lab, note=note, actor=actor)


@transaction.atomic
def resume_grading(lab: Lab, *, actor: User) -> bool:
    """Let the lab's runs go on, and wake a worker, which then goes through the line; whether the lab was paused."""
    paused = GradingPause.objects.filter(lab=lab, ended_at=None)
    was_paused = bool(paused.update(ended_at=timezone.now(), ended_by=actor))
    if was_paused:
        send_on_commit(tasks.send_grading)
    return was_paused


def find_open_pause(lab: Lab) -> GradingPause | None:
    return _with_people().filter(lab=lab, ended_at=None).first()


def find_pauses(labs: QuerySet[Lab], *, most: int) -> list[GradingPause]:
    """The newest pauses of these labs, open ones first."""
    pauses = _with_people().filter(lab__in=labs)
    return list(pauses.order_by(F("ended_at").desc(nulls_first=True), "-started_at")[:most])


def _with_people() -> QuerySet[GradingPause]:
    return GradingPause.objects.select_related("started_by", "ended_by", "lab__course")
