"""Slurm's commands, one class each: the arguments, as a list and never for a shell, and what the answer means.

Every value is written `--name=value`, so none can become an option. Times are asked for in seconds of the epoch
(`TIME_FORMAT`), which mean the same in every time zone. Fields and records of an answer are kept apart by a mark
that is drawn for each question: job names are other people's text, and may hold separators and whole lines.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deploy.jupyterhub.slurm.checking import JOB_ID, check, names, submit_options, wanted
from deploy.jupyterhub.slurm.jobs import (
    WAITING_STATES,
    EndedJob,
    JobRequest,
    PartitionState,
    QueuedJob,
    Reservation,
)
from deploy.jupyterhub.slurm.marks import draw_mark, join_lines, marked, split_marked
from deploy.jupyterhub.slurm.nodes import NodeState, node_states, sum_up
from deploy.jupyterhub.slurm.readings import (
    NOTHING,
    count_gres_gpus,
    count_tres_gpus,
    expand_hosts,
    read_minutes,
    read_number,
    read_reason,
    read_time,
)
from deploy.jupyterhub.slurm.refusals import refusal_of
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError

TIME_FORMAT = "%s"
SUBMITTED = re.compile(r"(?P<job_id>[1-9]\d{0,18})(?:;[A-Za-z0-9_-]+)?\n?")
CANCELLED_BY = re.compile(r"(?P<state>[A-Z_]+)(?: by (?P<who>[A-Za-z0-9_.-]{1,64}))?\+?")
STATE = re.compile(r"[A-Z_]{2,32}")
OVER_ALREADY = re.compile(r"invalid job id specified|already complet", re.IGNORECASE)


@dataclass(frozen=True)
class Sbatch:
    """Submits; the script goes to its standard input, so that nobody sees it among the processes.

    A command that ran out of time may have submitted nonetheless: whoever asks again looks for the name first.
    """

    job: JobRequest

    def argv(self) -> list[str]:
        return ["sbatch", "--parsable", *submit_options(self.job)]

    def parse(self, stdout: str) -> str:
        match = SUBMITTED.fullmatch(stdout)
        if match is None:
            raise SchedulerUnavailableError(f"sbatch gave no job id: {stdout[:80]!r}")
        return match["job_id"]

    def refused(self, stderr: str) -> SchedulerUnavailableError | SubmitRefusedError:
        return refusal_of(stderr)


@dataclass(frozen=True)
class Scancel:
    """Cancels jobs of one Unix account."""

    job_ids: Sequence[str]

    def argv(self) -> list[str]:
        return ["scancel", *(check(JOB_ID, job_id, "job id") for job_id in self.job_ids)]

    def is_done(self, stderr: str) -> bool:
        """Whether all it complains of is that jobs are over already."""
        lines = [line for line in stderr.splitlines() if line.strip()]
        return bool(lines) and all(OVER_ALREADY.search(line) for line in lines)


@dataclass(frozen=True)
class Squeue:
    """Every job of some partitions, by one question. Some others' may be of further partitions too."""

    partitions: Sequence[str]
    mark: str = field(default_factory=draw_mark)

    FIELDS = (
        "JobID", "State", "Reason", "Partition", "PriorityLong", "SubmitTime", "StartTime", "EndTime", "NodeList",
        "tres-alloc", "UserName", "Account", "Name",
    )  # fmt: skip

    def argv(self) -> list[str]:
        return [
            "squeue",
            "--noheader",
            *wanted(self.partitions),
            f"--Format={marked(self.FIELDS, self.mark)}",
        ]

    def parse(self, stdout: str) -> list[QueuedJob]:
        return [self._job(row) for row in split_marked(stdout, self.mark, len(self.FIELDS))]

    def _job(self, row: list[str]) -> QueuedJob:
        job_id, state, reason, partition, priority, submit, start, end, nodes, tres, user, account, name = row
        has_started = check_state(state) not in WAITING_STATES
        start_at, partitions = read_time(start), tuple(partition.split(","))
        return QueuedJob(
            job_id=str(read_number(job_id)),
            name=name,
            user=user,
            state=state,
            reason=read_reason(reason),
            partition=partitions[0],
            partitions=partitions,
            priority=read_number(priority),
            submitted_at=read_time(submit),
            started_at=start_at if has_started else None,
            expected_start_at=None if has_started else start_at,
            ends_at=read_time(end) if has_started else None,
            nodes=expand_hosts(nodes) if has_started else (),
            gpus=count_tres_gpus(tres),
            account="" if account in NOTHING else account,
        )


