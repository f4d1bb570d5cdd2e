"""300 submissions of a lab of ours, a twentieth of them damaged, graded two at a time by `manage.py autograde`.

There must be 300 results, each damage named, and nobody's points may suffer from another's damage.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.labs.nbgrader.damages import DAMAGES
from tests.live.alone import say
from tests.parity.cases import ROOT, Assignment, Submission, load_own

LAB = "late"
SUBMISSIONS = 300
DAMAGED = 15


@dataclass(frozen=True)
class Batch:
    """The assignment as handed in; `ways` says which learner's work was damaged how, `honest` what it was before."""

    assignment: Assignment
    ways: dict[str, str]
    honest: dict[str, str]


def soak_grading(seed: str) -> bool:
    """Print a table; False where a rule was broken."""
    count = int(os.environ.get("PAJA_SOAK_SUBMISSIONS", str(SUBMISSIONS)))
    batch = make_batch(seed, count)
    with tempfile.TemporaryDirectory(prefix="paja-soak-") as folder:
        batch.assignment.write(Path(folder))
        started_at = time.monotonic()
        told, errors, memory = _grade(Path(folder))
        seconds = time.monotonic() - started_at
    broken = check(batch, told) if told else [f"no results: {errors[-2000:]}"]
    lines = [
        f"{len(told.get('learners', {}))} results of {count} submissions, {seconds / count:.2f} s each, two at a time",
        f"outcomes: {_count(each['outcome'] for each in told.get('learners', {}).values())}",
        f"damaged {len(batch.ways)}: {_count(batch.ways.values())}",
        f"most memory of the worker and its boxes: {memory / 1024**2:.0f} MB",
        *(f"BROKEN {sentence}" for sentence in broken),
    ]
    for line in lines:
        say(line)
    return not broken


def make_batch(seed: str, count: int) -> Batch:
    """Variants of the lab by chance, a twentieth of them damaged, each in another of the ways while there are."""
    chance = random.Random(seed)
    lab = load_own(LAB)
    # What is whole, so that a damage is the only one.
    whole = [
        each
        for each in lab.submissions
        if each.learner in ("solution", "blank", "late-and-wrong", "a-week-late")
    ]
    damaged = chance.sample(range(count), max(1, count * DAMAGED // SUBMISSIONS))
    names = list(DAMAGES)
    chance.shuffle(names)
    ways = {f"learner-{place:03}": names[each % len(names)] for each, place in enumerate(damaged)}
    submissions, honest = [], {}
    for place in range(count):
        learner, variant = f"learner-{place:03}", chance.choice(whole)
        files = dict(variant.files)
        if learner in ways:
            content = files.pop(f"{LAB}.ipynb")
            files |= DAMAGES[ways[learner]].damage(LAB, content)
        honest[learner] = variant.learner
        submissions.append(Submission(learner, files))
    return Batch(Assignment(LAB, lab.source, tuple(submissions)), ways, honest)


def check(batch: Batch, told: dict[str, Any]) -> list[str]:
    """A sentence for every rule that was broken."""
    broken = [f"{learner} failed: {reason}" for learner, reason in told["failed"].items()]
    expected: dict[str, dict[str, float | None]] = {}
    for learner, variant in batch.honest.items():
        result = told["learners"].get(learner)
        if result is None:
            broken.append(f"{learner} has no result")
            continue
        notebook = result["notebooks"][LAB]
        points = {name: cell["auto_score"] for name, cell in notebook["cells"].items()}
        if learner in batch.ways:
            broken += _check_damage(learner, batch.ways[learner], notebook)
        elif notebook["outcome"] != "scored" or notebook["damage"]:
            broken.append(f"{learner}: {notebook['outcome']} {notebook['reason']} {notebook['damage']}")
        elif expected.setdefault(variant, points) != points:
            broken.append(f"{learner}: {points}, others with the same work {expected[variant]}")
    return broken


def _check_damage(learner: str, name: str, notebook: dict[str, Any]) -> list[str]:
    way = DAMAGES[name]
    if way.reason:
        is_refused = notebook["reason"] == way.reason
        return [] if is_refused else [f"{learner} ({name}): {notebook['reason']}, not {way.reason}"]
    kinds = {damage["kind"] for damage in notebook["damage"]}
    missing = {kind.value for kind in way.kinds} - kinds
    return [f"{learner} ({name}): {sorted(missing)} is not named, but {sorted(kinds)}"] if missing else []


def _grade(course: Path) -> tuple[dict[str, Any], str, int]:
    """What the command told, what it said on stderr, and the most memory that it and its children held at once."""
    command = [sys.executable, "manage.py", "autograde", str(course), LAB, "--json", "--jobs", "2"]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        variables = {**os.environ, "PAJA_DEVELOPMENT": "true", "DJANGO_SETTINGS_MODULE": "config.settings"}
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=out, stderr=err)
        most = 0
        try:
            while process.poll() is None:
                most = max(most, _measure(process.pid))
                time.sleep(0.5)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        text = out.read()
        return (json.loads(text) if text.strip() else {}), err.read(), most


def _measure(pid: int) -> int:
    total = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def _count(things: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(Counter(things).items()))
