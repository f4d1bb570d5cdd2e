"""How long a start now would probably wait, from the last answers alone; None where nobody can say.

The reckoning is a plan on the partition's nodes as Slurm's backfill makes one: running jobs hold their GPUs until
their time is over; then those that wait, in Slurm's order, are put where they fit first, or where Slurm itself
expects them; then one job more. Nodes are taken to be alike. What is not told of a job (a GPU count, an end) makes
the answer None rather than better, and so does a queue too long to plan in the hub's time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from deploy.jupyterhub.slurm.jobs import PartitionState, QueuedJob, Reservation
from deploy.jupyterhub.slurm.partitions import Flavour

MINUTES: Final = 240  # what the one job more asks for, unless its flavour allows less
NODES_MOST: Final = 256
WAITING_MOST: Final = 128
LATEST: Final = timedelta(days=14)
# These wait for something else than room, so they stand in nobody's way for now.
OUT_OF_THE_WAY: Final = ("JobHeld", "Dependency", "BeginTime", "Assoc", "QOS", "MaxJobs", "Reservation", "Partition",
                         "Invalid", "Bad", "Licenses")  # fmt: skip


@dataclass
class Node:
    """One node's GPUs over time. `kept`: when it is reserved for others."""

    gpus: int
    held: list[tuple[datetime, datetime, int]] = field(default_factory=list)
    kept: list[tuple[datetime, datetime]] = field(default_factory=list)

    def fits(self, gpus: int, begin: datetime, end: datetime) -> bool:
        if any(first < end and begin < last for first, last in self.kept):
            return False
        over = [each for each in self.held if each[0] < end and begin < each[1]]
        # What is held changes only where something begins.
        moments = [begin, *(each[0] for each in over if each[0] > begin)]
        most = max(sum(each[2] for each in over if each[0] <= at < each[1]) for at in moments)
        return most + gpus <= self.gpus


