"""The only place that writes an enrolment's status: one compare-and-set and one event row."""

from django.db import transaction
from django.utils import timezone

from courses.exceptions import IllegalMoveError, StaleStateError
from courses.models import Enrolment, EnrolmentEvent, User
from courses.states import ENROLMENT_MOVES, EnrolmentStatus


@transaction.atomic
def move_enrolment(
    enrolment: Enrolment, to: EnrolmentStatus, *, actor: User | None = None, reason: str = ""
) -> None:
    """Move an enrolment; `actor` is None when Paja itself moves it."""
    before = EnrolmentStatus(enrolment.status)
    if to not in ENROLMENT_MOVES[before]:
        raise IllegalMoveError(f"enrolment {enrolment.pk}: {before} -> {to}")
    won = Enrolment.objects.filter(pk=enrolment.pk, status=before).update(
        status=to, changed_at=timezone.now()
    )
    if not won:
        raise StaleStateError(f"enrolment {enrolment.pk} is no longer {before}")
    EnrolmentEvent.objects.create(enrolment=enrolment, before=before, after=to, reason=reason, actor=actor)
    enrolment.refresh_from_db(fields=["status", "changed_at"])
