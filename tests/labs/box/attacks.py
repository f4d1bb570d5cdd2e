"""The cases of tests/notebooks, graded three at a time by whoever runs this as a program; prints JSON.

    python -m tests.labs.box.attacks LAB_PYTHON forked|started [CASE …]

Kernels are forked from a server, or each is started for its box, as where no server can be had.

What `expected.toml` may say of a case: `outcome`, `reason` (each one or several that will do), `faulty_cell`,
`points` per grade cell (0 where it is left out), `tampered` (cells that must have no automatic points and wait for a
person), `waiting` (cells that wait for another reason), `says` (stands in what is printed), `forbidden` (words that
must not be shown), and `cell_seconds`.

`level`: `pipeline` is graded as a submission is, which takes several boxes; `box`, for attacks at the machine and not
at the marks, is the scoring run alone. `identity`: `one` is graded once, as whoever runs the tests, `both` as root and
as a user.

It lays bait on the host first: a server, sockets, files, an environment variable and a process that hold a secret.
"""

import json
import os
import secrets
import socket
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import psutil

from labs.box import BoxEnvironment, BoxLimits, execute_notebook
from labs.box.bubblewrap import find_prefixes
from labs.box.forking import servers
from labs.nbgrader import FeedbackDetail, GradingPolicy, ReleasedLab, autograde, make_release

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "notebooks"
LIMITS = BoxLimits(
    memory_bytes=400 * 1024**2,
    processes=40,
    output_bytes=64 * 1024,
    cell_seconds=40,
    total_seconds=100,
    disk_bytes=32 * 1024**2,
)
# Stands in the lab's hidden tests, so nothing that a learner is shown may hold it.
HIDDEN_WORD = "tuonelanjoki"
SOLUTIONS = {"first": "def first():\n    return 1", "last": "def last():\n    return 3"}


@dataclass(frozen=True)
class Case:
    name: str
    code: str
    expected: dict[str, Any]

    @property
    def is_for_both(self) -> bool:
        return {"one": False, "both": True}[self.expected.get("identity", "one")]

    @property
    def is_for_box(self) -> bool:
        return {"pipeline": False, "box": True}[self.expected.get("level", "pipeline")]

    @property
    def limits(self) -> BoxLimits:
        return replace(LIMITS, cell_seconds=self.expected.get("cell_seconds", LIMITS.cell_seconds))

    @property
    def policy(self) -> GradingPolicy:
        """Outputs cost a run of their own, so they are asked for only where the case says something of them."""
        is_looked_at = {"says", "forbidden"} & self.expected.keys()
        return GradingPolicy(detail=FeedbackDetail.FULL if is_looked_at else FeedbackDetail.MESSAGES)


def load_cases() -> list[Case]:
    return [
        Case(file.parent.name, (file.parent / "attack.ipy").read_text(), tomllib.loads(file.read_text()))
        for file in sorted(CASES.glob("*/expected.toml"))
    ]


def release_lab(python: Path) -> ReleasedLab:
    source = {"lab.ipynb": (CASES / "lab.ipynb").read_bytes()}
    return make_release(source, name="attacks", environment=BoxEnvironment(python))


def write_submission(release: ReleasedLab, code: str) -> bytes:
    """The learner's notebook with the attack in the second task and right answers in the others."""
    notebook = nbformat.reads(release.learner_files["lab.ipynb"].decode(), as_version=4)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = {**SOLUTIONS, "attack": code}.get(grade_id, cell.source)
    return str(nbformat.writes(notebook)).encode()


