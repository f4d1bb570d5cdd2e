"""What plain nbgrader gives for the attacks of tests/notebooks, beside what Paja must; recorded, and as a table."""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tests.labs.box.attacks import CASES, SOLUTIONS, Case, load_cases
from tests.parity import plain_nbgrader
from tests.parity.cases import Assignment, Submission
from tests.parity.fence import run_fenced
from tests.parity.records import RECORDED
from tests.parity.reference import run_plan, write_kernelspecs
from tests.parity.variants import hand_in, release

RECORD: Final = RECORDED / "attacks.json"
NAME: Final = "attacks"
# A learner who solves all but the tests of `double`, which nobody honest has written.
HONEST: Final = {"test-first": 1, "test-attack": 2, "test-last": 4}
_BAIT: Final = {
    "port": 9,
    "address": "127.0.0.1",
    "socket": "/nowhere/socket",
    "abstract": "nowhere",
    "files": ["/nowhere/secret.txt"],
    "folders": ["/nowhere"],
    "shown": [],
    "sleep": "8639000000001",
}


def digest(case: Case) -> str:
    lab = (CASES / "lab.ipynb").read_bytes()
    return hashlib.sha256(case.code.encode() + b"\0" + lab).hexdigest()[:32]


def record_attacks(names: Sequence[str]) -> None:
    """Ask nbgrader about these cases, or about all that are not recorded as they are now."""
    record = read_record()
    cases = load_cases()
    wanted = [case for case in cases if case.name in names or (not names and not _is_known(case, record))]
    with tempfile.TemporaryDirectory(prefix="paja-attacks-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        kernels = write_kernelspecs(folder)
        release_attacks(folder / "released", kernels)
        with ThreadPoolExecutor(2) as pool:
            told = pool.map(lambda case: _ask(case, folder, kernels), wanted)
            for case, answer in zip(wanted, told, strict=True):
                sys.stderr.write(f"{case.name}: {describe(answer)}\n")
                record["cases"][case.name] = {"attack": digest(case), **answer}
                kept = {
                    each.name: record["cases"][each.name] for each in cases if each.name in record["cases"]
                }
                write_record({"nbgrader": version("nbgrader"), "cases": kept})


def read_record() -> dict[str, Any]:
    if not RECORD.exists():
        return {"nbgrader": version("nbgrader"), "cases": {}}
    told: dict[str, Any] = json.loads(RECORD.read_text())
    return told


def write_record(record: dict[str, Any]) -> None:
    lines = [f"  {json.dumps(name)}: {json.dumps(each)}" for name, each in sorted(record["cases"].items())]
    head = f'{{\n "nbgrader": {json.dumps(record["nbgrader"])},\n "cases": {{\n'
    RECORD.write_text(head + ",\n".join(lines) + "\n }\n}\n")


def list_stale() -> list[str]:
    """Cases that nbgrader was not asked about as they are now."""
    record = read_record()
    return [case.name for case in load_cases() if not _is_known(case, record)]


def _is_known(case: Case, record: dict[str, Any]) -> bool:
    return bool(record["cases"].get(case.name, {}).get("attack") == digest(case))


def release_attacks(course: Path, kernels: Path) -> None:
    """The lab released by nbgrader, with its gradebook, which every case starts from."""
    source = {"lab.ipynb": (CASES / "lab.ipynb").read_bytes()}
    Assignment(NAME, source, (Submission("learner", source),)).write(course)
    plan = [_plan(["learner"], is_released=False)]
    run_plan(plan, course, kernels=kernels)


def _plan(learners: list[str], *, is_released: bool) -> dict[str, Any]:
    plan = {"name": NAME, "upgrade": False, "late": "", "due": "", "cell_seconds": 10}
    return plan | {"learners": learners, "is_released": is_released}


def _ask(case: Case, folder: Path, kernels: Path) -> dict[str, Any]:
    course = folder / case.name
    _copy_released(folder / "released", course)
    files = release({"lab.ipynb": (CASES / "lab.ipynb").read_bytes()})
    handed_in = hand_in(files, {"texts": {"lab": {**SOLUTIONS, "attack": case.code}}})
    place = course / "submitted" / case.name / NAME
    place.mkdir(parents=True)
    for path, content in {**handed_in, "bait.json": json.dumps(_BAIT).encode()}.items():
        (place / path).write_bytes(content)
    plan = json.dumps([_plan([case.name], is_released=True)])
    program = Path(plain_nbgrader.__file__)
    out, ended = run_fenced(course, kernels, program, plan=plan, patience=150)
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    if not lines:
        return {"error": ended or "crashed", "points": {}}
    return {"error": ended or lines[-1]["error"], "points": lines[-1].get("points", {})}


def _copy_released(released: Path, course: Path) -> None:
    for path in released.rglob("*"):
        if path.is_file() and path.relative_to(released).parts[0] in ("source", "gradebook.db"):
            target = course / path.relative_to(released)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


def describe(answer: dict[str, Any]) -> str:
    """What nbgrader gave, and what of it nobody honest would have got."""
    if answer["error"]:
        return str(answer["error"]).partition(":")[0]
    points = {name: each for name, each in answer["points"].items() if each}
    gained = sum(each for name, each in points.items() if name not in HONEST)
    return f"{sum(points.values()):g} of 127" + (f", {gained:g} of them for nothing" if gained else "")


def describe_ours(case: Case) -> str:
    """What the case's own test asks of Paja."""
    expected = case.expected
    points = sum(expected.get("points", {}).values())
    reason = expected.get("reason", "")
    said = "" if not reason else f", {reason if isinstance(reason, str) else ' or '.join(reason)}"
    waiting = len(set(expected.get("tampered", [])) | set(expected.get("waiting", [])))
    return f"{points:g} of 127{said}" + (f", {waiting} cells wait for a person" if waiting else "")


def make_table() -> Iterator[str]:
    record = read_record()
    rows = [("case", "plain nbgrader " + record["nbgrader"], "Paja")]
    for case in load_cases():
        answer = record["cases"].get(case.name)
        rows.append((case.name, describe(answer) if answer else "not asked", describe_ours(case)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n"


def summarise() -> dict[str, int]:
    """How many cases nbgrader gave points for nothing, gave up on, hung on, and withstood."""
    counts = {"for nothing": 0, "gave up": 0, "hung": 0, "withstood": 0}
    for answer in read_record()["cases"].values():
        told = describe(answer)
        if "for nothing" in told:
            counts["for nothing"] += 1
        elif answer["error"] == "hung":
            counts["hung"] += 1
        elif answer["error"]:
            counts["gave up"] += 1
        else:
            counts["withstood"] += 1
    return counts


def refuse_without_root() -> None:
    if os.geteuid() != 0:
        sys.exit("The fence needs root, who can become a user of its own.")
