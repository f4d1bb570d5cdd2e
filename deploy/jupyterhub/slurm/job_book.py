"""The hub's own jobs, from what it has submitted and what Slurm answers: which live, which have ended and how."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from deploy.jupyterhub.addresses import JOB_SERVER_NAME
from deploy.jupyterhub.slurm.job_store import KEPT, JobStore, KnownJob
from deploy.jupyterhub.slurm.job_views import Ending, JobStage, JobView, Submission
from deploy.jupyterhub.slurm.jobs import EndedJob, QueuedJob
from deploy.jupyterhub.slurm.places import Waiting, rank_places

UNKNOWN: Final = "UNKNOWN"
UNKNOWN_AFTER: Final = 4  # answers about the queue without a word of the accounting
SACCT_LATE: Final = timedelta(minutes=10)  # that an ending may come into the accounting after its time
SACCT_NEVER: Final = timedelta(days=1)  # what has not come by then is not waited for
# Ended so whoever asked for the end: a stop that came too late has not ended the job.
SITES_ENDINGS: Final = frozenset(
    {"TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "BOOT_FAIL", "DEADLINE"}
)


@dataclass
class Missing:
    """A job that the last answers did not have: since when, and in how many of them."""

    since: datetime
    answers: int = 0


class JobBook:
    """What is written in it stays; an answer that did not come changes nothing.

    Jobs are known by their ids, which Slurm gave us, and the Unix account that was asked for. A name proves nothing,
    as everybody may give a job any name, at any time: it counts only while a submission of ours under that name is
    without an answer, and only for a job of that account.
    """

    def __init__(self, store: JobStore, prefix: str) -> None:
        self._store = store
        self._own_name = re.compile(rf"{re.escape(prefix)}-({JOB_SERVER_NAME})")
        # Whose server a name is, for jobs that ended without the hub having seen them; set when the hub knows.
        self.identify: Callable[[str], Submission | None] = lambda _server: None
        self._known: dict[str, KnownJob] = {}
        self._ids: dict[str, list[str]] = defaultdict(list)  # by name, the newest last
        for job in store.load():
            self._keep(job)
        self._asked: dict[str, int] = {}  # job id → the number of the question before its submission was over
        self._submitting: dict[str, Submission] = {}
        self._queue: dict[str, QueuedJob] = {}
        self._queue_at: datetime | None = None
        self._started: dict[str, datetime] = {}
        self._missing: dict[str, Missing] = {}
        self._learnt_at = max(
            (job.ending.learnt_at for job in self._known.values() if job.ending), default=None
        )

    # --- What we do ------------------------------------------------------------------------------------

    def note_submitting(self, name: str, submission: Submission) -> None:
        self._submitting[name] = submission
        for job in self._queue.values():
            self._claim(job)

    def note_submitted(
        self, name: str, job_id: str, submission: Submission, *, question: int, at: datetime
    ) -> None:
        self._submitting.pop(name, None)
        known = self._known.get(job_id)
        if known is None or known.name != name:
            known = KnownJob(job_id=job_id, name=name, submission=submission, submitted_at=at)
            self._asked[job_id] = question
        self._save(replace(known, submission=submission))

    def note_stopping(self, name: str, job_id: str) -> None:
        for job in self._live_of(name):
            if job_id in {"", job.job_id}:
                self._save(replace(job, is_stopped=True))

    # --- What Slurm says -------------------------------------------------------------------------------

    def take_queue(self, jobs: Sequence[QueuedJob], *, question: int, at: datetime) -> None:
        """An answer to that question: what it lacks and was submitted before has ended."""
        self._queue = {
            job.job_id: job for job in jobs if job.job_id in self._known or self.is_under_our_name(job)
        }
        self._queue_at = at
        for job in self._queue.values():
            self._claim(job)
            if job.started_at is not None and job.is_running:
                self._started[job.job_id] = job.started_at
        for known in list(self._known.values()):
            if self._is_queued(known) or self._asked.get(known.job_id, 0) >= question or not known.is_open:
                self._missing.pop(known.job_id, None)
            else:
                self._missing.setdefault(known.job_id, Missing(at)).answers += 1
            if known.ending and self._is_queued(known) and self._queue[known.job_id].state != "COMPLETING":
                self._save(replace(known, ending=None))  # the site has put it back into the queue
        self._forget(at)

    def take_ended(self, jobs: Iterable[EndedJob], *, at: datetime) -> None:
        """What the accounting says; it may correct what was not known before."""
        for job in jobs:
            known = self._known.get(job.job_id) or self._find_unseen(job)
            if known is None or not known.is_same(job):
                continue
            queued = self._queue.get(job.job_id)
            if queued is not None and not queued.is_over and queued.state != "COMPLETING":
                continue
            before = known.ending
            if before is None or (before.state, before.ended_at) != (job.state, job.ended_at):
                self._end(known, job, at)

    def conclude_missing(self, at: datetime) -> None:
        """Who has been missing from some answers without a word of the accounting has ended, one knows not how."""
        for job_id, missing in list(self._missing.items()):
            known = self._known.get(job_id)
            if known is not None and known.ending is None and missing.answers >= UNKNOWN_AFTER:
                self._end(known, None, at, ended_at=missing.since)

    def _end(
        self, known: KnownJob, job: EndedJob | None, at: datetime, *, ended_at: datetime | None = None
    ) -> None:
        state = job.state.split()[0] if job and job.state else UNKNOWN
        is_by_hub = known.is_stopped and state not in SITES_ENDINGS
        at = max(at, self._learnt_at + timedelta(microseconds=1)) if self._learnt_at else at
        self._learnt_at = at
        ending = Ending(
            state=state,
            exit_code=job.exit_code if job else None,
            started_at=job.started_at if job else self._started.get(known.job_id),
            ended_at=job.ended_at if job else ended_at or at,
            is_by_hub=is_by_hub,
            is_by_other=state == "CANCELLED" and not is_by_hub,
            learnt_at=at,
        )
        self._save(replace(known, ending=ending))

    def _claim(self, job: QueuedJob) -> None:
        """A job whose submission's answer was lost is ours, if it is of the account that we asked for."""
        submission = self._submitting.get(job.name)
        if submission is None or job.is_over or job.job_id in self._known or self._queue_at is None:
            return
        if submission.unix_account in {"", job.user}:
            # FirecREST does not tell when it was submitted.
            at = job.submitted_at or self._queue_at
            known = KnownJob(job_id=job.job_id, name=job.name, submission=submission, submitted_at=at)
            self._submitting.pop(job.name)
            self._save(known)

    def _find_unseen(self, job: EndedJob) -> KnownJob | None:
        """A job that came and went while no answer was read: ours, if its account is its server's."""
        server = self._own_name.fullmatch(job.name)
        submission = self.identify(server[1]) if server else None
        if submission is None or submission.unix_account not in {"", job.user}:
            return None
        if self._jobs_of(job.name):
            return None  # the server's own job is known; whoever lives in its account has borrowed the name
        at = job.submitted_at or job.started_at or job.ended_at
        return KnownJob(job_id=job.job_id, name=job.name, submission=submission, submitted_at=at)

    # --- What is known ---------------------------------------------------------------------------------

    def find(self, name: str) -> JobView | None:
        """The newest job of that name; a live one before any that has ended."""
        jobs = self._live_of(name) or self._jobs_of(name)
        return self._view(jobs[-1], {}) if jobs else None

    def list_open(self) -> list[JobView]:
        """Our jobs that live, and those whose ending is not known yet; with their places."""
        known = [job for job in self._known.values() if job.ending is None]
        places = rank_places(self._waiting(job) for job in known if self._stage(job) is JobStage.PENDING)
        return [self._view(job, places) for job in known]

    def list_ended(self, since: datetime | None, limit: int) -> list[JobView]:
        """Those whose ending was learnt after `since`, the first learnt first."""
        ended = [
            (job.ending.learnt_at, job)
            for job in self._known.values()
            if job.ending and (since is None or job.ending.learnt_at > since)
        ]
        return [self._view(job, {}) for _, job in sorted(ended, key=lambda each: each[0])[:limit]]

    def list_strangers(self) -> list[QueuedJob]:
        """Live jobs under our names that are none of ours as far as we know."""
        jobs = [job for job in self._queue.values() if not job.is_over and self.is_under_our_name(job)]
        return [job for job in jobs if not self.is_ours(job)]

    def is_under_our_name(self, job: QueuedJob) -> bool:
        return self._own_name.fullmatch(job.name) is not None

    def is_ours(self, job: QueuedJob) -> bool:
        known = self._known.get(job.job_id)
        return known is not None and known.is_same(job)

    def list_leaving(self) -> list[JobView]:
        """Those that have ended and that Slurm's last answer has on their nodes still."""
        queued = [
            self._known[job.job_id] for job in self._queue.values() if job.is_running and self.is_ours(job)
        ]
        return [self._view(job, {}) for job in queued if self._stage(job) is JobStage.ENDED]

    def ended_since(self, read_until: datetime) -> datetime:
        """From when on the accounting is to be asked, so that nothing late is missed."""
        missing = [each.since for each in self._missing.values() if each.since > read_until - SACCT_NEVER]
        return min([read_until, *missing]) - SACCT_LATE

    def _live_of(self, name: str) -> list[KnownJob]:
        return [job for job in self._jobs_of(name) if self._stage(job) is not JobStage.ENDED]

    def _jobs_of(self, name: str) -> list[KnownJob]:
        return [self._known[job_id] for job_id in self._ids.get(name, ())]

    def _find_queued(self, known: KnownJob) -> QueuedJob | None:
        queued = self._queue.get(known.job_id)
        return queued if queued and known.is_same(queued) else None

    def _is_queued(self, known: KnownJob) -> bool:
        queued = self._find_queued(known)
        return queued is not None and not queued.is_over

    def _stage(self, known: KnownJob) -> JobStage:
        if known.ending is not None or known.job_id in self._missing:
            return JobStage.ENDED
        if self._is_queued(known) and self._queue[known.job_id].is_running:
            return JobStage.RUNNING
        return JobStage.PENDING

    def _waiting(self, known: KnownJob) -> Waiting:
        queued = self._find_queued(known)
        return Waiting(
            job_id=known.job_id,
            partition=known.submission.partition,
            priority=queued.priority if queued else None,
            # By one clock, as far as there is one.
            submitted_at=queued.submitted_at if queued and queued.submitted_at else known.submitted_at,
            is_answered=queued is not None,
        )

    def _view(self, known: KnownJob, places: dict[str, int]) -> JobView:
        stage, queued = self._stage(known), self._find_queued(known)
        if known.ending is not None:
            state = known.ending.state
        elif stage is JobStage.ENDED:
            state = "ENDED"
        else:
            state = queued.state if queued else "PENDING"
        return JobView(
            job_id=known.job_id,
            name=known.name,
            submission=known.submission,
            stage=stage,
            state=state,
            reason=queued.reason if queued and stage is not JobStage.ENDED else "",
            place=places.get(known.job_id),
            nodes=queued.nodes if queued else (),
            submitted_at=known.submitted_at,
            started_at=known.ending.started_at if known.ending else queued.started_at if queued else None,
            expected_start_at=queued.expected_start_at if queued and queued.is_waiting else None,
            ends_at=queued.ends_at if queued and queued.is_running else None,
            ending=known.ending,
            is_stopped=known.is_stopped,
        )

    def _save(self, job: KnownJob) -> None:
        self._keep(job)
        self._store.save(job)

    def _keep(self, job: KnownJob) -> None:
        before = self._known.get(job.job_id)
        if before is not None and before.name != job.name:  # the site counts its jobs anew
            self._ids[before.name].remove(job.job_id)
        if before is None or before.name != job.name:
            self._ids[job.name].append(job.job_id)
        self._known[job.job_id] = job

    def _forget(self, now: datetime) -> None:
        old = [
            job
            for job in self._known.values()
            if job.ending and job.ending.learnt_at < now - KEPT and job.job_id not in self._queue
        ]
        for job in old:
            del self._known[job.job_id]
            self._ids[job.name].remove(job.job_id)
            for notes in (self._missing, self._asked, self._started):
                notes.pop(job.job_id, None)
        if old:
            self._store.forget(*(job.job_id for job in old))
