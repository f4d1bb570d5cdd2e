"""Submissions with what became of them: their newest grading run and its mark."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labs.models import CellGrade, GradingRun, Submission
from labs.services.marks import Mark, find_mark
from labs.states import ACTIVE_GRADING_STATUSES, GradingOutcome, GradingStatus, SubmissionStatus
from labs.work.attempt_limits import uses_attempt

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
    GradingStatus.REPLACED: _("Replaced by a newer check"),
}


@dataclass(frozen=True)
class Attempt:
    """A submission, a check too, the run that stands for it if it has one, and that run's mark if there is one.

    The newest run that has finished stands, before there is one the newest. `again`: a run after the one that stands,
    which grades it anew or has failed to. `counts`: whether it is one of the attempts that a lab allows.
    """

    submission: Submission
    run: GradingRun | None
    mark: Mark | None
    again: GradingRun | None = None
    counts: bool = True

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
    def is_replaced(self) -> bool:
        """Whether newer work took its place in the queue."""
        return self.run is not None and self.run.status == GradingStatus.REPLACED

    @property
    def is_waiting(self) -> bool:
        """Whether it stands in the queue."""
        return self.run is not None and self.run.status == GradingStatus.QUEUED

    @property
    def is_regraded(self) -> bool:
        """Whether it has its mark from a grading that somebody asked for afterwards."""
        return self.is_graded and self.run is not None and self.run.lane == GradingRun.Lane.REGRADES

    @property
    def is_regrading(self) -> bool:
        """Whether it has a mark and is on its way to another one."""
        return self.again is not None and self.again.status in ACTIVE_GRADING_STATUSES

    @property
    def release_id(self) -> int:
        """The release by which it was graded last, or is going to be."""
        newest = self.again if self.is_regrading else self.run
        return newest.release_id if newest else self.submission.release_id

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
    found = list(submissions.defer("files").prefetch_related(Prefetch("runs", queryset=newest_first)))
    standing = [find_standing(submission.runs.all()) for submission in found]
    waiting = find_waiting_points([run for run in standing if run and run.needs_manual_grade])
    return [make_attempt(submission, list(submission.runs.all()), waiting) for submission in found]


def find_attempt(submission: Submission) -> Attempt:
    runs = list(submission.runs.order_by("-queued_at", "-pk"))
    run = find_standing(runs)
    waiting = find_waiting_points([run]) if run and run.needs_manual_grade else {}
    return make_attempt(submission, runs, waiting)


def find_standing(newest_first: Iterable[GradingRun]) -> GradingRun | None:
    """Of the runs of a submission the one that stands for it."""
    runs = list(newest_first)
    finished = (run for run in runs if run.status == GradingStatus.FINISHED)
    return next(finished, runs[0] if runs else None)


def make_attempt(submission: Submission, runs: list[GradingRun], waiting: Mapping[int, float]) -> Attempt:
    """Of a submission with its runs, newest first, and per run the points that a person still has to give."""
    run = find_standing(runs)
    return Attempt(
        submission,
        run,
        find_mark(run, waiting.get(run.pk, 0)) if run else None,
        again=runs[0] if runs and runs[0] != run else None,
        counts=uses_attempt((each.lane, each.status) for each in runs),
    )


def find_waiting_points(runs: list[GradingRun]) -> dict[int, float]:
    """Per run the points that a person still has to give."""
    waiting = CellGrade.objects.filter(
        Q(run__in=runs), Q(needs_manual_grade=True), Q(manual_score__isnull=True)
    ).order_by()
    return dict(waiting.values_list("run").annotate(Sum("max_score")))


def find_newer(submission: Submission) -> Submission | None:
    """The attempt, or the check, that took the place of one in the queue, or the one that took its place at last."""
    newer = _same_kind(submission).filter(pressed_at__gt=submission.pressed_at)
    replaced = GradingRun.objects.filter(submission=OuterRef("pk"), status=GradingStatus.REPLACED)
    return newer.exclude(Exists(replaced)).order_by("pressed_at").first()


def find_same_before(submission: Submission) -> Submission | None:
    """The attempt, or the check, that a submission without changes repeats; None for every other one."""
    if submission.status != SubmissionStatus.UNCHANGED:
        return None
    same = _same_kind(submission).filter(content_hash=submission.content_hash)
    return same.order_by("-pressed_at").first()


def _same_kind(submission: Submission) -> QuerySet[Submission]:
    """What the learner had graded, or checked, of the lab."""
    return Submission.objects.filter(
        enrolment=submission.enrolment_id,
        lab=submission.lab_id,
        purpose=submission.purpose,
        status=SubmissionStatus.COLLECTED,
    )
