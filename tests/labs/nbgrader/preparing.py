"""A lab whose learners' notebooks are mended and prepared for grading without a box."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from nbformat import NotebookNode

from labs.box import BoxEnvironment, BoxLimits
from labs.nbgrader.mending.recognising import read_id
from labs.nbgrader.preparing import Prepared, collect_files, prepare_notebook
from labs.nbgrader.release import make_release
from labs.nbgrader.results import STANDARD_POLICY, ReleasedLab
from labs.nbgrader.running import Run
from tests.labs.nbgrader.writing import answer, code, edit, graded, markdown, solution, task, write

NO_BOX: Final = BoxEnvironment(Path("/nowhere/python"))
HIDDEN: Final = "assert double(4) == 8"
SOURCE: Final = write(
    markdown("# Double it"),
    code("import math"),
    solution("double", "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"),
    graded(
        "test-double",
        f"assert double(1) == 2\n### BEGIN HIDDEN TESTS\n{HIDDEN}\n### END HIDDEN TESTS",
        2,
    ),
    markdown("## Halve it"),
    code("start = 8"),
    solution("half", "### BEGIN SOLUTION\nresult = start / 2\n### END SOLUTION"),
    graded("test-half", "assert result == math.sqrt(16)", 1),
    answer("explain", "YOUR ANSWER HERE", 3),
    answer("compare", "YOUR ANSWER HERE", 3),
    task("plan", "Plan an experiment.", 4),
)
KNOWN: Final = ["double", "test-double", "half", "test-half", "explain", "compare", "plan"]
WORK: Final = {
    "double": "def double(x):\n    return x + x",
    "half": "result = start // 2",
    "explain": "Twice is two times.",
    "compare": "Both are linear: ä → ½.",
}


def release_without_box(source: Mapping[str, bytes]) -> ReleasedLab:
    """Nothing is run where there are no autotests."""
    return make_release(source, name="lab", environment=NO_BOX)


def work_on(release: ReleasedLab, name: str = "lab") -> bytes:
    """Honest and undamaged work on a notebook made of `SOURCE`."""
    return edit(release.learner_files[f"{name}.ipynb"], WORK)


def open_run(release: ReleasedLab, submitted: Mapping[str, bytes]) -> Run:
    return Run(release, collect_files(release, submitted), BoxLimits(), NO_BOX, STANDARD_POLICY)


def prepare(release: ReleasedLab, submitted: Mapping[str, bytes], name: str = "lab") -> Prepared:
    return prepare_notebook(open_run(release, submitted), name, submitted)


def show_known(notebook: NotebookNode) -> list[tuple[str, str, dict[str, Any]]]:
    """What nbgrader sees of a notebook."""
    return [
        (cell.cell_type, cell.source, dict(cell.metadata.nbgrader))
        for cell in notebook.cells
        if read_id(cell)
    ]


def list_ids(notebook: NotebookNode) -> list[str]:
    """The cells in their order: grade ids, and of ordinary cells the text."""
    return [read_id(cell) or cell.source for cell in notebook.cells]
