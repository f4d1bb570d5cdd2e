"""A release of a lab: which notebooks it has, whatever order the database keeps them in."""

from labs.models import LabRelease


def test_the_notebooks_are_those_at_the_top_in_nbgraders_order() -> None:
    files = {"b.ipynb": "1", "data/a.ipynb": "2", "notes.txt": "3", "a.ipynb": "4"}
    assert LabRelease(learner_files=files).notebooks == ["a.ipynb", "b.ipynb"]
