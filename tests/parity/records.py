"""What nbgrader answered, kept as JSON: points and facts only, with digests by which a stale record is noticed."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.parity.cases import Assignment

RECORDED = Path(__file__).parents[1] / "recorded" / "nbgrader"


def write_record(folder: Path, assignment: Assignment, answers: dict[str, Any]) -> None:
    """Sorted, one line a notebook, so that a difference is a line."""
    record = {"nbgrader": version("nbgrader"), "source": assignment.digest, "error": answers["error"]}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()]
    rows = []
    for submission in sorted(assignment.submissions, key=lambda each: each.learner):
        told = answers.get("submissions", {}).get(submission.learner)
        if told is not None:
            row = {"submission": submission.digest, **told}
            rows.append(f"  {json.dumps(submission.learner)}: {_dump_row(row)}")
    lines.append(' "submissions": {\n' + ",\n".join(rows) + "\n }" if rows else ' "submissions": {}')
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{assignment.name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _dump_row(row: dict[str, Any]) -> str:
    notebooks = row.pop("notebooks", {})
    head = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in row.items())
    told = [
        f"    {json.dumps(name)}: {json.dumps(each, sort_keys=True)}"
        for name, each in sorted(notebooks.items())
    ]
    return "{" + head + ', "notebooks": {' + ("\n" + ",\n".join(told) + "\n  }}" if told else "}}")


def read_record(assignment: Assignment, folder: Path = RECORDED) -> dict[str, Any]:
    """Raises AssertionError where it is not there, of another nbgrader or of other files than those at hand."""
    path = folder / f"{assignment.name}.json"
    advice = "`python -m tests.parity record` asks nbgrader anew"
    assert path.exists(), f"nbgrader was never asked about {assignment.name}: {advice}"
    record: dict[str, Any] = json.loads(path.read_text())
    assert record["nbgrader"] == version("nbgrader"), f"{path.name} is of another nbgrader: {advice}"
    assert record["source"] == assignment.digest, f"{path.name} is of another source: {advice}"
    for submission in assignment.submissions:
        kept = record["submissions"].get(submission.learner)
        if kept is None:
            assert record["error"], f"{path.name} knows no {submission.learner}: {advice}"
        else:
            assert kept["submission"] == submission.digest, (
                f"{path.name}: {submission.learner} changed: {advice}"
            )
    return record
