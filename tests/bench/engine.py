"""Paja's engine alone, as a program of its own: no web, no queue, no database.

    python -m tests.bench.engine COURSE_FOLDER ASSIGNMENT

It releases the assignment, and as many processes that are forked after nbgrader was imported, as those of a grading
worker, grade what was handed in. Each grades one submission before the clock starts. One line of JSON comes back.
"""

import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from deploy.development.programs import GRADING_PROCESSES, LAB_PYTHON
from labs.box import BoxEnvironment, BoxLimits, kernel
from labs.nbgrader import GradingResult, ReleasedLab, autograde, make_release
from labs.nbgrader.telling import to_json
from tests.bench.machine import count_busy_seconds
from tests.parity.cases import read_files

ENVIRONMENT = BoxEnvironment(LAB_PYTHON)


@dataclass
class Process:
    """What one of the grading processes has: the release, and when it opened each of its boxes."""

    release: ReleasedLab
    boxes: list[float] = field(default_factory=list)

    def grade(self, files: dict[str, bytes]) -> GradingResult:
        return autograde(self.release, files, limits=BoxLimits(), environment=ENVIRONMENT)


processes: list[Process] = []  # one in each that was forked


def main(course: Path, name: str) -> dict[str, Any]:
    """Seconds from the first start to the last end; of each submission its own seconds, phases, boxes and marks."""
    import_module("labs.nbgrader.grading")
    release = make_release(read_files(course / "source" / name), name=name, environment=ENVIRONMENT)
    work = {path.name: read_files(path / name) for path in sorted((course / "submitted").iterdir())}
    fork = multiprocessing.get_context("fork")
    begin = (release, next(iter(work.values())), fork.Barrier(GRADING_PROCESSES))
    with ProcessPoolExecutor(GRADING_PROCESSES, fork, initializer=warm_up, initargs=begin) as pool:
        pool.submit(os.getpid).result()  # both are warm now
        before = count_busy_seconds()
        graded = list(pool.map(grade, work, work.values()))
        busy = count_busy_seconds() - before
    seconds = max(each["ended_at"] for each in graded) - min(each["started_at"] for each in graded)
    return {"seconds": seconds, "busy": busy, "submissions": dict(zip(work, graded, strict=True))}


def warm_up(release: ReleasedLab, files: dict[str, bytes], door: Any) -> None:
    processes.append(Process(release))
    count_boxes(processes[0].boxes)
    processes[0].grade(files)
    door.wait(timeout=120)


def grade(learner: str, files: dict[str, bytes]) -> dict[str, Any]:
    process = processes[0]
    before, started_at = len(process.boxes), time.time()
    result = process.grade(files)
    ended_at = time.time()
    told: Any = to_json(process.release.name, {learner: result}, {}, is_practice=False)
    return {
        "started_at": started_at,
        "ended_at": ended_at,
        "phases": result.phase_seconds,
        "boxes": len(process.boxes) - before,
        "notebooks": told["learners"][learner]["notebooks"],
    }


def count_boxes(opened: list[float]) -> None:
    """The list grows with every box that this process opens."""
    make = kernel.BoxKernel.__init__

    def note(*args: Any, **options: Any) -> None:
        opened.append(time.time())
        make(*args, **options)

    kernel.BoxKernel.__init__ = note  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), sys.argv[2])) + "\n")
