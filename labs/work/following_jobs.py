"""What a hub says of its batch system, kept as rows: partitions, accounts, and the ledger of all jobs."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest

from labs.exceptions import LabError
from labs.jupyterhub import HubClient, JobModel, PartitionModel, QueueAnswer, UnixAccountModel
from labs.models import AccountKind, FactoryAccount, Flavour, Hub, LabSession, Partition, SlurmJob
from labs.models.accounts import HELD
from labs.states import AccountStatus, SessionStatus

logger = logging.getLogger(__name__)

FOLLOW_EVERY: Final = timedelta(seconds=2)
LOOK_FOR_SLURM_EVERY: Final = timedelta(minutes=1)

MISSED: Final = "UNKNOWN"
"""The state of a job that Slurm no longer has, until the accounting tells how it ended."""

TELL_WITHIN: Final = timedelta(minutes=10)
"""The accounting is slower than the queue, and after a fault of the site's may never tell."""

PARTITION_FIELDS: Final = (
    "is_up",
    "is_unconfirmed",
    "time_limit_minutes",
    "nodes_total",
    "nodes_idle",
    "nodes_down",
    "gpus_total",
    "gpus_used",
    "gpus_free",
    "jobs_pending",
    "jobs_running",
)
FLAVOUR_FIELDS: Final = (
    "position",
    "gpus",
    "gpu_name",
    "gpu_memory_gb",
    "is_slice",
    "cores",
    "memory_gb",
    "minutes_max",
    "weight",
    "expected_wait_seconds",
)
NEWS_FIELDS: Final = (
    "unix_account",
    "state",
    "reason",
    "place",
    "expected_start_at",
    "started_at",
    "ends_at",
    "ended_at",
    "is_ended_by_us",
)
"""What may change of a job. Its weight does not: a later price changes no account."""

JOB_FIELDS: Final = ("job_id", "gpus", "weight", "submitted_at", *NEWS_FIELDS[:-1])


def follow_queue(hub: Hub, client: HubClient, now: datetime) -> QueueAnswer | None:
    """Ask the hub what it knows of its batch system and keep that; None where it is not asked now, or no answer.

    A hub without Slurm is asked now and then whether it has one. No answer changes nothing. A fixed number of
    queries, however many jobs there are.
    """
    pause = FOLLOW_EVERY if hub.has_slurm else LOOK_FOR_SLURM_EVERY
    if hub.queue_read_at and now - hub.queue_read_at < pause:
        return None
    try:
        answer = client.read_queue(hub.jobs_read_until)
    except LabError as error:
        logger.warning("hub of %s: its queue: %s", hub.factory.slug, error)
        return None
    with transaction.atomic():
        if answer.answered_at:
            keep_answer(hub, answer, now)
        elif hub.has_slurm and not answer.has_slurm:
            keep_partitions(hub, (), now)
            keep_accounts(hub, ())
        note_reading(hub, answer, now)
    return answer


def keep_answer(hub: Hub, answer: QueueAnswer, now: datetime) -> None:
    """A hub that was started anew has heard of nothing yet, or not of its partitions: what was known stays known."""
    if answer.partitions:
        keep_partitions(hub, answer.partitions, now)
    keep_accounts(hub, answer.unix_accounts)
    keep_jobs(hub, answer, now)
    keep_ends(hub)
    hub.slurm_answered_at = latest(hub.slurm_answered_at, not_after(now, answer.answered_at))
    hub.jobs_read_until = latest(hub.jobs_read_until, not_after(now, answer.ended_until))


def note_reading(hub: Hub, answer: QueueAnswer, now: datetime) -> None:
    hub.has_slurm, hub.queue_read_at = answer.has_slurm, now
    hub.save(update_fields=["has_slurm", "queue_read_at", "slurm_answered_at", "jobs_read_until"])


def not_after(now: datetime, moment: datetime | None) -> datetime | None:
    """By a hub whose clock is years ahead, all would be read for ever, and never be old."""
    return min(now, moment) if moment else None


def latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)


# --- Partitions, flavours, accounts ----------------------------------------------------------------------


def keep_partitions(hub: Hub, partitions: Iterable[PartitionModel], now: datetime) -> None:
    """What the factory offers; what it no longer names is offered no more."""
    told = {each.name: each for each in partitions}
    rows = [
        Partition(
            hub=hub,
            name=name,
            read_at=now,
            reservations=[reservation.as_json() for reservation in each.reservations],
            **read_fields(each, PARTITION_FIELDS),
        )
        for name, each in told.items()
    ]
    Partition.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["hub", "name"],
        update_fields=[*PARTITION_FIELDS, "reservations", "read_at", "is_offered"],
    )
    Partition.objects.filter(hub=hub, is_offered=True).exclude(name__in=told).update(is_offered=False)
    keep_flavours(hub, told.values())


def keep_flavours(hub: Hub, partitions: Iterable[PartitionModel]) -> None:
    ids = dict(Partition.objects.filter(hub=hub).values_list("name", "pk"))
    rows = {
        (ids[partition.name], each.slug): Flavour(
            partition_id=ids[partition.name], slug=each.slug, **read_fields(each, FLAVOUR_FIELDS)
        )
        for partition in partitions
        for each in partition.flavours
    }
    Flavour.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["partition", "slug"],
        update_fields=[*FLAVOUR_FIELDS, "is_offered"],
    )
    offered = Flavour.objects.filter(partition__hub=hub, is_offered=True)
    gone = [pk for pk, *key in offered.values_list("pk", "partition", "slug") if tuple(key) not in rows]
    if gone:
        Flavour.objects.filter(pk__in=gone).update(is_offered=False)


