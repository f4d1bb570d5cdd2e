"""What costs much to make and is asked for again and again, kept in a process: so many, so heavy, and no more."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class BoundedCache(Generic[Kept]):
    """What was asked for last, by key. What alone is heavier than `max_weight` is made anew each time.

    Safe for threads; two that ask for the same at once may both make it.
    """

    def __init__(self, *, max_items: int, max_weight: int) -> None:
        self._max_items = max_items
        self._max_weight = max_weight
        self._weight = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Kept, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def weight(self) -> int:
        return self._weight

    def find_or_make(self, key: str, make: Callable[[], Kept], weigh: Callable[[Kept], int]) -> Kept:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        made = make()
        weight = weigh(made)
        if weight <= self._max_weight:
            self._keep(key, made, weight)
        return made

    def _keep(self, key: str, made: Kept, weight: int) -> None:
        with self._lock:
            self._weight += weight
            if key in self._kept:
                self._weight -= self._kept[key][1]
            self._kept[key] = made, weight
            self._kept.move_to_end(key)
            while len(self._kept) > self._max_items or self._weight > self._max_weight:
                _key, (_dropped, dropped_weight) = self._kept.popitem(last=False)
                self._weight -= dropped_weight
