"""`make soak`: exit status 1 where a rule was broken.

PAJA_SOAK_PART is sessions, grading, queue, slurm or parity, all of them by default; PAJA_SOAK_SECONDS and
PAJA_SOAK_SESSIONS are for the first, PAJA_SOAK_SUBMISSIONS for the second, PAJA_SOAK_QUEUE for the third,
PAJA_SOAK_SLURM and PAJA_SOAK_PACE for the fourth; PAJA_SOAK_SEED repeats a run.
"""

import os
import secrets
import subprocess
import sys

import pytest

from tests.live.alone import Folder, keep_temporary_files, own_folder, running_paja, say
from tests.servers.slurm import slurm_settings

SNAPSHOT_SECONDS = 20
GPUS_PER_NODE = 8
PACE_SECONDS = 15.0  # of the sites' factory files
PEOPLE_BESIDE = 6  # the demo's accounts, and one to spare
PARTS = ("grading", "parity", "queue", "sessions", "slurm")


def main() -> int:
    part = os.environ.get("PAJA_SOAK_PART", "")
    if part and part not in PARTS:
        sys.exit(f"PAJA_SOAK_PART is one of {', '.join(PARTS)}.")
    seed = os.environ.get("PAJA_SOAK_SEED") or secrets.token_hex(4)
    if part:
        return 0 if _soak(part, seed) else 1
    # Django is set up otherwise for each.
    variables = {**os.environ, "PAJA_SOAK_SEED": seed}
    command = [sys.executable, "-m", "tests.soak"]
    done = [subprocess.run(command, env={**variables, "PAJA_SOAK_PART": name}, check=False) for name in PARTS]
    return max(abs(each.returncode) for each in done)


def _soak(part: str, seed: str) -> bool:
    if part == "grading":
        from tests.soak.grading import soak_grading

        say(f"Seed {seed}: submissions, some of them damaged.")
        return soak_grading(seed)
    if part == "parity":
        from tests.soak.parity import soak_parity

        say("nbgrader is asked for its marks anew.")
        return soak_parity()
    if part == "queue":
        return _soak_queue(seed)
    if part == "slurm":
        return _soak_slurm(seed)
    return _soak_sessions(seed)


def _soak_queue(seed: str) -> bool:
    count = int(os.environ.get("PAJA_SOAK_QUEUE", "1000"))
    say(f"Seed {seed}: {count} submissions of three courses, while what grades them is killed.")
    has_held = False
    with own_folder("soak") as folder:
        folder.is_wanted = True
        keep_temporary_files(folder)
        with running_paja(folder, {}) as stack:
            from tests.soak.queue import soak_queue  # Django's models must be set up before

            has_held = soak_queue(stack, count, seed, folder.path / "soak.txt")
        return _conclude(folder, seed, has_held=has_held)


def _soak_slurm(seed: str) -> bool:
    count = int(os.environ.get("PAJA_SOAK_SLURM", "128"))
    pace = float(os.environ.get("PAJA_SOAK_PACE", str(PACE_SECONDS)))
    nodes = max(1, round(count / GPUS_PER_NODE / 2))
    say(f"Seed {seed}: {count} learners on two Slurm clusters of {nodes} nodes, asked every {pace:.0f} s.")
    try:
        settings = slurm_settings(nodes=nodes, people=count // 2 + PEOPLE_BESIDE)
    except pytest.skip.Exception as missing:
        sys.exit(str(missing))
    has_held = False
    with own_folder("soak") as folder:
        folder.is_wanted = True
        with running_paja(folder, settings) as stack:
            from tests.soak.slurm import Plan, soak_slurm  # Django's models must be set up before

            has_held = soak_slurm(stack, Plan(count, nodes, pace, seed), folder.path / "soak.txt")
        return _conclude(folder, seed, has_held=has_held)


def _conclude(folder: Folder, seed: str, *, has_held: bool) -> bool:
    """Say what was left running and whether all rules held; the folder of a run that broke one is kept."""
    for process in folder.left_running:
        say(f"Left running after Ctrl-C: {process}")
        has_held = False
    folder.is_wanted = not has_held
    say(f"Seed {seed}: {'kept every rule' if has_held else 'BROKEN'}.")
    return has_held


def _soak_sessions(seed: str) -> bool:
    seconds = float(os.environ.get("PAJA_SOAK_SECONDS", "600"))
    sessions = int(os.environ.get("PAJA_SOAK_SESSIONS", "40"))
    settings = {
        "PAJA_SNAPSHOT_SECONDS": str(SNAPSHOT_SECONDS),
        "PAJA_VISIT_SECONDS": str(SNAPSHOT_SECONDS),
    }
    say(
        f"Seed {seed}: {sessions} sessions, {seconds:.0f} s of faults, work copied every {SNAPSHOT_SECONDS} s."
    )
    has_held = False
    with own_folder("soak") as folder:
        folder.is_wanted = True
        with running_paja(folder, settings) as stack:
            from tests.soak.run import Plan, soak  # Django's models must be set up before

            has_held = soak(stack, Plan(seconds, sessions, seed, SNAPSHOT_SECONDS), folder.path / "soak.txt")
        return _conclude(folder, seed, has_held=has_held)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
