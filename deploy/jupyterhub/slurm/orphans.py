"""Jobs that nobody owns: a lost answer, a cancelled start or a crash may leave one, and it would run to its end."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError
from deploy.jupyterhub.slurm.unix_accounts import find_kind
from deploy.jupyterhub.slurm.watching import QueueWatch

CANCELLED_MOST: Final = 20  # in a round: a fault of ours must not end a whole class at once
INTRUDERS_MOST: Final = 500  # of an account, in a round
TRIES_MOST: Final = 3  # of jobs that we do not know: they may be of people whom we may not act for
GRACE_PACES: Final = 4  # a minute, at 15 s
log = logging.getLogger("jupyterhub.slurm")


@dataclass(frozen=True)
class Orphan:
    job_id: str
    name: str
    unix_account: str
    is_known: bool  # whether we have submitted it, as far as we know


class OrphanSearch:
    """Looks at each answer of Slurm's once, and has those cancelled whom nobody has owned for the grace.

    The grace begins anew with the hub, so that after a restart every start has had its time to find its job.
    """

    def __init__(self, watch: QueueWatch, find_owned: Callable[[], Collection[str] | None]) -> None:
        """`find_owned` tells the names of the servers that this hub has, or None where its database does not say."""
        self._watch = watch
        self._find_owned = find_owned
        self._since: dict[str, datetime] = {}
        self._tries: Counter[str] = Counter()
        self._seen = 0

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=GRACE_PACES * self._watch.pace_seconds)

    async def look(self) -> list[Orphan]:
        """Those that have now been cancelled. Without a new answer nothing happens."""
        answers = self._watch.answers
        if answers.queue_at is None or answers.queue_question == self._seen:
            return []
        self._seen = answers.queue_question
        await self._end_intruders()
        orphans = self._find_overdue(answers.queue_at)[:CANCELLED_MOST]
        for orphan in orphans:
            log.warning("Nobody owns the job %s (%s): cancelled", orphan.job_id, orphan.name)
            if orphan.is_known:
                self._watch.note_stopping(orphan.name, orphan.job_id)
        known = [orphan for orphan in orphans if orphan.is_known]
        # Apart from each other: of a job that is none of ours after all Slurm may say no.
        for together in [known, *([orphan] for orphan in orphans if not orphan.is_known)]:
            await self._cancel(together)
        return orphans

    async def _end_intruders(self) -> None:
        """At once: an account that is lent has the hub's jobs and no others, as its files are one person's."""
        by_account: dict[str, list[str]] = defaultdict(list)
        for job in self._watch.list_intruders():
            by_account[job.user].append(job.job_id)
        for unix_account, job_ids in by_account.items():
            log.warning("%s is lent and has jobs that are none of ours: %d", unix_account, len(job_ids))
            await self._ask_to_cancel([(job_id, unix_account) for job_id in job_ids[:INTRUDERS_MOST]])

    async def _cancel(self, orphans: Sequence[Orphan]) -> None:
        self._tries.update(orphan.job_id for orphan in orphans)
        if orphans:
            await self._ask_to_cancel([(orphan.job_id, orphan.unix_account) for orphan in orphans])

    async def _ask_to_cancel(self, jobs: Sequence[tuple[str, str]]) -> None:
        try:
            await self._watch.scheduler.cancel(jobs)
        except SchedulerUnavailableError as error:
            log.warning("No answer to the cancellation of jobs that nobody owns: %s", error)

    def _find_overdue(self, at: datetime) -> list[Orphan]:
        owned = self._find_owned()
        if owned is None:
            return []
        orphans = {orphan.job_id: orphan for orphan in self._find_orphans(owned)}
        self._since = {job_id: self._since.get(job_id, at) for job_id in orphans}
        self._tries = Counter({job_id: count for job_id, count in self._tries.items() if job_id in orphans})
        return [
            orphan
            for job_id, orphan in orphans.items()
            if at - self._since[job_id] >= self.grace
            and (orphan.is_known or self._tries[job_id] < TRIES_MOST)
        ]

    def _find_orphans(self, owned: Collection[str]) -> list[Orphan]:
        """A server owns the newest job of its name. What was not submitted here is ours only in an account of ours."""
        watch = self._watch
        live = watch.list_live()
        newest = {job.name: job.job_id for job in live}
        known = [
            Orphan(job.job_id, job.name, job.submission.unix_account, True)
            for job in live
            if job.submission.server not in owned or newest[job.name] != job.job_id
        ]
        strangers = [
            Orphan(job.job_id, job.name, job.user, False)
            for job in watch.list_strangers()
            if self._is_our_account(job.user)
        ]
        return known + strangers

    def _is_our_account(self, name: str) -> bool:
        grading = self._watch.factory.grading
        return find_kind(self._watch.factory, name) is not None or (
            grading is not None and name == grading.unix_account
        )
