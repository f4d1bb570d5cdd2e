"""The GPUs of a partition's nodes from now on, and where a job fits first. Times are seconds from now.

Both are cheap at the size of a large site, 3,000 nodes and 10,000 jobs: a node is a list of steps, and the nodes wait
in a heap for each size of job. A plan only fills up, so what a heap holds is too early at most.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from heapq import heapify, heappop, heappush, heapreplace
from typing import Final

FOR_EVER: Final = math.inf
LOOKED_AT: Final = 64  # nodes that are tried for a moment that Slurm has named, beside those needed


class Node:
    """One node: `used[n]` of its GPUs are in use from `times[n]` until `times[n + 1]`."""

    def __init__(self, gpus: int) -> None:
        self.gpus = gpus
        self.times: list[float] = [0]
        self.used = [0]

    @property
    def free_now(self) -> int:
        return max(self.gpus - self.used[0], 0)

    def find_start(self, gpus: int, lasts: float, not_before: float = 0) -> float:
        """When so many are free at a stretch; FOR_EVER where they never are."""
        begin = not_before
        steps = len(self.times)
        for step in range(bisect_right(self.times, begin) - 1, steps):
            until = self.times[step + 1] if step + 1 < steps else FOR_EVER
            if self.used[step] + gpus > self.gpus:
                begin = until
            elif until >= begin + lasts:
                break
        return begin

    def fits(self, gpus: int, lasts: float, begin: float) -> bool:
        return self.find_start(gpus, lasts, begin) == begin

    def hold(self, gpus: int, begin: float, end: float) -> None:
        first, last = self._step_at(max(begin, 0)), self._step_at(end)
        for step in range(first, last):
            self.used[step] += gpus

    def keep(self, begin: float, end: float) -> None:
        """For others, all of it."""
        self.hold(self.gpus, begin, end)

    def _step_at(self, time: float) -> int:
        step = bisect_right(self.times, time) - 1
        if self.times[step] == time:
            return step
        self.times.insert(step + 1, time)
        self.used.insert(step + 1, self.used[step])
        return step + 1


class Plan:
    """Nodes that are alike. Jobs are to be held in the order in which they come first."""

    def __init__(self, nodes: Sequence[Node], node_gpus: int) -> None:
        self.nodes = nodes
        self._node_gpus = node_gpus
        # By GPUs on a node and duration: since when at the earliest each node has room, by its index.
        self._heaps: dict[tuple[int, float], list[tuple[float, int]]] = {}

    def hold_first(self, gpus: int, lasts: float) -> None:
        """Put a job where it fits first; one that never does holds nothing."""
        begin, found = self._find(gpus, lasts)
        self._hold(found, gpus, begin, lasts)

    def hold_at(self, gpus: int, lasts: float, begin: float) -> bool:
        """Put a job there, if it fits; not every node is tried."""
        count, each = self._share(gpus)
        likely = self._heap(each, lasts)[: count + LOOKED_AT]
        found = [
            index for start, index in likely if start <= begin and self.nodes[index].fits(each, lasts, begin)
        ]
        if len(found) < count:
            return False
        self._hold(found[:count], gpus, begin, lasts)
        return True

    def find_start(self, gpus: int, lasts: float) -> float:
        """FOR_EVER where a job never fits."""
        return self._find(gpus, lasts)[0]

    def _share(self, gpus: int) -> tuple[int, int]:
        """One node; for more than a node has, so many whole ones."""
        return -(-gpus // self._node_gpus), min(gpus, self._node_gpus)

    def _hold(self, found: Sequence[int], gpus: int, begin: float, lasts: float) -> None:
        for index in found:
            self.nodes[index].hold(-(-gpus // len(found)), begin, begin + lasts)

    def _find(self, gpus: int, lasts: float) -> tuple[float, list[int]]:
        count, each = self._share(gpus)
        heap = self._heap(each, lasts)
        taken: list[tuple[float, int]] = []
        found: list[int] = []
        begin = FOR_EVER
        while len(found) < count and heap:
            more = max(
                count - len(found), len(taken) // 8
            )  # a job of a thousand nodes is not looked at node by node
            taken += [self._pop(heap, each, lasts) for _ in range(min(more, len(heap)))]
            begin = taken[-1][0]
            found = [index for _, index in taken if self.nodes[index].fits(each, lasts, begin)]
        for entry in taken:
            heappush(heap, entry)
        is_found = len(found) >= count and begin < FOR_EVER
        return (begin, found[:count]) if is_found else (FOR_EVER, [])

    def _heap(self, each: int, lasts: float) -> list[tuple[float, int]]:
        if (each, lasts) not in self._heaps:
            heap = [(node.find_start(each, lasts), index) for index, node in enumerate(self.nodes)]
            heapify(heap)
            self._heaps[each, lasts] = heap
        return self._heaps[each, lasts]

    def _pop(self, heap: list[tuple[float, int]], each: int, lasts: float) -> tuple[float, int]:
        """The node that has room first, looked at anew where something has been put there since."""
        while True:
            start, index = heap[0]
            really = self.nodes[index].find_start(each, lasts, start)
            if really == start:
                return heappop(heap)
            heapreplace(heap, (really, index))