def run_case(case: Case, python: Path, bait: dict[str, Any]) -> dict[str, Any]:
    """The scoring run alone, hidden tests and all; what it prints is looked at."""
    notebook = nbformat.read(CASES / "lab.ipynb", as_version=4)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = {**SOLUTIONS, "attack": case.code}.get(grade_id, cell.source)
    started_at = time.monotonic()
    run = execute_notebook(
        notebook,
        files={"bait.json": json.dumps(bait).encode()},
        limits=case.limits,
        environment=BoxEnvironment(python),
    )
    outputs = [output for cell in run.notebook.cells for output in cell.get("outputs", [])]
    graded = [cell for cell in run.notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return {
        "outcome": run.outcome.value,
        "reason": run.reason,
        "faulty_cell": run.faulty_cell,
        "points": {cell.metadata.nbgrader.grade_id: _count_points(cell) for cell in graded},
        "tampered": [],
        "waiting": [],
        "printed": "".join(str(output.get("text", "")) for output in outputs),
        "shown": json.dumps([output for output in outputs if output.output_type != "error"]),
        "seconds": time.monotonic() - started_at,
    }


def _count_points(cell: nbformat.NotebookNode) -> float:
    is_failed = any(output.output_type == "error" for output in cell.outputs)
    return 0 if is_failed else float(cell.metadata.nbgrader.points)


def grade_case(case: Case, release: ReleasedLab, python: Path, bait: dict[str, Any]) -> dict[str, Any]:
    submitted = {
        "lab.ipynb": write_submission(release, case.code),
        "bait.json": json.dumps(bait).encode(),
    }
    started_at = time.monotonic()
    result = autograde(
        release, submitted, limits=case.limits, environment=BoxEnvironment(python), policy=case.policy
    )
    notebook = result.notebooks[0]
    shown = [output for cell in notebook.feedback for output in cell.outputs]
    return {
        "outcome": notebook.outcome.value,
        "reason": notebook.reason,
        "faulty_cell": notebook.faulty_cell,
        "points": {cell.grade_id: cell.auto_score for cell in notebook.cells if not cell.is_tampered},
        "tampered": [cell.grade_id for cell in notebook.cells if cell.is_tampered],
        "waiting": [cell.grade_id for cell in notebook.cells if cell.needs_manual_grade],
        "printed": "".join(str(output.get("text", "")) for output in shown),
        "shown": json.dumps([shown, [cell.message for cell in notebook.cells]]),
        "seconds": time.monotonic() - started_at,
    }


@contextmanager
def lay_bait(secret: str, python: Path) -> Iterator[dict[str, Any]]:
    os.environ["PAJA_SECRET_KEY"] = f"PAJA_SECRET {secret}"
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        Path(folder, "secret.txt").write_text(secret)
        with socket.socket(socket.AF_UNIX) as in_folder, socket.socket(socket.AF_UNIX) as abstract:
            in_folder.bind(f"{folder}/socket")
            abstract.bind(f"\0{folder}")
            visitors: list[str] = []
            for listener in (server, in_folder, abstract):
                listener.listen()
                threading.Thread(target=_welcome, args=(listener, visitors), daemon=True).start()
            yield {
                "port": server.getsockname()[1],
                "address": _find_address(),
                "socket": f"{folder}/socket",
                "abstract": folder,
                "files": [f"{folder}/secret.txt", str(ROOT / "manage.py"), str(ROOT / "data" / "db.sqlite3")],
                "folders": [folder, str(ROOT), str(ROOT / "data"), str(Path.home())],
                "shown": sorted({part for prefix in find_prefixes(python) for part in prefix.parts}),
                "sleep": f"8639{secrets.randbelow(10**9):09}",
                "visitors": visitors,
            }


def _welcome(listener: socket.socket, visitors: list[str]) -> None:
    while True:
        try:
            listener.accept()
        except OSError:
            return
        visitors.append(str(listener.family))


def _find_address() -> str:
    """An address of this machine that is not the loopback's, if it has one."""
    found = [
        address.address for each in psutil.net_if_addrs().values() for address in each if address.family == 2
    ]
    return next((address for address in found if not address.startswith("127.")), "127.0.0.1")


def find_sleepers(seconds: str) -> list[int]:
    """Processes on the machine that the case `survivor` left behind."""
    return [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "cmdline"])
        if seconds in (process.info["cmdline"] or [])
    ]


def judge_case(case: Case, release: ReleasedLab, python: Path, bait: dict[str, Any]) -> dict[str, Any]:
    return run_case(case, python, bait) if case.is_for_box else grade_case(case, release, python, bait)


def main(python: Path, way: str, names: list[str]) -> None:
    if way == "started":
        servers.find_server = lambda _: None  # type: ignore[assignment]
    elif servers.find_server(BoxEnvironment(python)) is None:
        sys.exit(f"no kernels are forked here: {servers.find_refusal(BoxEnvironment(python))}")
    cases = [case for case in load_cases() if not names or case.name in names]
    secret = secrets.token_hex(8)
    release = release_lab(python)
    with lay_bait(secret, python) as bait, ThreadPoolExecutor(max_workers=3) as pool:
        given = {name: value for name, value in bait.items() if name != "visitors"}
        graded = pool.map(lambda case: judge_case(case, release, python, given), cases)
        results = dict(zip([case.name for case in cases], graded, strict=True))
        sleepers, visitors = find_sleepers(bait["sleep"]), bait["visitors"]
        written = [folder for folder in bait["folders"] if Path(folder, "paja-was-here").exists()]
    told = {
        "results": results,
        "secret": secret,
        "visitors": visitors,
        "sleepers": sleepers,
        "written": written,
        "uid": os.geteuid(),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2], sys.argv[3:])
