"""What FirecREST v2 says, by its published OpenAPI, as our own values. Of another shape: no answer.

It does not tell GPUs of nodes and jobs, time limits of partitions, for whom a reservation is, and, in its older
versions, when a job was submitted: these are None or empty. A job that waits has an expected start only where its
`time.start` says so.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from deploy.jupyterhub.slurm.commands import CANCELLED_BY
from deploy.jupyterhub.slurm.jobs import (
    RUNNING_STATES,
    WAITING_STATES,
    EndedJob,
    PartitionState,
    QueuedJob,
    Reservation,
)
from deploy.jupyterhub.slurm.nodes import NodeState, node_states, sum_up
from deploy.jupyterhub.slurm.readings import expand_hosts, read_reason, read_time
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError


class Wire:
    """One object of an answer, read field by field."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise SchedulerUnavailableError(f"no object: {type(value).__name__}")
        self._values = value

    def text(self, name: str) -> str:
        """ "" where it is missing or null."""
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(name)
        return value

    def texts(self, name: str) -> list[str]:
        """One text or a list of them."""
        value = self._values.get(name)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            raise self._wrong(name)
        return list(values)

    def find_number(self, name: str) -> int | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**18:
            raise self._wrong(name)
        return int(value)

    def find_time(self, name: str) -> datetime | None:
        number = self.find_number(name)
        return None if number is None else read_time(str(number))

    def get_time(self, name: str) -> datetime:
        moment = self.find_time(name)
        if moment is None:
            raise self._wrong(name)
        return moment

    def wire(self, name: str) -> "Wire":
        return Wire(self._values.get(name))

    def wires(self, name: str) -> list["Wire"]:
        """A list of objects; null is an empty one."""
        value = self._values.get(name)
        if value is None and name in self._values:
            return []
        if not isinstance(value, list):
            raise self._wrong(name)
        return [Wire(each) for each in value]

    def id_text(self, name: str) -> str:
        """A job's id: older versions write a number, newer ones a text."""
        value = self._values.get(name)
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if (
            not isinstance(text, str)
            or not text.isascii()
            or not 0 < len(text) <= 32
            or not text.isprintable()
        ):
            raise self._wrong(name)
        return text

    def _wrong(self, name: str) -> SchedulerUnavailableError:
        return SchedulerUnavailableError(f"FirecREST's {name} is of another shape")


class WireJob:
    """One job; it waits, runs or is over."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._time = wire.wire("time")
        self._status = wire.wire("status")
        match = CANCELLED_BY.fullmatch(self._status.text("state"))
        if match is None:
            raise SchedulerUnavailableError("FirecREST's state of a job is of another shape")
        self.state = match["state"]
        self.name = wire.text("name")
        self.partitions = tuple(wire.text("partition").split(","))
        self._cancelled_by = match["who"] or ""

    @property
    def is_waiting(self) -> bool:
        return self.state in WAITING_STATES

    @property
    def is_over(self) -> bool:
        return self.state not in WAITING_STATES | RUNNING_STATES

    def as_queued(self) -> QueuedJob:
        start = self._time.find_time("start")
        return QueuedJob(
            job_id=self._wire.id_text("jobId"),
            name=self.name,
            user=self._wire.text("user"),
            state=self.state,
            reason=read_reason(self._status.text("stateReason")),
            partition=self.partitions[0],
            partitions=self.partitions,
            priority=self._wire.find_number("priority"),
            submitted_at=self._time.find_time("submission"),
            started_at=None if self.is_waiting else start,
            expected_start_at=start if self.is_waiting else None,
            ends_at=None if self.is_waiting else self._ends_at(start),
            nodes=() if self.is_waiting else expand_hosts(self._wire.text("nodes")),
            gpus=None,
            account=self._wire.text("account"),
        )

    def as_ended(self) -> EndedJob | None:
        """None for a row of a submission that was refused, which was no job."""
        nodes, ended_at = expand_hosts(self._wire.text("nodes")), self._time.find_time("end")
        if ended_at is None or (self.state == "FAILED" and not nodes):
            return None
        return EndedJob(
            job_id=self._wire.id_text("jobId"),
            name=self.name,
            user=self._wire.text("user"),
            state=self.state,
            exit_code=self._status.find_number("exitCode") or 0,
            signal=self._status.find_number("interruptSignal") or 0,
            cancelled_by=self._wire.text("killRequestUser") or self._cancelled_by,
            partition=self.partitions[0],
            submitted_at=self._time.find_time("submission"),
            started_at=self._time.find_time("start") if nodes else None,
            ended_at=ended_at,
            nodes=nodes,
            gpus=None,
            account=self._wire.text("account"),
        )

    def _ends_at(self, start: datetime | None) -> datetime | None:
        """As Slurm's queue says; the accounting knows only the limit, in seconds, and when it began."""
        end, limit = self._time.find_time("end"), self._time.find_number("limit")
        if end is not None or start is None or limit is None:
            return end
        return read_time(str(int(start.timestamp()) + limit))


def read_jobs(body: object) -> list[WireJob]:
    return [WireJob(wire) for wire in Wire(body).wires("jobs")]


def read_partition_states(names: Sequence[str], partitions: object, nodes: object) -> list[PartitionState]:
    """Partitions by what is said of them, with their nodes; GPUs and time limits are not told."""
    up = {
        wire.text("name"): [state.upper() for state in wire.texts("partition")] == ["UP"]
        for wire in Wire(partitions).wires("partitions")
    }
    found = {
        (node.name, node.partition): node
        for wire in Wire(nodes).wires("nodes")
        for node in read_node(wire, lambda name: up.get(name, False))
    }
    states = [sum_up(name, [node for node in found.values() if node.partition == name]) for name in names]
    return [
        state if state.nodes_total else PartitionState(**{**vars(state), "is_up": up.get(state.name, False)})
        for state in states
    ]


def read_node(wire: Wire, is_up: Callable[[str], bool]) -> list[NodeState]:
    """A node in each of its partitions."""
    states = node_states(wire.texts("state"))
    if states is None:
        raise SchedulerUnavailableError("FirecREST's state of a node is of another shape")
    return [
        NodeState(
            name=wire.text("name"),
            partition=partition,
            states=states,
            is_partition_up=is_up(partition),
            time_limit_minutes=None,
            gpus=None,
            gpus_used=None,
        )
        for partition in wire.texts("partitions")
    ]


def read_reservations(body: object) -> list[Reservation]:
    """FirecREST tells neither partition nor people; what keeps nodes for maintenance is known by its name alone."""
    return [
        Reservation(
            name=wire.text("name"),
            starts_at=wire.get_time("startTime"),
            ends_at=wire.get_time("endTime"),
            partition="",
            nodes=expand_hosts(wire.text("nodeList")),
            accounts=(),
            users=(),
            is_maintenance="maint" in wire.text("name").lower(),
        )
        for wire in Wire(body).wires("reservations")
    ]
