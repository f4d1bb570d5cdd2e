"""Which checks of their own work a learner's lab keeps: the newest ones. An attempt is kept for good."""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from labs.models import Submission
from labs.states import GradingStatus

KEPT: Final = 5
KEPT_FOR: Final = timedelta(hours=2)
"""However many there are: their number limits the next ones, and their pages may be open."""


def forget_old_checks(submission: Submission) -> None:
    """Delete the older checks of a lab's learner, beyond the newest KEPT and the newest KEPT with a result."""
    checks = Submission.objects.filter(
        enrolment=submission.enrolment_id, lab=submission.lab_id, purpose=Submission.Purpose.CHECK
    ).order_by("-pressed_at")
    finished = checks.filter(runs__status=GradingStatus.FINISHED)
    kept = {pk for some in (checks, finished) for pk in some.values_list("pk", flat=True)[:KEPT]}
    checks.filter(pressed_at__lt=timezone.now() - KEPT_FOR).exclude(pk__in=kept).delete()