def keep_accounts(hub: Hub, accounts: Iterable[UnixAccountModel]) -> None:
    """Accounts that the factory lends. A name that is a person's own account is theirs, whatever the hub says."""
    told = {each.name: each for each in accounts}
    known = {row.name: row for row in FactoryAccount.objects.filter(HELD, hub=hub)}
    changed = []
    for name, row in known.items():
        each = told.get(name)
        before = row.kind, row.is_shared, row.is_offered
        if row.kind == AccountKind.OWN:
            continue
        if each:
            row.kind, row.is_shared = AccountKind(each.kind), each.is_shared
        row.is_offered = each is not None
        if before != (row.kind, row.is_shared, row.is_offered):
            changed.append(row)
    if changed:
        FactoryAccount.objects.bulk_update(changed, ["kind", "is_shared", "is_offered"])
    new = [
        FactoryAccount(
            hub=hub, name=name, kind=each.kind, is_shared=each.is_shared, status=AccountStatus.VERIFIED
        )
        for name, each in told.items()
        if name not in known
    ]
    FactoryAccount.objects.bulk_create(new, ignore_conflicts=True)


# --- Jobs ------------------------------------------------------------------------------------------------


def keep_jobs(hub: Hub, answer: QueueAnswer, now: datetime) -> None:
    """The ledger. Those that ended come last and stand: what has ended by Slurm's word is never opened again."""
    told = {
        (job.job_id, job.server): job
        for job in (*answer.jobs, *answer.ended)
        if job.job_id and job.submitted_at
    }
    known = find_jobs(hub, told)
    sessions = find_sessions(hub, told)
    rows = {}
    for key, job in told.items():
        row, before = make_row(hub, job, sessions.get(job.server, (None, None)), now), known.get(key)
        if before is None or (is_news(row, before) and (job.ended_at or not has_ended(before))):
            rows[row.job_id, row.submitted_at] = row
    SlurmJob.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["hub", "job_id", "submitted_at"],
        update_fields=[*NEWS_FIELDS, "read_at"],
    )
    close_missing(hub, answer, now)


def find_jobs(hub: Hub, told: Iterable[tuple[str, str]]) -> dict[tuple[str, str], SlurmJob]:
    """Rows by job and server. Slurm numbers its jobs anew one day; servers' names never come again."""
    ids = [job_id for job_id, _server in told]
    return {(row.job_id, row.server_name): row for row in SlurmJob.objects.filter(hub=hub, job_id__in=ids)}


def find_sessions(hub: Hub, told: Iterable[tuple[str, str]]) -> dict[str, tuple[int, int | None]]:
    """By server: the session, and the cohort that it costs GPU-hours; an author's is the one that allowed it."""
    sessions = LabSession.objects.filter(hub=hub, server_name__in={server for _job_id, server in told})
    cohort = Coalesce("allocation__cohort", "enrolment__cohort")
    return {name: (pk, payer) for name, pk, payer in sessions.values_list("server_name", "pk", cohort)}


def make_row(hub: Hub, job: JobModel, origin: tuple[int | None, int | None], now: datetime) -> SlurmJob:
    session_id, cohort_id = origin
    return SlurmJob(
        hub=hub,
        session_id=session_id,
        cohort_id=cohort_id,
        server_name=job.server,
        partition_name=job.partition,
        flavour_slug=job.flavour,
        is_ended_by_us=job.is_ended_by_hub,
        read_at=now,
        **read_fields(job, JOB_FIELDS),
    )


def is_news(row: SlurmJob, before: SlurmJob) -> bool:
    """Whether it says anything else of the job; what is known of its times already is kept."""
    row.submitted_at = before.submitted_at
    row.started_at = row.started_at or before.started_at
    row.ends_at = row.ends_at or before.ends_at
    return any(getattr(row, name) != getattr(before, name) for name in NEWS_FIELDS)


def has_ended(job: SlurmJob) -> bool:
    """By Slurm's word."""
    return job.ended_at is not None and job.state != MISSED


def close_missing(hub: Hub, answer: QueueAnswer, now: datetime) -> None:
    """A job that Slurm no longer has waits nowhere. One whose end nobody tells ended when Slurm last had it.

    What the accounting tells later stands instead.
    """
    live = [job.server for job in answer.jobs]
    missing = SlurmJob.objects.filter(hub=hub, ended_at=None).exclude(server_name__in=live)
    last_seen_at = hub.slurm_answered_at or now
    missing.exclude(state=MISSED).update(
        state=MISSED, place=None, expected_start_at=None, read_at=last_seen_at
    )
    if answer.is_answering:
        untold = missing.filter(state=MISSED, read_at__lt=now - TELL_WITHIN)
        untold.update(ended_at=Greatest("read_at", Coalesce("started_at", "read_at")))


def keep_ends(hub: Hub) -> None:
    """A session ends when its job does, also where the site gave that more or less time meanwhile: who was warned
    of another end is warned anew.
    """
    running = SlurmJob.objects.filter(session=OuterRef("pk"), ended_at=None, ends_at__isnull=False)
    ready = LabSession.objects.filter(hub=hub, status=SessionStatus.READY, flavour__isnull=False)
    ready.annotate(job_ends_at=Subquery(running.order_by("-submitted_at").values("ends_at")[:1])).filter(
        job_ends_at__isnull=False
    ).exclude(ends_at=F("job_ends_at")).update(ends_at=F("job_ends_at"), time_warned_minutes=None)


def read_fields(model: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(model, name) for name in names}
