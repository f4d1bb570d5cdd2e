"""How long a start now would probably wait, from the last answers alone; None where nobody can say.

The reckoning is a plan on the partition's nodes as Slurm's backfill makes one: running jobs hold their GPUs until
their time is over; then those that wait, in Slurm's order, are put where Slurm itself expects them, or where they fit
first; then one job more. Nodes are taken to be alike. What is not told of a job (a GPU count, an end) makes the
answer None rather than better, and so does a queue too long to plan.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from deploy.jupyterhub.slurm.jobs import PartitionState, QueuedJob, Reservation
from deploy.jupyterhub.slurm.node_plan import Node, Plan
from deploy.jupyterhub.slurm.partitions import Flavour

MINUTES: Final = 240  # what the one job more asks for, unless its flavour allows less
WAITING_MOST: Final = 2000
LATEST: Final = timedelta(days=14).total_seconds()
ENDLESS: Final = 2 * LATEST  # longer than anybody plans
# These wait for something else than room, so they stand in nobody's way for now.
OUT_OF_THE_WAY: Final = ("JobHeld", "Dependency", "BeginTime", "Assoc", "QOS", "MaxJobs", "Reservation", "Partition",
                         "Invalid", "Bad", "Licenses")  # fmt: skip


def expected_waits(
    partition: PartitionState,
    flavours: Sequence[Flavour],
    queue: Sequence[QueuedJob],
    reservations: Sequence[Reservation],
    now: datetime,
) -> dict[str, int | None]:
    """Seconds that a job of each flavour would wait, by slug. `now` is the moment of the answers."""
    unknown: dict[str, int | None] = {flavour.slug: None for flavour in flavours}
    if not partition.is_up:
        return unknown
    jobs = [job for job in queue if partition.name in {job.partition, *job.partitions}]
    in_front = [job for job in jobs if job.is_waiting and not job.reason.startswith(OUT_OF_THE_WAY)]
    plan = make_plan(partition, queue, in_front, reservations, now)
    return {
        flavour.slug: _without_gpus(partition, in_front, reservations, flavour, now)
        if flavour.gpus == 0
        else _with_gpus(plan, partition, flavour)
        for flavour in flavours
    }


def make_plan(
    partition: PartitionState,
    queue: Sequence[QueuedJob],
    in_front: Sequence[QueuedJob],
    reservations: Sequence[Reservation],
    now: datetime,
) -> Plan | None:
    """What runs and what waits, on the partition's nodes; None where the answers do not tell enough."""
    up = partition.nodes_total - partition.nodes_down
    if not partition.gpus_total or partition.gpus_free is None or up <= 0:
        return None
    node_gpus = partition.gpus_total // partition.nodes_total
    running = find_running(partition, queue)
    is_told = all(job.gpus is not None and job.nodes for job in running)
    is_planned = len(in_front) <= WAITING_MOST and all(job.gpus is not None for job in in_front)
    if node_gpus == 0 or not is_told or not is_planned:
        return None
    nodes = {name: Node(node_gpus) for job in running for name in job.nodes}
    nodes |= {f"?{number}": Node(node_gpus) for number in range(up - len(nodes))}
    for job in running:
        end = max(_seconds(now, job.ends_at), 1) if job.ends_at else ENDLESS
        for name in job.nodes:
            nodes[name].hold(-(-(job.gpus or 0) // len(job.nodes)), 0, end)
    _hold_unseen(nodes, partition.gpus_free, _keep_reserved(nodes, partition, reservations, now))
    plan = Plan(list(nodes.values()), node_gpus)
    for job in _ranked(in_front):
        _plan_job(plan, job, partition, now)
    return plan


def find_running(partition: PartitionState, jobs: Sequence[QueuedJob]) -> list[QueuedJob]:
    """Who holds the partition's GPUs. Other partitions' jobs do too, where they make up what Slurm counts as used."""
    everybody = [job for job in jobs if job.is_running]
    if sum(job.gpus or 0 for job in everybody) == partition.gpus_used:
        return everybody
    return [job for job in everybody if job.partition == partition.name]


def _keep_reserved(
    nodes: dict[str, Node], partition: PartitionState, reservations: Sequence[Reservation], now: datetime
) -> set[str]:
    """Reserved nodes are nobody else's for the time; which ones are so now."""
    idle = [name for name in nodes if name.startswith("?")]
    kept_now = set()
    for reservation in reservations:
        begin, end = _seconds(now, reservation.starts_at), _seconds(now, reservation.ends_at)
        if reservation.partition not in {"", partition.name} or end <= 0:
            continue
        whole = not reservation.nodes or len(reservation.nodes) >= partition.nodes_total
        seen = [name for name in reservation.nodes if name in nodes]
        kept = list(nodes) if whole else [*seen, *idle[: len(reservation.nodes) - len(seen)]]
        for name in kept:
            nodes[name].keep(begin, end)
        kept_now |= set(kept) if begin <= 0 else set()
    return kept_now


def _hold_unseen(nodes: dict[str, Node], gpus_free: int, kept_now: set[str]) -> None:
    """GPUs that Slurm does not count as free though no job of the answer holds them: nobody knows for how long."""
    open_nodes = [node for name, node in reversed(nodes.items()) if name not in kept_now]
    surplus = sum(node.free_now for node in open_nodes) - gpus_free
    for node in open_nodes:
        taken = min(node.free_now, max(0, surplus))
        if taken:
            node.hold(taken, 0, ENDLESS)
            surplus -= taken


def _ranked(jobs: Iterable[QueuedJob]) -> list[QueuedJob]:
    return sorted(
        jobs, key=lambda job: (-(job.priority or 0), job.submitted_at is None, job.submitted_at, job.job_id)
    )


def _plan_job(plan: Plan, job: QueuedJob, partition: PartitionState, now: datetime) -> None:
    if not job.gpus:
        return
    lasts = partition.time_limit_minutes * 60 if partition.time_limit_minutes else LATEST
    begin = _seconds(now, job.expected_start_at) if job.expected_start_at else 0
    if begin > 0 and job.ends_at and _seconds(now, job.ends_at) > begin:
        lasts = _seconds(now, job.ends_at) - begin
    if begin <= 0 or not plan.hold_at(job.gpus, lasts, begin):
        plan.hold_first(job.gpus, lasts)


def _with_gpus(plan: Plan | None, partition: PartitionState, flavour: Flavour) -> int | None:
    if plan is None:
        return None
    minutes = min(MINUTES, flavour.minutes_max, partition.time_limit_minutes or MINUTES)
    start = plan.find_start(flavour.gpus, minutes * 60)
    return int(start) if start < LATEST else None


def _seconds(now: datetime, at: datetime) -> float:
    return (at - now).total_seconds()


def _without_gpus(
    partition: PartitionState,
    in_front: Sequence[QueuedJob],
    reservations: Sequence[Reservation],
    flavour: Flavour,
    now: datetime,
) -> int | None:
    """Of cores the answers tell nothing: an idle node and nobody in front is now, anything else is not known."""
    until = now + timedelta(minutes=min(MINUTES, flavour.minutes_max))
    kept = {
        name
        for each in reservations
        if each.partition in {"", partition.name} and each.starts_at < until and now < each.ends_at
        for name in each.nodes or ("",)
    }
    is_room = partition.nodes_idle > len(kept) and "" not in kept
    return 0 if is_room and not in_front else None
