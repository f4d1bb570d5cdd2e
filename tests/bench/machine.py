"""The machine while something is measured: its two cores, how busy they were, what processes hold."""

import contextlib
import os
import statistics
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

CORES = 2
EVERY = 0.5


def keep_to_two_cores() -> None:
    """This process and what it starts from now on: both engines get the same two."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def count_busy_seconds() -> float:
    """Processor time of these cores since the machine's start, whoever used it; what ended long ago counts too."""
    own = os.sched_getaffinity(0)
    times = [each for core, each in enumerate(psutil.cpu_times(percpu=True)) if core in own]
    return sum(each.user + each.nice + each.system + each.irq + each.softirq for each in times)


Marks = dict[str, Any]
"""Per learner and notebook, as `tests/parity/reference.py` reads them from nbgrader's gradebook."""


@dataclass
class Measured:
    """One way through all submissions: its time, the machine's processor time meanwhile, and what else was found."""

    seconds: float
    busy: float
    marks: Marks = field(default_factory=dict)
    phases: dict[str, list[float]] = field(default_factory=dict)
    peaks: "dict[str, Peak]" = field(default_factory=dict)
    cell_seconds: dict[str, float] = field(default_factory=dict)
    boxes: float = 0.0


@dataclass
class Press:
    """From a press of *Submit* to the mark on the page: seconds, those of each phase, or why there was no mark."""

    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    fault: str = ""


@dataclass
class Peak:
    """The most of one kind at once: megabytes that are theirs (shared pages in part), resident ones, processes."""

    own: float = 0.0
    resident: float = 0.0
    processes: int = 0


@dataclass(eq=False)
class Sampler(threading.Thread):
    """Looks every half second at the processes that `find` names by kind; a kind's memory is that of all together.

    `series` has a kind's own megabytes and how many processes held them, at each look.
    """

    find: Callable[[], Iterable[tuple[str, psutil.Process]]]
    series: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    peaks: dict[str, Peak] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(name="sampler", daemon=True)
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(EVERY):
            with contextlib.suppress(psutil.Error):  # what ends while it is looked at
                self.look()

    def stop(self) -> None:
        self._is_over.set()
        self.join()

    def look(self) -> None:
        own: Counter[str] = Counter()
        resident: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for kind, process in self.find():
            held = weigh(process)
            if held is None:
                continue
            own[kind] += held[0]
            resident[kind] += held[1]
            counts[kind] += 1
        for kind, count in counts.items():
            peak = self.peaks.setdefault(kind, Peak())
            peak.own = max(peak.own, own[kind] / 1024)
            peak.resident = max(peak.resident, resident[kind] / 1024)
            peak.processes = max(peak.processes, count)
            self.series.setdefault(kind, []).append((own[kind] / 1024, count))


def weigh(process: psutil.Process) -> tuple[int, int] | None:
    """Its own kilobytes (PSS) and its resident ones (RSS); None where it is gone or not to be looked into."""
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:
        return None
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:] if ":" in line}
    return sizes.get("Pss", 0), sizes.get("Rss", 0)


def tell_peaks(peaks: dict[str, Peak]) -> list[str]:
    lines = [f"{'most memory at once, MB':<44}{'own':>10}{'resident':>12}{'processes':>12}"]
    lines += [
        f"{kind:<44}{peak.own:>10.0f}{peak.resident:>12.0f}{peak.processes:>12}"
        for kind, peak in sorted(peaks.items())
    ]
    return lines


def find_spread(seconds: Sequence[float]) -> tuple[float, float]:
    """The median, and what 95 of 100 stay within."""
    ordered = sorted(seconds)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
