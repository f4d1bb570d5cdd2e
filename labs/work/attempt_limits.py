"""How many attempts a lab allows and how far apart: the rules of the release that a learner's cohort has now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from courses.models import Enrolment
from labs.models import GradingRun, Lab, LabUnit, Submission
from labs.states import GradingStatus


@dataclass(frozen=True)
class AttemptLimits:
    """`most`: attempts that the lab allows, None for any number; `next_at`: from when on the pace allows another."""

    most: int | None = None
    used: int = 0
    next_at: datetime | None = None

    @property
    def left(self) -> int | None:
        return None if self.most is None else max(0, self.most - self.used)

    def find_refusal(self, now: datetime) -> str:
        """Why there can be no attempt at that time: `no_attempts_left`, `too_soon`; empty where there can."""
        reason = "too_soon" if self.next_at and now < self.next_at else ""
        if self.left == 0:
            reason = "no_attempts_left"
        return reason


def find_attempt_limits(enrolment: Enrolment, lab: Lab) -> AttemptLimits:
    """The limits of a learner in a lab. An attempt that we failed to grade uses none up."""
    runs = GradingRun.objects.filter(submission=OuterRef("pk"))
    has_failed = Exists(runs.filter(status=GradingStatus.FAILED))
    pressed = (
        Submission.objects.filter(enrolment=enrolment, lab=lab, attempt__isnull=False)
        .exclude(has_failed, ~Exists(runs.exclude(status=GradingStatus.FAILED)))
        .values_list("pressed_at", flat=True)
    )
    return apply_rules(find_rules(enrolment, lab), list(pressed))


def find_rules(enrolment: Enrolment, lab: Lab) -> Mapping[str, int | str]:
    """lab.toml's `[grading]`; nothing where the cohort's release has no such lab any more."""
    units = LabUnit.objects.filter(unit__release=enrolment.cohort.release_id, release__lab=lab)
    return units.values_list("release__grading", flat=True).first() or {}


def apply_rules(rules: Mapping[str, int | str], pressed: Sequence[datetime]) -> AttemptLimits:
    """`pressed`: when the attempts that count were pressed for."""
    most, pace = rules.get("attempts"), rules.get("pace_minutes")
    next_at = max(pressed) + timedelta(minutes=int(pace)) if pace and pressed else None
    return AttemptLimits(int(most) if most else None, len(pressed), next_at)
