"""The states of an enrolment and the moves between them: data, no behaviour."""

from collections.abc import Mapping
from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class EnrolmentStatus(TextChoices):
    WAITLISTED = "waitlisted", _("On the waiting list")
    ACTIVE = "active", _("Enrolled")
    COMPLETED = "completed", _("Completed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


ENROLMENT_MOVES: Final[Mapping[EnrolmentStatus, frozenset[EnrolmentStatus]]] = {
    EnrolmentStatus.WAITLISTED: frozenset({EnrolmentStatus.ACTIVE, EnrolmentStatus.WITHDRAWN}),
    EnrolmentStatus.ACTIVE: frozenset({EnrolmentStatus.COMPLETED, EnrolmentStatus.WITHDRAWN}),
    EnrolmentStatus.COMPLETED: frozenset({EnrolmentStatus.ACTIVE}),
    EnrolmentStatus.WITHDRAWN: frozenset({EnrolmentStatus.ACTIVE, EnrolmentStatus.WAITLISTED}),
}
# Who may read the units: having completed a course does not close its books.
READING_STATUSES: Final = (EnrolmentStatus.ACTIVE, EnrolmentStatus.COMPLETED)
