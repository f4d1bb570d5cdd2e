"""What went wrong in gradings lately: our own faults by reason, and what came out of labs' notebooks."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from courses.models import Cohort
from labs.models import GradingRun, Lab, Submission
from labs.reasons import sentence_for
from labs.services.grading_times import SAMPLE, find_start, finished_runs
from labs.states import GradingOutcome, GradingStatus

DAY: Final = timedelta(days=1)
UNGRADED_OF: Final = timedelta(days=7)
"""A week in which a submission that we failed to grade is listed: then whoever cares has seen it or asked."""

UNGRADED_SHOWN: Final = 20
OFTEN: Final = 0.1
"""The share of a lab's runs with one fault from which on its author should look: a lab, rather than a learner."""

OFTEN_AT_LEAST: Final = 5

# The sentences of these reasons speak to the learner.
FAULTS: Final[Mapping[str, str | Promise]] = {
    "worker_lost": _("The worker ended while it graded"),
    "box_unavailable": _("The worker’s machine could not set up an isolated box"),
    "grader_not_started": _("The factory could not start its grader"),
    "grader_lost": _("The factory’s grader ended while it graded"),
    "grading_failed": _("Given up after the last try"),
    "check_failed": _("A check was given up after the last try"),
}


@dataclass(frozen=True)
class Fault:
    """Runs of the last day that failed for one reason. Of them `tried_again` came to a next try, or to a regrade."""

    reason: str
    count: int
    tried_again: int

    @property
    def words(self) -> str:
        return fault_words(self.reason)


@dataclass(frozen=True)
class Ungraded:
    """Attempts that have no mark by a fault of ours, and that nothing is done about: `shown` are the newest."""

    count: int
    shown: tuple[GradingRun, ...]


@dataclass(frozen=True)
class LabOutcomes:
    """What came out of a lab's runs, a count for each fault of its learners' notebooks."""

    lab_id: int
    count: int
    faults: Mapping[GradingOutcome, int]

    @property
    def frequent(self) -> frozenset[GradingOutcome]:
        """Faults so frequent that the lab itself may be their cause."""
        return frozenset(
            outcome
            for outcome, count in self.faults.items()
            if count >= max(OFTEN_AT_LEAST, OFTEN * self.count)
        )


def fault_words(reason: str) -> str:
    """Why a run failed, for a team and staff."""
    return str(FAULTS.get(reason) or sentence_for(reason))


def find_faults(labs: QuerySet[Lab], now: datetime) -> list[Fault]:
    """Of the last day, the most frequent reason first."""
    failed = GradingRun.objects.filter(
        status=GradingStatus.FAILED, finished_at__gte=now - DAY, release__lab__in=labs
    )
    rows = (
        failed.annotate(has_later=Exists(_later_runs()))
        .order_by()
        .values_list("reason", "has_later")
        .annotate(count=Count("pk"))
    )
    counts, again = Counter[str](), Counter[str]()
    for reason, has_later, count in rows:
        counts[reason] += count
        again[reason] += count if has_later else 0
    return [Fault(reason, count, again[reason]) for reason, count in counts.most_common()]


def find_ungraded(cohorts: QuerySet[Cohort], now: datetime) -> Ungraded:
    """Of these cohorts and the last days."""
    failed = ungraded_runs(now).filter(submission__enrolment__cohort__in=cohorts)
    newest = failed.select_related(
        "submission__lab", "submission__enrolment__learner", "submission__enrolment__cohort"
    ).defer("notebooks", "evidence", "phase_seconds", "submission__files")
    return Ungraded(failed.count(), tuple(newest.order_by("-finished_at")[:UNGRADED_SHOWN]))


def ungraded_runs(now: datetime) -> QuerySet[GradingRun]:
    """The last runs of attempts, where they failed."""
    failed = GradingRun.objects.filter(
        status=GradingStatus.FAILED,
        finished_at__gte=now - UNGRADED_OF,
        submission__purpose=Submission.Purpose.ATTEMPT,
    )
    return failed.exclude(Exists(_later_runs()))


def find_outcomes(now: datetime) -> list[LabOutcomes]:
    """Labs in which notebooks did not run to their end lately, those with the largest share first.

    Of the runs of the last day, and of no more than SAMPLE of them.
    """
    runs = finished_runs(find_start(now - DAY, SAMPLE))
    rows = runs.values_list("release__lab", "outcome").annotate(count=Count("pk"))
    counts: dict[int, dict[GradingOutcome, int]] = defaultdict(dict)
    for lab_id, outcome, count in rows:
        counts[lab_id][GradingOutcome(outcome)] = count
    found = []
    for lab_id, outcomes in counts.items():
        total = sum(outcomes.values())
        outcomes.pop(GradingOutcome.SCORED, None)
        if outcomes:
            found.append(LabOutcomes(lab_id, total, outcomes))
    return sorted(found, key=lambda lab: -sum(lab.faults.values()) / lab.count)


def _later_runs() -> QuerySet[GradingRun]:
    return GradingRun.objects.filter(submission=OuterRef("submission"), pk__gt=OuterRef("pk"))
