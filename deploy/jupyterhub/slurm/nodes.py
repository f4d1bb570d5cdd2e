"""Nodes, and what they add up to in a partition. A node counts in each of its partitions."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from deploy.jupyterhub.slurm.jobs import PartitionState

# sinfo(1), NODE STATE CODES. What is appended to a state (`idle~`: asleep, `down*`: does not answer) is cut off first.
WORKING = frozenset({"idle", "mixed", "allocated", "completing", "planned", "powered_down", "powering_up"})
SHORT = {"alloc": "allocated", "mix": "mixed", "comp": "completing", "plnd": "planned", "resv": "reserved"}
NOT_ANSWERING = "*"
BEING_MAINTAINED = "$"
SUFFIXES = "*~#!%$@^-+"
WORD = re.compile(r"[a-z_]{2,32}")


@dataclass(frozen=True, kw_only=True)
class NodeState:
    """A node as it stands in one partition. `states` are Slurm's words in small letters; any one may take it out."""

    name: str
    partition: str
    states: frozenset[str]
    is_partition_up: bool
    time_limit_minutes: int | None
    gpus: int | None
    gpus_used: int | None

    @property
    def is_down(self) -> bool:
        """Nobody gets it: down, drained, failing, maintained, unknown, or it does not answer."""
        return not self.states <= WORKING | {"reserved"}

    @property
    def is_idle(self) -> bool:
        return not self.is_down and "idle" in self.states and "reserved" not in self.states

    @property
    def gpus_free(self) -> int | None:
        if self.gpus is None or self.gpus_used is None:
            return None
        is_open = self.states <= WORKING
        return max(self.gpus - self.gpus_used, 0) if is_open else 0


def node_states(words: Collection[str]) -> frozenset[str] | None:
    """Slurm's words for one node, `mixed`, `IDLE+DRAIN`, `down*`; None where one is no word."""
    states: set[str] = set()
    for text in words:
        if text and (NOT_ANSWERING in text or BEING_MAINTAINED in text):
            states.add("maint" if BEING_MAINTAINED in text else "not_responding")
        for piece in text.lower().rstrip(SUFFIXES).split("+"):
            word = piece.rstrip(SUFFIXES)
            if WORD.fullmatch(word) is None:
                return None
            states.add(SHORT.get(word, word))
    return frozenset(states) or None


def sum_up(name: str, nodes: Sequence[NodeState]) -> PartitionState:
    """A partition of which nothing was said has no nodes, and is not up."""
    return PartitionState(
        name=name,
        is_up=any(node.is_partition_up for node in nodes),
        time_limit_minutes=nodes[0].time_limit_minutes if nodes else None,
        nodes_total=len(nodes),
        nodes_idle=sum(node.is_idle for node in nodes),
        nodes_down=sum(node.is_down for node in nodes),
        gpus_total=add([node.gpus for node in nodes]),
        gpus_used=add([node.gpus_used for node in nodes]),
        gpus_free=add([node.gpus_free for node in nodes]),
    )


def add(counts: Sequence[int | None]) -> int | None:
    """None where one is not known."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
