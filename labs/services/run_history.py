"""How the grading of a submission went, run by run: what its team sees of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labs.models import GradingRun, Submission
from labs.services.grading_faults import fault_words
from labs.services.grading_times import PHASES
from labs.states import GradingStatus

# What happened for so many seconds.
PHASE_WORDS: Final[Mapping[str, str | Promise]] = {
    "queued": _("waited"),
    "prepared": _("prepared"),
    "executed": _("ran"),
    "scored": _("scored"),
    "rendered": _("made the feedback"),
}

_FILES: Final = ("release__source_files", "release__learner_files", "release__grade_cells")


@dataclass(frozen=True)
class RunHistory:
    """A run with the seconds of its phases, in their order and in words; none of one that has not finished."""

    run: GradingRun
    phases: tuple[tuple[str | Promise, float], ...]
    is_regrade: bool

    @property
    def fault(self) -> str:
        """Why it failed; empty where it did not."""
        return fault_words(self.run.reason) if self.run.status == GradingStatus.FAILED else ""

    @property
    def seconds(self) -> float | None:
        """From the queue to the end; None where there is no end."""
        end = self.run.finished_at
        return (end - self.run.queued_at).total_seconds() if end else None


def find_run_history(submission: Submission) -> list[RunHistory]:
    """The newest run first, in one query."""
    runs = submission.runs.select_related("release", "factory").order_by("-queued_at", "-pk")
    return [_describe(run) for run in runs.defer("notebooks", "evidence", *_FILES)]


def _describe(run: GradingRun) -> RunHistory:
    known = {name: value for name, value in run.phase_seconds.items() if isinstance(value, int | float)}
    return RunHistory(
        run=run,
        phases=tuple((PHASE_WORDS[phase], known[phase]) for phase in PHASES if phase in known),
        is_regrade=run.lane == GradingRun.Lane.REGRADES,
    )
