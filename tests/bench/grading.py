"""A class's submissions graded by nbgrader's own command line and by Paja, on the same two cores, in one run.

nbgrader: `nbgrader autograde` for all learners at once, so that its start is paid for once; it grades one after
another. Paja: what counts is a running one, its grading processes, queue, database and feedback included, from
the first claim to the last mark; its engine alone stands beside it. Marks must be equal, cell by cell.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.example import make_class
from tests.bench.machine import (
    Marks,
    Measured,
    find_spread,
    keep_to_two_cores,
    tell_peaks,
)
from tests.bench.plain import measure_nbgrader
from tests.live.alone import interrupt_on_termination, own_folder, running_paja, say
from tests.parity.cases import ROOT, Assignment
from tests.parity.comparison import describe_mark

LEAST, HOPED = 10.0, 20.0
PHASES = ("queued", "prepared", "executed", "scored", "rendered", "recorded")


def measure() -> bool:
    """Say the table; whether marks were equal and the ratio was kept."""
    interrupt_on_termination()
    keep_to_two_cores()
    assignment = make_class(int(os.environ.get("PAJA_BENCH_SUBMISSIONS", "60")))
    with own_folder("bench") as folder:
        nbgrader, feedback = measure_nbgrader(assignment, folder.path)
        engine = measure_engine(assignment, folder.path)
        with running_paja(folder, {}) as stack:
            from tests.bench.recorded import measure_recorded  # Django's models must be set up before

            recorded = measure_recorded(stack, assignment)
    ways = {
        "nbgrader autograde": nbgrader,
        "nbgrader generate_feedback": feedback,
        "Paja's engine alone, three processes": engine,
        "Paja: queue, three processes, database": recorded,
    }
    count = len(assignment.submissions)
    say(
        f"{count} submissions of nbgrader's example, two notebooks each, on two cores, load {os.getloadavg()[0]:.1f}\n"
    )
    for line in [*tell_throughput(ways, count), "", *tell_phases(recorded), "", *tell_rest(nbgrader, engine)]:
        say(line)
    say("\n".join(["", *tell_peaks(recorded.peaks), ""]))
    differing = [
        *find_differing(nbgrader.marks, engine.marks),
        *find_differing(nbgrader.marks, recorded.marks),
    ]
    return judge(nbgrader, feedback, recorded, differing)


def measure_engine(assignment: Assignment, folder: Path) -> Measured:
    """By `tests/bench/engine.py`; its release and its first submissions are not counted."""
    course = folder / "course"
    assignment.write(course)
    command = [sys.executable, "-m", "tests.bench.engine", str(course), assignment.name]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}")
    told = json.loads(done.stdout)
    graded = told["submissions"]
    measured = Measured(told["seconds"], told["busy"])
    measured.boxes = statistics.mean(each["boxes"] for each in graded.values())
    measured.marks = {learner: shape_marks(each["notebooks"]) for learner, each in graded.items()}
    return measured


def shape_marks(notebooks: Mapping[str, Any]) -> Any:
    """As nbgrader's gradebook is read."""
    names = ("auto_score", "max_score", "needs_manual_grade", "extra_credit")
    return {
        name: {"cells": {cell: [each[key] for key in names] for cell, each in notebook["cells"].items()}}
        for name, notebook in notebooks.items()
    }


def find_differing(theirs: Marks, ours: Marks) -> Iterator[str]:
    """A line for each cell that has other marks, or has them on one side only."""
    left, right = flatten(theirs), flatten(ours)
    for cell in sorted(left.keys() | right.keys()):
        if left.get(cell) != right.get(cell):
            yield f"{' '.join(cell)}: nbgrader {left.get(cell, 'nothing')}, Paja {right.get(cell, 'nothing')}"


def flatten(marks: Marks) -> dict[tuple[str, str, str], str]:
    return {
        (learner, name, cell): describe_mark(*mark)
        for learner, notebooks in marks.items()
        for name, notebook in notebooks.items()
        for cell, mark in notebook["cells"].items()
    }


def tell_throughput(ways: Mapping[str, Measured], count: int) -> Iterator[str]:
    yield f"{'':<40}{'seconds':>10}{'each':>8}{'a minute':>10}{'processor, each':>17}"
    for name, way in ways.items():
        each = way.seconds / count
        yield f"{name:<40}{way.seconds:>10.1f}{each:>8.2f}{60 / each:>10.1f}{way.busy / count:>15.2f} s"


def tell_phases(recorded: Measured) -> Iterator[str]:
    yield f"{'seconds of a submission in a running Paja':<44}{'median':>10}{'95 of 100':>12}{'together':>12}"
    for phase in PHASES:
        seconds = recorded.phases.get(phase, [0.0])
        median, most = find_spread(seconds)
        yield f"{phase:<44}{median:>10.3f}{most:>12.3f}{sum(seconds):>12.1f}"


def tell_rest(nbgrader: Measured, engine: Measured) -> Iterator[str]:
    yield f"{'boxes for a submission, on average':<44}{engine.boxes:>10.1f}"
    cells = list(nbgrader.cell_seconds.values())
    median, most = find_spread(cells)
    yield f"{'its cells by themselves, once':<44}{median:>10.3f}{most:>12.3f}{sum(cells):>12.1f}"


def judge(nbgrader: Measured, feedback: Measured, recorded: Measured, differing: list[str]) -> bool:
    for line in differing:
        say(f"MARKS DIFFER {line}")
    ratio = nbgrader.seconds / recorded.seconds
    both = (nbgrader.seconds + feedback.seconds) / recorded.seconds
    verdict = "kept" if ratio >= LEAST else "MISSED"
    say(f"marks compared: {len(flatten(nbgrader.marks))} cells, {len(differing)} differ")
    say(f"Paja to nbgrader's autograde and feedback: {both:.1f} times its throughput")
    say(
        f"Paja to nbgrader's autograde alone: {ratio:.1f}, at least {LEAST:.0f}, hoped {HOPED:.0f}: {verdict}"
    )
    return ratio >= LEAST and not differing
