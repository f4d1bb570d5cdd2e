"""How many attempts a lab allows and how far apart: the rules of the release that a learner's cohort has now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from courses.models import Enrolment
from labs.models import GradingRun, Lab, LabUnit, Submission
from labs.states import GradingStatus

BEGUN: Final = frozenset({GradingStatus.RUNNING, GradingStatus.FINISHED})


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


def uses_attempt(runs: Iterable[tuple[int, str]]) -> bool:
    """Whether an attempt counts, by the lanes and states of its runs: once its grading has begun.

    What waits can still be replaced by newer work, and neither that nor what we failed to grade uses one up, also
    where the team has it graded after all. A practice lab has no runs and counts.
    """
    found = set(runs)
    asked_for = {status for lane, status in found if lane == GradingRun.Lane.LEARNERS}
    return not found or bool(asked_for & BEGUN)


def find_attempt_limits(enrolment: Enrolment, lab: Lab) -> AttemptLimits:
    """The limits of a learner in a lab, of which `uses_attempt` says what counts."""
    attempts = Submission.objects.filter(enrolment=enrolment, lab=lab, attempt__isnull=False)
    runs: dict[tuple[int, datetime], set[tuple[int, str]]] = {}
    rows = attempts.order_by().values_list("pk", "pressed_at", "runs__lane", "runs__status")
    for pk, pressed_at, lane, status in rows:
        runs.setdefault((pk, pressed_at), set()).update({(lane, status)} if status else ())
    pressed = [pressed_at for (_pk, pressed_at), found in runs.items() if uses_attempt(found)]
    return apply_rules(find_rules(enrolment, lab), pressed)


def find_rules(enrolment: Enrolment, lab: Lab) -> Mapping[str, int | str]:
    """lab.toml's `[grading]`; nothing where the cohort's release has no such lab any more."""
    units = LabUnit.objects.filter(unit__release=enrolment.cohort.release_id, release__lab=lab)
    return units.values_list("release__grading", flat=True).first() or {}


def apply_rules(rules: Mapping[str, int | str], pressed: Sequence[datetime]) -> AttemptLimits:
    """`pressed`: when the attempts that count were pressed for."""
    most, pace = rules.get("attempts"), rules.get("pace_minutes")
    next_at = max(pressed) + timedelta(minutes=int(pace)) if pace and pressed else None
    return AttemptLimits(int(most) if most else None, len(pressed), next_at)