@dataclass
class Plan:
    """The nodes of a partition from `now` on."""

    now: datetime
    nodes: list[Node]
    node_gpus: int
    # Where a job of that size fitted last: the plan only fills up, so the next of its size fits no earlier.
    _last: dict[tuple[int, timedelta], datetime] = field(default_factory=dict)

    def find_start(self, gpus: int, lasts: timedelta) -> tuple[datetime, list[Node]] | None:
        """The first moment at which a job of so many GPUs fits, and where; None where it never does."""
        first = self._last.get((gpus, lasts), self.now)
        ends = {end for node in self.nodes for _, end, _ in node.held}
        ends |= {end for node in self.nodes for _, end in node.kept}
        for begin in [first, *sorted(end for end in ends if first < end < self.now + LATEST)]:
            if nodes := self.find_nodes(gpus, begin, begin + lasts):
                self._last[gpus, lasts] = begin
                return begin, nodes
        return None

    def find_nodes(self, gpus: int, begin: datetime, end: datetime) -> list[Node]:
        """One node that has them free; for more than a node has, so many whole ones."""
        count = -(-gpus // self.node_gpus)
        each = min(gpus, self.node_gpus)
        found = []
        for node in self.nodes:
            if node.fits(each, begin, end):
                found.append(node)
                if len(found) == count:
                    return found
        return []

    def hold(self, nodes: Sequence[Node], gpus: int, begin: datetime, end: datetime) -> None:
        for node in nodes:
            node.held.append((begin, end, -(-gpus // len(nodes))))


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
    plan = make_plan(partition, queue, reservations, now)
    if plan is not None and not _plan_waiting(plan, in_front, partition):
        plan = None
    return {
        flavour.slug: _without_gpus(partition, in_front, reservations, flavour, now)
        if flavour.gpus == 0
        else _with_gpus(plan, partition, flavour)
        for flavour in flavours
    }


def make_plan(
    partition: PartitionState, jobs: Sequence[QueuedJob], reservations: Sequence[Reservation], now: datetime
) -> Plan | None:
    """What runs, on its nodes; None where the answers do not tell enough."""
    up = partition.nodes_total - partition.nodes_down
    if not partition.gpus_total or partition.gpus_free is None or not 0 < up <= NODES_MOST:
        return None
    node_gpus = partition.gpus_total // partition.nodes_total
    running = find_running(partition, jobs)
    if node_gpus == 0 or any(job.gpus is None or not job.nodes for job in running):
        return None
    names = dict.fromkeys(name for job in running for name in job.nodes)
    nodes = {name: Node(node_gpus) for name in names}
    nodes |= {f"?{number}": Node(node_gpus) for number in range(up - len(names))}
    for job in running:
        # Without an end it holds its GPUs for longer than anybody plans.
        end = job.ends_at or now + 2 * LATEST
        for name in job.nodes:
            nodes[name].held.append(
                (now, max(end, now + timedelta(seconds=1)), -(-(job.gpus or 0) // len(job.nodes)))
            )
    plan = Plan(now, list(nodes.values()), node_gpus)
    _keep_reserved(plan, nodes, partition, reservations)
    _hold_unseen(plan, partition.gpus_free)
    return plan


def find_running(partition: PartitionState, jobs: Sequence[QueuedJob]) -> list[QueuedJob]:
    """Who holds the partition's GPUs. Other partitions' jobs do too, where they make up what Slurm counts as used."""
    everybody = [job for job in jobs if job.is_running]
    if sum(job.gpus or 0 for job in everybody) == partition.gpus_used:
        return everybody
    return [job for job in everybody if job.partition == partition.name]


def _keep_reserved(
    plan: Plan, nodes: dict[str, Node], partition: PartitionState, reservations: Sequence[Reservation]
) -> None:
    idle = [node for name, node in nodes.items() if name.startswith("?")]
    for reservation in reservations:
        if reservation.partition not in {"", partition.name} or reservation.ends_at <= plan.now:
            continue
        whole = not reservation.nodes or len(reservation.nodes) >= partition.nodes_total
        seen = [nodes[name] for name in reservation.nodes if name in nodes]
        kept = plan.nodes if whole else [*seen, *idle[: len(reservation.nodes) - len(seen)]]
        for node in kept:
            node.kept.append((reservation.starts_at, reservation.ends_at))


def _hold_unseen(plan: Plan, gpus_free: int) -> None:
    """GPUs that Slurm does not count as free though no job of the answer holds them: nobody knows for how long."""
    free = {
        id(node): node.gpus - sum(held for _, _, held in node.held)
        for node in plan.nodes
        if not any(first <= plan.now < last for first, last in node.kept)
    }
    surplus = sum(free.values()) - gpus_free
    for node in reversed(plan.nodes):
        taken = min(free.get(id(node), 0), max(0, surplus))
        if taken:
            node.held.append((plan.now, plan.now + 2 * LATEST, taken))
            surplus -= taken


def _ranked(jobs: Iterable[QueuedJob]) -> list[QueuedJob]:
    return sorted(
        jobs, key=lambda job: (-(job.priority or 0), job.submitted_at is None, job.submitted_at, job.job_id)
    )


def _plan_waiting(plan: Plan, jobs: Sequence[QueuedJob], partition: PartitionState) -> bool:
    """Put those that wait into the plan; False where that cannot be done."""
    if len(jobs) > WAITING_MOST or any(job.gpus is None for job in jobs):
        return False
    for job in _ranked(jobs):
        if job.gpus:
            _plan_job(plan, job, job.gpus, partition)
    return True


def _plan_job(plan: Plan, job: QueuedJob, gpus: int, partition: PartitionState) -> None:
    expected = job.expected_start_at
    lasts = timedelta(minutes=partition.time_limit_minutes) if partition.time_limit_minutes else LATEST
    if expected and job.ends_at and job.ends_at > expected:
        lasts = job.ends_at - expected
    if expected and expected > plan.now and (nodes := plan.find_nodes(gpus, expected, expected + lasts)):
        plan.hold(nodes, gpus, expected, expected + lasts)
    elif found := plan.find_start(gpus, lasts):  # what never fits holds nothing
        plan.hold(found[1], gpus, found[0], found[0] + lasts)


def _with_gpus(plan: Plan | None, partition: PartitionState, flavour: Flavour) -> int | None:
    if plan is None:
        return None
    minutes = min(MINUTES, flavour.minutes_max, partition.time_limit_minutes or MINUTES)
    found = plan.find_start(flavour.gpus, timedelta(minutes=minutes))
    return int((found[0] - plan.now).total_seconds()) if found else None


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
