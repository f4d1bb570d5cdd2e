"""nbgrader asked anew for all its marks, and Paja for its own: both must be what is recorded and listed."""

import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.live.alone import say


def soak_parity() -> bool:
    """Print a table; False where something is not as recorded."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings_test"
    import django

    django.setup()
    logging.disable(logging.WARNING)
    from tests.parity.attacks import list_stale
    from tests.parity.comparison import compare, grade_with_paja, load_differences
    from tests.parity.recording import record
    from tests.parity.records import RECORDED, read_record

    broken = 0
    with tempfile.TemporaryDirectory(prefix="paja-soak-") as place:
        fresh = Path(place) / "fresh"
        assignments = record([], Path(place), recorded=fresh)
        listed = load_differences()
        for assignment in assignments:
            name = f"{assignment.name}.json"
            is_same = json.loads((fresh / name).read_text()) == json.loads((RECORDED / name).read_text())
            told = grade_with_paja(assignment, Path(place) / assignment.name, jobs=2)
            found = set(compare(assignment, read_record(assignment, fresh), told))
            meant = {each for each in listed if each.case.partition("/")[0] == assignment.name}
            cells = sum(_count_cells(submission) for submission in told.get("learners", {}).values())
            say(
                f"{assignment.name:32} {len(assignment.submissions):3} submissions {cells:4} cells "
                f"{len(found & meant):3} meant differences"
                + ("" if is_same else "  NBGRADER SAYS SOMETHING ELSE THAN RECORDED")
            )
            for difference in sorted(found ^ meant):
                say(f"  {'NEW' if difference in found else 'GONE'} {difference}")
            broken += (not is_same) + len(found ^ meant)
    if stale := list_stale():
        say(
            f"nbgrader was not asked about these attacks (`python -m tests.parity record-attacks`): {', '.join(stale)}"
        )
    return not broken and not stale


def _count_cells(submission: dict[str, Any]) -> int:
    return sum(len(notebook["cells"]) for notebook in submission["notebooks"].values())
