"""What a learner has done: units opened, scored and completed, and with them the course."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from courses.exceptions import StaleStateError
from courses.models import Enrolment, UnitProgress
from courses.states import EnrolmentStatus
from courses.transitions import move_enrolment


def open_unit(enrolment: Enrolment, unit_slug: str, *, now: datetime | None = None) -> UnitProgress:
    """Note the first time that a learner looked at a unit; later looks change nothing."""
    found = UnitProgress.objects.filter(enrolment=enrolment, unit_slug=unit_slug).first()
    if found is not None:
        return found
    progress, _ = UnitProgress.objects.get_or_create(
        enrolment=enrolment, unit_slug=unit_slug, defaults={"opened_at": now or timezone.now()}
    )
    return progress


@transaction.atomic
def complete_unit(enrolment: Enrolment, unit_slug: str, *, now: datetime | None = None) -> UnitProgress:
    """Mark a unit as done, and the course with it when it was the last one. Once done stays done."""
    now = now or timezone.now()
    progress = open_unit(enrolment, unit_slug, now=now)
    if progress.completed_at is None:
        progress.completed_at = now
        progress.save(update_fields=["completed_at", "changed_at"])
        _complete_course(enrolment)
    return progress


@transaction.atomic
def record_score(
    enrolment: Enrolment,
    unit_slug: str,
    score: float,
    max_score: float,
    *,
    is_complete: bool,
    now: datetime | None = None,
) -> UnitProgress:
    """Keep the score that counts for a unit, replacing the one before; the caller decides which counts.

    `is_complete` also marks the unit as done (`is_pass` says whether a share of the points is enough).
    A lower score later does not take that back.
    """
    if not 0 <= score <= max_score:
        raise ValueError(f"{score} of {max_score} points")
    progress = open_unit(enrolment, unit_slug, now=now)
    progress.score, progress.max_score = score, max_score
    progress.save(update_fields=["score", "max_score", "changed_at"])
    return complete_unit(enrolment, unit_slug, now=now) if is_complete else progress


def is_pass(enrolment: Enrolment, score: float, max_score: float) -> bool:
    """Whether a score is enough for a unit to count as done: the release's `pass_share` of the points."""
    share = float(enrolment.cohort.release.completion.get("pass_share", 0))
    return score >= share * max_score


def _complete_course(enrolment: Enrolment) -> None:
    """Complete the enrolment when every unit that is not optional is done.

    The lock lets the later of two units that are completed at once see the earlier.
    """
    Enrolment.objects.select_for_update().get(pk=enrolment.pk)
    release = enrolment.cohort.release
    required = set(release.units.filter(is_optional=False).values_list("slug", flat=True))
    done = set(enrolment.progress.exclude(completed_at=None).values_list("unit_slug", flat=True))
    if enrolment.status != EnrolmentStatus.ACTIVE or not required <= done:
        return
    try:
        move_enrolment(enrolment, EnrolmentStatus.COMPLETED, reason="every unit done")
    except StaleStateError:
        enrolment.refresh_from_db(fields=["status"])  # withdrawn, or completed by another request
