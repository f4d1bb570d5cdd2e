"""One question to Slurm for everybody: asked at a fixed pace, whatever the number of learners.

What was answered last is kept with its time. A server looks for its job here and never asks Slurm itself.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from deploy.jupyterhub.slurm.answers import KINDS, Answers
from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.job_book import JobBook
from deploy.jupyterhub.slurm.job_store import JobStore, Told
from deploy.jupyterhub.slurm.job_views import JobStage, JobView, Submission
from deploy.jupyterhub.slurm.jobs import QueuedJob
from deploy.jupyterhub.slurm.outlook import Outlook, look_ahead
from deploy.jupyterhub.slurm.scheduler import Scheduler
from deploy.jupyterhub.slurm.silence import Silence
from deploy.jupyterhub.slurm.unix_accounts import list_offered

__all__ = ["JobStage", "JobView", "QueueWatch", "Submission", "find_watch", "get_watch", "open_watch"]

TOLD_FOR: Final = timedelta(hours=1)
TOLD_MOST: Final = 2000
READ_UNTIL: Final = "read_until"
log = logging.getLogger("jupyterhub.slurm")


def utc_now() -> datetime:
    return datetime.now(UTC)


class QueueWatch:
    """What is known of Slurm now. The hub has one; it is asked for by `get_watch`."""

    def __init__(
        self,
        scheduler: Scheduler,
        factory: FactoryFile,
        folder: Path,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`folder` is the hub's own: what has to outlive a restart stands there."""
        self.scheduler = scheduler
        self.factory = factory
        self.answers = Answers()
        self.outlook: dict[str, Outlook] = {}  # of the answers, by partition
        self.is_answering = False
        self._silence = Silence(log)
        self.revision = 0  # another whenever anything here may have changed
        self._now = now
        self._store = JobStore(folder / "slurm.sqlite")
        self.book = JobBook(self._store, factory.job_prefix)
        self._told = deque(self._store.load_told(), TOLD_MOST)
        # The first question of all is about nothing before it.
        self._read_until = self._store.find_moment(READ_UNTIL) or now()
        self._question = 0
        self._change = asyncio.Event()

    @property
    def answered_at(self) -> datetime | None:
        """The moment of which Slurm's last answer about its queue tells; None before the first."""
        return self.answers.queue_at

    @property
    def pace_seconds(self) -> float:
        return self.factory.pace_seconds

    @property
    def questions(self) -> int:
        """How often Slurm was asked since the hub started, beside submissions and cancellations."""
        return sum(self.scheduler.questions[kind] for kind in KINDS)

    @property
    def read_until(self) -> datetime:
        """Until when the accounting has told every ending that it knew."""
        return self._read_until

    # --- Asking ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ask at the pace, for ever. A round that took longer than the pace is followed by a whole pause."""
        loop = asyncio.get_running_loop()
        while True:
            begun_at = loop.time()
            try:
                await self.ask()
            except Exception:  # a full disk, say: the next round may do better, and without any all is stuck
                log.exception("What Slurm answered could not be kept")
            await asyncio.sleep(pause_after(loop.time() - begun_at, self.pace_seconds))

    async def ask(self) -> None:
        """One round of the four questions. What is not answered stays as it was."""
        self._question += 1
        question, asked_at = self._question, self._now()
        answers = await self.answers.ask(self.scheduler, question, asked_at, self._silence)
        if answers is not self.answers:
            # A site has ten thousand jobs: the loop goes on serving people meanwhile.
            self.outlook = await asyncio.to_thread(look_ahead, answers, self.factory.partitions)
            self.answers = answers
        self.is_answering = self.answers.queue_question == question
        if self.is_answering:
            self.book.take_queue(self.answers.queue, question=question, at=asked_at)
        # Asked after the queue, so that what has just left that is in here.
        ended_at = self._now()
        since = self.book.ended_since(self._read_until)
        ended = await self._silence.answer_or_none(self.scheduler.read_ended(since), "ended jobs")
        if ended is not None:
            self.book.take_ended(ended, at=self._now())
            self._read_until = ended_at
            self._store.save_moment(READ_UNTIL, ended_at)
        self._silence.end_round(ended_at)
        if self.is_answering:
            self.book.conclude_missing(self._now())
        self._tell_change()

    async def next_answer(self) -> None:
        """Until Slurm has answered about its queue a question that was asked after this call."""
        asked = self._question
        while self.answers.queue_question <= asked:
            await self.changed()

    async def changed(self) -> None:
        """Until the next round of questions is over, answered or not, or something was noted."""
        await self._change.wait()

    def _tell_change(self) -> None:
        self.revision += 1
        before, self._change = self._change, asyncio.Event()
        before.set()

    # --- Noting ----------------------------------------------------------------------------------------

    def note_submitting(self, job_name: str, submission: Submission) -> None:
        """A job of that name is about to be submitted: should the answer be lost, this is whose it is.

        Also before a server that may have a job already looks for it by name, after a restart.
        """
        self.book.note_submitting(job_name, submission)

    def note_submitted(self, job_name: str, job_id: str, submission: Submission) -> None:
        """Slurm has taken it: it is pending from now on. Also for a job that is adopted; the same twice is fine."""
        self.book.note_submitted(job_name, job_id, submission, question=self._question, at=self._now())
        self._tell_change()

    def note_stopping(self, job_name: str, job_id: str = "") -> None:
        """The end of its live jobs, or of that one, is asked for by us: to be called before it is cancelled."""
        self.book.note_stopping(job_name, job_id)

    def note_refused(self, user: str, server: str, reason: str) -> None:
        """A start was refused, by us or by Slurm; Paja is told why for an hour."""
        self._note_told("refused", {"user": user, "server": server, "reason": reason})

    def note_checked(self, unix_account: str, server: str, outcome: str, reason: str = "") -> None:
        """A job of kind check has passed, or failed for a reason; Paja is told for an hour."""
        told = {"unix_account": unix_account, "server": server, "outcome": outcome, "reason": reason}
        self._note_told("checked", told)

    def _note_told(self, kind: str, body: dict[str, str]) -> None:
        told = Told(kind, body, self._now())
        self._told.append(told)
        self._store.tell(told)
        self._store.forget_told(told.at - TOLD_FOR)
        self._tell_change()

    # --- Looking ---------------------------------------------------------------------------------------

    def find(self, job_name: str) -> JobView | None:
        """The newest job of that name, live or ended; None where there is none as far as is known.

        A job that is missing from an answer younger than its submission is ENDED. Where Slurm does not answer,
        everything stays as it was said last. `answered_at` None means that nothing is known yet.
        """
        return self.book.find(job_name)

    def list_live(self) -> list[JobView]:
        """Our jobs that have not ended."""
        return [job for job in self.book.list_open() if job.is_live]

    def list_open(self) -> list[JobView]:
        """Our jobs that have not ended, and those whose ending nobody has told yet; with their places."""
        return self.book.list_open()

    def list_ended(self, since: datetime | None, limit: int) -> list[JobView]:
        """Our jobs whose ending was learnt after `since`, the first learnt first."""
        return self.book.list_ended(since, limit)

    def list_strangers(self) -> list[QueuedJob]:
        """Live jobs under our names that we have not submitted, as far as we know."""
        return self.book.list_strangers()

    def list_intruders(self) -> list[QueuedJob]:
        """Live jobs that are none of ours in accounts that we lend and empty, under other names than ours.

        Whoever is lent the account next would share it with them: a job that waits for its hour may be of somebody
        who had it long ago.
        """
        lent = {account.name for account in list_offered(self.factory) if not account.is_shared}
        jobs = [job for job in self.answers.queue if job.user in lent and not job.is_over]
        return [job for job in jobs if not self.book.is_ours(job) and not self.book.is_under_our_name(job)]

    def list_told(self, kind: str) -> list[Told]:
        """What was refused or checked within the hour, oldest first."""
        return [told for told in self._told if told.kind == kind and told.at > self._now() - TOLD_FOR]


def pause_after(took: float, pace: float) -> float:
    """How long to wait before the next round, so that there is never more than one in a pace."""
    return pace - took if took < pace else pace


class _TheWatch:
    found: QueueWatch | None = None


def open_watch(make: Callable[[], QueueWatch]) -> QueueWatch:
    """Make the hub's watch, once, when it reads its configuration; it begins to ask when the hub starts."""
    if _TheWatch.found is None:
        _TheWatch.found = make()
    return _TheWatch.found


def get_watch() -> QueueWatch:
    """The hub's watch; RuntimeError on a hub without Slurm."""
    if _TheWatch.found is None:
        raise RuntimeError("This hub has no Slurm to watch.")
    return _TheWatch.found


def find_watch() -> QueueWatch | None:
    """The hub's watch; None on a hub without Slurm."""
    return _TheWatch.found
