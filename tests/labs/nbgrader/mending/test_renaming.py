"""A notebook handed in under another name."""

import pytest

from labs.nbgrader.loading import load_release
from labs.nbgrader.mending.renaming import find_renamed
from labs.nbgrader.results import ReleasedLab
from tests.labs.nbgrader.preparing import release_without_box
from tests.labs.nbgrader.writing import edit, graded, solution, write


@pytest.fixture(scope="module")
def release() -> ReleasedLab:
    source = {
        f"{name}.ipynb": write(
            solution(f"{name}-a", "x = 1"), graded(f"{name}-b", "assert x"), graded("both", "1")
        )
        for name in ("one", "two")
    }
    return release_without_box(source)


def find(release: ReleasedLab, **files: bytes) -> list[str | None]:
    submitted = {f"{name}.ipynb": content for name, content in files.items()}
    released = load_release(release).notebooks
    return [
        find_renamed(released, name, submitted)
        for name in release.notebooks
        if f"{name}.ipynb" not in submitted
    ]


def test_a_notebook_is_known_by_its_cells(release: ReleasedLab) -> None:
    one, two = (release.learner_files[f"{name}.ipynb"] for name in ("one", "two"))
    assert find(release, mine=two, yours=one) == ["yours.ipynb", "mine.ipynb"]
    assert find(release, one=one, one_copy=one) == [None]
    assert find(release, one=one, final=two) == ["final.ipynb"]


def test_half_of_the_cells_have_to_be_there(release: ReleasedLab) -> None:
    one = release.learner_files["one.ipynb"]
    assert find(release, mine=edit(one, {}, without=["one-a"])) == ["mine.ipynb", None]
    assert find(release, mine=edit(one, {}, without=["one-a", "one-b"])) == [None, None]


def test_of_two_that_fit_the_name_decides_or_nothing(release: ReleasedLab) -> None:
    one = release.learner_files["one.ipynb"]
    assert find(release, a=one, b=one) == [None, None]
    assert find(release, a=one, One_final=one) == ["One_final.ipynb", None]


def test_what_cannot_be_read_or_lies_elsewhere_is_nobodys(release: ReleasedLab) -> None:
    one = release.learner_files["one.ipynb"]
    assert find(release, mine=b"{", **{"folder/one": one}) == [None, None]
    assert find_renamed(load_release(release).notebooks, "one", {"one.txt": one}) is None


def test_of_names_within_each_other_the_longer_says_more() -> None:
    source = write(solution("a", "x = 1"), graded("b", "assert x"))
    release = release_without_box({"lab.ipynb": source, "lab2.ipynb": source})
    content = release.learner_files["lab.ipynb"]
    assert find(release, ada_lab2=content) == [None, "ada_lab2.ipynb"]
    assert find(release, ada_lab=content, ada_lab2=content) == ["ada_lab.ipynb", "ada_lab2.ipynb"]
