"""Notebooks prepared for grading without a box: a release, its gradebook, and one submission in it."""

from collections.abc import Mapping
from pathlib import Path

from labs.box import BoxEnvironment, BoxLimits
from labs.nbgrader.gradebook import add_submission
from labs.nbgrader.preparing import Prepared, collect_files, prepare_notebook
from labs.nbgrader.release import make_release
from labs.nbgrader.results import STANDARD_POLICY, ReleasedLab
from labs.nbgrader.running import Run

NO_BOX = BoxEnvironment(Path("/nowhere/python"))


def release_without_box(source: Mapping[str, bytes]) -> ReleasedLab:
    """Nothing is run where there are no autotests."""
    return make_release(source, name="lab", environment=NO_BOX)


def open_run(release: ReleasedLab, submitted: Mapping[str, bytes], folder: Path) -> Run:
    gradebook = folder / "gradebook.db"
    gradebook.write_bytes(release.gradebook)
    add_submission(gradebook, release.name, late_seconds=0)
    return Run(release, gradebook, collect_files(release, submitted), BoxLimits(), NO_BOX, STANDARD_POLICY)


def prepare(
    release: ReleasedLab, submitted: Mapping[str, bytes], folder: Path, name: str = "lab"
) -> Prepared:
    return prepare_notebook(open_run(release, submitted, folder), name, submitted)
