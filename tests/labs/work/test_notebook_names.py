"""Which notebook of a lab a file is."""

from typing import Any

import pytest

from labs.blobs import store_files
from labs.exceptions import InvalidNotebookError, RefusedError
from labs.models import LabRelease
from labs.work.notebook_names import has_notebook, name_notebooks
from tests.labs.released import write_cell, write_notebook


def make_release(**cells: list[str]) -> LabRelease:
    """Notebooks by name, with the grade ids of their grade cells."""
    grade_cells = [{"notebook": name, "grade_id": each} for name, ids in cells.items() for each in ids]
    return LabRelease(learner_files={f"{name}.ipynb": "" for name in cells}, grade_cells=grade_cells)


ONE = make_release(lab=["mean"])
TWO = make_release(first=["mean"], second=["median"])
MEAN, MEDIAN, OTHER = (write_notebook(write_cell(name)) for name in ("mean", "median", "other"))
PLAIN = write_notebook()


@pytest.mark.parametrize(
    ("release", "files", "named"),
    [
        (ONE, {"lab.ipynb": MEAN}, {"lab.ipynb": MEAN}),
        (ONE, {"lab (1).ipynb": MEAN}, {"lab.ipynb": MEAN}),
        (ONE, {"mine.ipynb": PLAIN}, {"lab.ipynb": PLAIN}),
        (ONE, {"lab.ipynb": OTHER}, {"lab.ipynb": OTHER}),
        (TWO, {"a": MEDIAN, "b": MEAN}, {"first.ipynb": MEAN, "second.ipynb": MEDIAN}),
        (TWO, {"second.ipynb": PLAIN}, {"second.ipynb": PLAIN}),
        (make_release(lab=[]), {"mine.ipynb": PLAIN}, {"lab.ipynb": PLAIN}),
    ],
)
def test_a_file_is_known_by_its_name_or_by_its_cells(
    release: LabRelease, files: dict[str, bytes], named: dict[str, bytes]
) -> None:
    assert name_notebooks(release, files) == named


@pytest.mark.parametrize(
    ("release", "files", "reason"),
    [
        (ONE, {"mine.ipynb": OTHER}, "notebook_not_known"),
        (TWO, {"mine.ipynb": PLAIN}, "notebook_not_known"),
        (TWO, {"mine.ipynb": write_notebook(write_cell("mean"), write_cell("median"))}, "notebook_not_known"),
        (ONE, {"lab.ipynb": MEAN, "lab (1).ipynb": MEAN}, "notebook_twice"),
        (TWO, {"a": MEAN, "b": MEAN}, "notebook_twice"),
    ],
)
def test_a_file_that_could_be_none_or_several_is_refused(
    release: LabRelease, files: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        name_notebooks(release, files)
    assert refused.value.reason == reason


def test_what_is_no_notebook_is_none_by_any_name() -> None:
    with pytest.raises(InvalidNotebookError):
        name_notebooks(ONE, {"lab.ipynb": b"{}"})


@pytest.mark.parametrize(
    ("files", "is_there"),
    [
        ({"lab.ipynb": b"whatever it is"}, True),
        ({"mine.ipynb": write_notebook(write_cell("a"), write_cell("b"))}, True),
        ({"mine.ipynb": write_notebook(write_cell("a"))}, False),
        ({"mine.ipynb": b"no notebook"}, False),
        ({"old/lab.ipynb": write_notebook(write_cell("a"), write_cell("b"))}, False),
        ({"data.csv": b"1,2"}, False),
        ({}, False),
    ],
)
def test_a_notebook_is_there_under_its_name_or_with_half_of_its_cells(
    files: dict[str, bytes], is_there: bool
) -> None:
    assert has_notebook(make_release(lab=["a", "b", "c", "d"]), store_files(files)) == is_there


def test_a_practice_lab_has_only_its_names() -> None:
    assert not has_notebook(make_release(lab=[]), store_files({"mine.ipynb": PLAIN}))
