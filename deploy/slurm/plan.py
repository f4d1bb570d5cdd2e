"""What the two pretend clusters have: nodes, partitions, limits, accounts. Data, and the names that follow from it.

Kajaani's partitions are LUMI's, by name and limit (its documentation and `sinfo`, November 2026). Athens has not
published any: what stands here are placeholders, and its factory file says that they are unconfirmed.
"""

from dataclasses import dataclass
from typing import Final

NODES_MAX: Final = 8  # of eight GPUs, in each cluster; more would need more ports
GPUS: Final = 8
ELSEWHERE: Final = "elsewhere"  # the account of whoever else uses the machine
OTHERS: Final = "others"  # and their Slurm account


@dataclass(frozen=True)
class NodeKind:
    """Nodes that are alike. `gres` is one pretend device each: its type and how many."""

    letter: str
    count: int
    cores: int
    memory_gb: int
    gres: str = ""
    gpus: int = 0


@dataclass(frozen=True)
class Partition:
    """`letters` are the kinds of its nodes; `options` what slurm.conf says of it beside its name and nodes."""

    name: str
    letters: str
    options: str


@dataclass(frozen=True)
class Qos:
    name: str
    limits: str = ""


@dataclass(frozen=True)
class UnixPlan:
    """Names of Unix accounts before the suffix by which two runs on one machine are told apart."""

    learners: str  # with the number after it
    kind: str  # own or pool: how the factory file lists them
    robot: str
    grader: str


@dataclass(frozen=True)
class Cluster:
    """One factory's Slurm. `accounts` are Slurm's accounts with the limits of each."""

    name: str
    kinds: tuple[NodeKind, ...]
    partitions: tuple[Partition, ...]
    accounts: dict[str, str]
    qos: tuple[Qos, ...]
    unix: UnixPlan

    @property
    def nodes(self) -> list[str]:
        return [name for kind in self.kinds for name in self.nodes_of(kind)]

    def nodes_of(self, kind: NodeKind) -> list[str]:
        return [f"{self.name}-{kind.letter}{number}" for number in range(1, kind.count + 1)]

    def learners(self, people: int) -> list[str]:
        return [f"{self.unix.learners}{number:02}" for number in range(1, people + 1)]

    def unix_accounts(self, people: int) -> list[str]:
        return [*self.learners(people), self.unix.robot, self.unix.grader]


def kajaani(nodes: int) -> Cluster:
    """LUMI in small. A node of LUMI-G gives jobs 56 cores and 480 GB: 7 cores and 60 GB to each of 8 GCDs."""
    return Cluster(
        name="kajaani",
        kinds=(
            NodeKind("g", nodes, cores=56, memory_gb=480, gres="mi250", gpus=GPUS),
            NodeKind("c", 1, cores=16, memory_gb=32),
        ),
        partitions=(
            Partition("small-g", "g", "Default=YES MaxTime=3-00:00:00"),
            Partition("dev-g", "g", "MaxTime=03:00:00 QOS=dev-g"),
            Partition("standard-g", "g", "MaxTime=2-00:00:00 OverSubscribe=EXCLUSIVE"),
            Partition("interactive", "c", "MaxTime=08:00:00"),
        ),
        # LUMI's projects; the hours of the last one are used up, and it says so while a job waits.
        accounts={
            "project_465000001": "",
            "project_465000002": "",
            "project_465000009": "GrpTRESMins=billing=0",
        },
        # dev-g: two jobs of a person, one of them running.
        qos=(Qos("dev-g", "MaxJobsPerUser=1 MaxSubmitJobsPerUser=2"), Qos("course", "Priority=100")),
        unix=UnixPlan("csclrn", "own", "robotkaj", "graderkaj"),
    )


def athens(nodes: int) -> Cluster:
    """DAEDALUS in small: whole GPUs, and one node whose GPUs are cut into slices."""
    return Cluster(
        name="athens",
        kinds=(
            NodeKind("g", nodes, cores=64, memory_gb=480, gres="gh200", gpus=GPUS),
            NodeKind("s", 1, cores=64, memory_gb=128, gres="gh200_1g.12gb", gpus=GPUS),
        ),
        partitions=(Partition("gpu", "gs", "Default=YES MaxTime=1-00:00:00"),),
        accounts={"training": "", "training2": ""},
        qos=(Qos("course", "Priority=100"),),
        unix=UnixPlan("train", "pool", "robotath", "graderath"),
    )


def clusters(nodes: int) -> tuple[Cluster, ...]:
    return (kajaani(nodes), athens(nodes))
