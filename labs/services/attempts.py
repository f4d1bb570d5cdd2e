"""Submissions with what became of them: their newest grading run and its mark."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Prefetch, Q, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labs.models import CellGrade, GradingRun, Submission
from labs.services.marks import Mark, find_mark
from labs.states import ACTIVE_GRADING_STATUSES, GradingOutcome, GradingStatus, SubmissionStatus

HANDED_IN: Final = _("Handed in")
LOOKED_AT: Final = _("A person looks at it")
"""Said of what was tampered with: whether it was is for a person to say."""

# A check goes the way of an attempt, and gives no mark.
SAME_CHECK: Final = _("Same as the check before")
CHECK_WORDS: Final[Mapping[GradingStatus, str | Promise]] = {
    GradingStatus.QUEUED: _("Waiting to be checked"),
    GradingStatus.RUNNING: _("Being checked"),
    GradingStatus.FINISHED: _("Checked"),
    GradingStatus.FAILED: _("Not checked: our fault"),
}


@dataclass(frozen=True)
class Attempt:
    """A submission, a check too, its newest run if it has one, and that run's mark if there is one."""

    submission: Submission
    run: GradingRun | None
    mark: Mark | None

    @property
    def is_check(self) -> bool:
        return self.submission.purpose == Submission.Purpose.CHECK

    @property
    def is_moving(self) -> bool:
        """Whether something will change by itself soon."""
        if self.run is None:
            return self.submission.status == SubmissionStatus.COLLECTING
        return self.run.status in ACTIVE_GRADING_STATUSES

    @property
    def is_graded(self) -> bool:
        return self.run is not None and self.run.status == GradingStatus.FINISHED

    @property
    def is_handed_in(self) -> bool:
        """Whether it is done without a grading: an attempt at a practice lab."""
        return self.run is None and self.submission.status == SubmissionStatus.COLLECTED

    @property
    def has_failed(self) -> bool:
        """Whether the platform could not do its part; never the learner's fault."""
        return SubmissionStatus.FAILED in {self.submission.status, self.run and self.run.status}

    @property
    def has_fault(self) -> bool:
        """Whether the notebooks did not run to their end, or a person still has to look at what was tampered with."""
        if self.run is None or not self.is_graded:
            return False
        if self.run.outcome == GradingOutcome.TAMPERED:
            return self.mark is None or not self.mark.is_final
        return self.run.outcome != GradingOutcome.SCORED

    @property
    def words(self) -> str:
        """Where it stands, in a few words."""
        if self.is_handed_in:
            return str(HANDED_IN)
        if self.run is None:
            status = SubmissionStatus(self.submission.status)
            is_same_check = self.is_check and status == SubmissionStatus.UNCHANGED
            return str(SAME_CHECK if is_same_check else status.label)
        if self.has_fault:
            outcome = GradingOutcome(self.run.outcome)
            return str(LOOKED_AT if outcome == GradingOutcome.TAMPERED else outcome.label)
        grading = GradingStatus(self.run.status)
        return str(CHECK_WORDS[grading] if self.is_check else grading.label)


def find_attempts(submissions: QuerySet[Submission]) -> list[Attempt]:
    """The attempts of submissions in their order, in three queries however many there are."""
    newest_first = GradingRun.objects.defer("notebooks", "evidence", "phase_seconds").order_by(
        "-queued_at", "-pk"
    )
    runs = Prefetch("runs", queryset=newest_first)
    found = [
        (submission, next(iter(submission.runs.all()), None))
        for submission in submissions.defer("files").prefetch_related(runs)
    ]
    waiting = find_waiting_points([run for _, run in found if run and run.needs_manual_grade])
    return [
        Attempt(submission, run, find_mark(run, waiting.get(run.pk, 0)) if run else None)
        for submission, run in found
    ]


def find_attempt(submission: Submission) -> Attempt:
    run = submission.runs.order_by("-queued_at", "-pk").first()
    waiting = find_waiting_points([run]) if run and run.needs_manual_grade else {}
    return Attempt(submission, run, find_mark(run, waiting.get(run.pk, 0)) if run else None)


def find_waiting_points(runs: list[GradingRun]) -> dict[int, float]:
    """Per run the points that a person still has to give."""
    waiting = CellGrade.objects.filter(
        Q(run__in=runs), Q(needs_manual_grade=True), Q(manual_score__isnull=True)
    ).order_by()
    return dict(waiting.values_list("run").annotate(Sum("max_score")))


def find_same_before(submission: Submission) -> Submission | None:
    """The attempt, or the check, that a submission without changes repeats; None for every other one."""
    if submission.status != SubmissionStatus.UNCHANGED:
        return None
    same = Submission.objects.filter(
        enrolment=submission.enrolment_id,
        lab=submission.lab_id,
        purpose=submission.purpose,
        content_hash=submission.content_hash,
        status=SubmissionStatus.COLLECTED,
    )
    return same.order_by("-pressed_at").first()
