"""Where sessions stand in the queues of their partitions: by Slurm's word, and until it has one by our own rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Exists, IntegerField, OuterRef, Q, Subquery, prefetch_related_objects

from labs.models import Flavour, LabSession, Partition, SlurmJob
from labs.services.slurm_words import PAUSED_STATES, WaitReason, explain_job
from labs.services.troubles import is_slurm_silent
from labs.states import SessionStatus

WAITING_STATUSES: Final = (SessionStatus.REQUESTED, SessionStatus.SPAWNING)

AT_ONCE: Final = timedelta(seconds=45)
"""What Slurm expects within this time, or was to begin just now, begins at any moment."""

LATE: Final = timedelta(minutes=2)
"""An expected start that has passed for so long was none."""

FAR_OFF: Final = timedelta(minutes=10)
FAR_OFF_SECONDS: Final = 15
QUEUED_SECONDS: Final = 5
"""Slurm is asked every 15 seconds: who waits in its queue learns little by asking more often."""


@dataclass(frozen=True)
class SlurmPlace:
    """A session that has been asked for and whose server does not run yet.

    `job` is empty until the hub has told of it; `place` then counts our own rows. It counts from 1, and is None where
    Slurm has a job of which it tells none.
    """

    session: LabSession
    flavour: Flavour
    job: SlurmJob | None
    place: int | None
    now: datetime

    @property
    def partition(self) -> Partition:
        return self.flavour.partition

    @property
    def has_begun(self) -> bool:
        """Whether Slurm has begun the job: its node is being prepared, or its server starts."""
        return self.job is not None and self.job.started_at is not None

    @property
    def is_paused(self) -> bool:
        return self.job is not None and self.job.state in PAUSED_STATES

    @property
    def reason(self) -> WaitReason | None:
        """Why it waits, by Slurm's word."""
        return explain_job(self.job) if self.job and not self.has_begun else None

    @property
    def is_stuck(self) -> bool:
        return self.reason is not None and self.reason.is_stuck

    @property
    def expected_at(self) -> datetime | None:
        """When it should begin; None where nobody knows, as while Slurm is silent.

        Before Slurm has the job, what was said at the press.
        """
        if self.is_stuck or is_slurm_silent(self.session.hub, self.now):
            return None
        expected = self.job.expected_start_at if self.job else self._expected_at_press
        return expected if expected and expected > self.now - LATE else None

    @property
    def is_at_once(self) -> bool:
        """Whether it should begin at any moment."""
        return self.expected_at is not None and self.expected_at - self.now < AT_ONCE

    @property
    def minutes_left(self) -> int | None:
        """Whole minutes until it should begin, at least one."""
        if self.expected_at is None:
            return None
        return max(1, round((self.expected_at - self.now).total_seconds() / 60))

    @property
    def share(self) -> int | None:
        """Of a hundred, how much of the wait is over; None where its end is not known."""
        if self.expected_at is None:
            return None
        waited = max(0.0, (self.now - self.session.requested_at).total_seconds())
        left = max(0.0, (self.expected_at - self.now).total_seconds())
        return round(100 * waited / (waited + left)) if left else 100

    @property
    def share_shown(self) -> int | None:
        """For a bar: one that moves says that something goes on, which it does not for who waits in vain."""
        return 0 if self.is_stuck else self.share

    @property
    def poll_seconds(self) -> int | None:
        """How long a page may wait until it asks again; None where the start itself decides."""
        if self.job is None or self.has_begun or self.is_at_once:
            return None
        is_far = self.expected_at is not None and self.expected_at - self.now > FAR_OFF
        return FAR_OFF_SECONDS if is_far else QUEUED_SECONDS

    @property
    def version(self) -> tuple[object, ...]:
        """Changes when there is something to say anew; the expected time moves on quietly."""
        words = self.reason and (str(self.reason.sentence), self.reason.term)
        return (self.place, self.has_begun, self.is_paused, words)

    @property
    def quiet_version(self) -> tuple[object, ...]:
        return (self.is_at_once, self.minutes_left, self.share, self.job and self.job.state)

    @property
    def _expected_at_press(self) -> datetime | None:
        wait = self.flavour.expected_wait_seconds
        return None if wait is None else self.session.requested_at + timedelta(seconds=wait)


def find_slurm_place(session: LabSession, now: datetime) -> SlurmPlace | None:
    """The place of one session; None where it does not wait for Slurm."""
    return find_slurm_places([session], now).get(session.pk)


def find_slurm_places(sessions: Sequence[LabSession], now: datetime) -> dict[int, SlurmPlace]:
    """By row; in a constant number of queries however many wait, none where nobody does."""
    waiting = {each.server_name: each for each in sessions if _waits_for_slurm(each)}
    if not waiting:
        return {}
    prefetch_related_objects(list(waiting.values()), "flavour__partition")
    told = SlurmJob.objects.filter(server_name__in=waiting).order_by("submitted_at", "pk")
    jobs = {job.server_name: job for job in told if job.hub_id == waiting[job.server_name].hub_id}
    unknown = [each for name, each in waiting.items() if name not in jobs]
    counted = _count_places(unknown) if unknown else {}
    places: dict[int, SlurmPlace] = {}
    for name, session in waiting.items():
        job, flavour = jobs.get(name), session.flavour
        place = counted.get(session.pk) if job is None else None if job.started_at else job.place
        if flavour and not (job and job.ended_at):
            places[session.pk] = SlurmPlace(session, flavour, job, place, now)
    return places


def _waits_for_slurm(session: LabSession) -> bool:
    is_starting = session.status in WAITING_STATUSES and session.delivery_claimed_at is None
    return is_starting and session.flavour_id is not None


def _count_places(sessions: Sequence[LabSession]) -> dict[int, int]:
    """One more than those that wait for the same partition and were asked for before."""
    has_begun = SlurmJob.objects.filter(server_name=OuterRef("server_name"), started_at__isnull=False)
    is_earlier = Q(requested_at__lt=OuterRef("requested_at")) | Q(
        requested_at=OuterRef("requested_at"), pk__lt=OuterRef("pk")
    )
    ahead = (
        LabSession.objects.filter(
            is_earlier,
            status__in=WAITING_STATUSES,
            delivery_claimed_at__isnull=True,
            flavour__partition=OuterRef("flavour__partition"),
        )
        .exclude(Exists(has_begun))
        .order_by()
        .values("flavour__partition")
        .annotate(number=Count("pk"))
        .values("number")
    )
    rows = LabSession.objects.filter(pk__in=[each.pk for each in sessions]).order_by()
    counted = rows.annotate(ahead=Subquery(ahead, output_field=IntegerField())).values_list("pk", "ahead")
    return {pk: (number or 0) + 1 for pk, number in counted}
