"""One question to Slurm for everybody: asked at a fixed pace, whatever the number of learners.

What was answered last is kept with its time. A server looks for its job here and never asks Slurm itself.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.job_views import JobStage, JobView, Submission
from deploy.jupyterhub.slurm.scheduler import Scheduler

__all__ = ["JobStage", "JobView", "QueueWatch", "Submission", "get_watch", "open_watch"]


class QueueWatch:
    """What is known of Slurm now. The hub has one; it is asked for by `get_watch`."""

    answered_at: datetime | None  # the moment of which Slurm's last answer tells
    is_answering: bool  # whether the last question was answered

    def __init__(self, scheduler: Scheduler, factory: FactoryFile, folder: Path) -> None:
        """`folder` is the hub's own: what has to outlive a restart stands there."""
        raise NotImplementedError

    def find(self, job_name: str) -> JobView | None:
        """The newest job of that name, live or ended; None where there is none as far as is known.

        A job that is missing from an answer younger than its submission is ENDED. Where Slurm does not answer,
        everything stays as it was said last. `answered_at` None means that nothing is known yet.
        """
        raise NotImplementedError

    async def next_answer(self) -> None:
        """Until Slurm has answered about its queue a question that was asked after this call."""
        raise NotImplementedError

    async def changed(self) -> None:
        """Until the next round of questions is over, answered or not, or something was noted."""
        raise NotImplementedError

    def note_submitting(self, job_name: str, submission: Submission) -> None:
        """A job of that name is about to be submitted: should the answer be lost, this is whose it is."""
        raise NotImplementedError

    def note_submitted(self, job_name: str, job_id: str, submission: Submission) -> None:
        """Slurm has taken it: it is pending from now on. Also for a job that is adopted; the same twice is fine."""
        raise NotImplementedError

    def note_stopping(self, job_name: str) -> None:
        """The end of its live job is asked for by us: to be called before the job is cancelled."""
        raise NotImplementedError

    def note_refused(self, user: str, server: str, reason: str) -> None:
        """A start was refused, by us or by Slurm; Paja is told why for an hour."""
        raise NotImplementedError

    def note_checked(self, unix_account: str, server: str, outcome: str, reason: str = "") -> None:
        """A job of kind check has passed, or failed for a reason; Paja is told for an hour."""
        raise NotImplementedError

    def list_live(self) -> list[JobView]:
        """Our jobs that have not ended."""
        raise NotImplementedError


def open_watch(make: Callable[[], QueueWatch]) -> QueueWatch:
    """Make the hub's watch, once, when it reads its configuration; it begins to ask when the hub starts."""
    raise NotImplementedError


def get_watch() -> QueueWatch:
    """The hub's watch; RuntimeError on a hub without Slurm."""
    raise NotImplementedError