@dataclass(frozen=True)
class Sinfo:
    """Every node of some partitions in each of them, by one question."""

    partitions: Sequence[str]
    mark: str = field(default_factory=draw_mark)

    FIELDS = ("NodeList", "StateLong", "PartitionName", "Available", "Time", "Gres", "GresUsed")

    def argv(self) -> list[str]:
        form = marked(self.FIELDS, self.mark)
        return ["sinfo", "--Node", "--noheader", *wanted(self.partitions), f"--Format={form}"]

    def parse(self, stdout: str) -> list[PartitionState]:
        nodes = [self._node(row) for row in split_marked(stdout, self.mark, len(self.FIELDS))]
        return [sum_up(name, [node for node in nodes if node.partition == name]) for name in self.partitions]

    def _node(self, row: list[str]) -> NodeState:
        host, state, partition, available, limit, gres, used = row
        if available not in {"up", "down", "drain", "inact"}:
            raise SchedulerUnavailableError(f"no state of a partition: {available[:40]!r}")
        states = node_states([state])
        if states is None:
            raise SchedulerUnavailableError(f"no state of a node: {state[:40]!r}")
        return NodeState(
            name=host,
            partition=partition,
            states=states,
            is_partition_up=available == "up",
            time_limit_minutes=read_minutes(limit),
            gpus=count_gres_gpus(gres),
            gpus_used=count_gres_gpus(used),
        )


@dataclass(frozen=True)
class ShowReservations:
    """`scontrol show reservation`: one line each, names and values without spaces."""

    def argv(self) -> list[str]:
        return ["scontrol", "--oneliner", "show", "reservation"]

    def parse(self, stdout: str) -> list[Reservation]:
        lines = [line for line in stdout.splitlines() if line.strip()]
        if lines == ["No reservations in the system"]:
            return []
        return [self._reservation(line) for line in lines]

    def _reservation(self, line: str) -> Reservation:
        values = dict(piece.partition("=")[::2] for piece in reversed(line.split()))  # the first counts
        missing = {
            "ReservationName",
            "StartTime",
            "EndTime",
            "Nodes",
            "Flags",
            "Users",
            "Accounts",
        } - values.keys()
        if missing or not line.startswith("ReservationName="):
            raise SchedulerUnavailableError(f"no reservation: {line[:80]!r}")
        starts_at, ends_at = read_time(values["StartTime"]), read_time(values["EndTime"])
        if starts_at is None or ends_at is None:
            raise SchedulerUnavailableError(f"a reservation without its times: {line[:80]!r}")
        partition = values.get("PartitionName", "")
        return Reservation(
            name=values["ReservationName"],
            starts_at=starts_at,
            ends_at=ends_at,
            partition="" if partition in NOTHING else partition,
            nodes=expand_hosts(values["Nodes"]),
            accounts=split_names(values["Accounts"]),
            users=split_names(values["Users"]),
            is_maintenance="MAINT" in values["Flags"].split(","),
        )


@dataclass(frozen=True)
class Sacct:
    """Our jobs that ended since a time, by one question of the accounting.

    A submission that was refused has a row too, failed on no node: it was no job, and is left out.
    """

    since: datetime
    prefix: str
    partitions: Sequence[str]
    accounts: Sequence[str] = ()
    mark: str = field(default_factory=draw_mark)

    FIELDS = (
        "State", "ExitCode", "Submit", "Start", "End", "NodeList", "User", "Account", "Partition", "AllocTRES",
        "ReqTRES", "JobName", "JobIDRaw",
    )  # fmt: skip

    def argv(self) -> list[str]:
        """`--starttime` is read in the zone of the command, which is given UTC."""
        start = self.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        accounts = [f"--accounts={names(self.accounts)}"] if self.accounts else []
        return [
            "sacct", "--allusers", "--allocations", "--noheader", "--parsable2",
            f"--delimiter={self.mark}", f"--starttime={start}", *wanted(self.partitions), *accounts,
            f"--format={','.join(self.FIELDS)}",
        ]  # fmt: skip

    def parse(self, stdout: str) -> list[EndedJob]:
        found = [self._job(row) for row in join_lines(stdout, self.mark, len(self.FIELDS))]
        return sorted((job for job in found if job), key=lambda job: (job.ended_at, job.job_id))

    def _job(self, row: list[str]) -> EndedJob | None:
        state, exit_code, submit, start, end, nodes, user, account, partition, tres, asked, name, job_id = row
        match = CANCELLED_BY.fullmatch(state)
        code, separator, signal = exit_code.partition(":")
        if match is None or not separator:
            raise SchedulerUnavailableError(f"no state of a job: {state[:40]!r} {exit_code[:40]!r}")
        ended_at, hosts = read_time(end), expand_hosts(nodes)
        was_refused = match["state"] == "FAILED" and not hosts
        if (
            ended_at is None
            or ended_at < self.since.replace(microsecond=0)
            or not name.startswith(self.prefix)
            or was_refused
        ):
            return None
        return EndedJob(
            job_id=str(read_number(job_id)),
            name=name,
            user=user,
            state=match["state"],
            exit_code=read_number(code),
            signal=read_number(signal),
            cancelled_by=match["who"] or "",
            partition=partition,
            submitted_at=read_time(submit),
            started_at=read_time(start) if hosts else None,
            ended_at=ended_at,
            nodes=hosts,
            gpus=count_tres_gpus(tres or asked),
            account=account,
        )


def check_state(state: str) -> str:
    if STATE.fullmatch(state) is None:
        raise SchedulerUnavailableError(f"no state of a job: {state[:40]!r}")
    return state


def split_names(text: str) -> tuple[str, ...]:
    return () if text in NOTHING else tuple(text.split(","))
