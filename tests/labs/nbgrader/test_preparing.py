"""From what was handed in to what can be run and scored: nbgrader's own steps on a notebook that was mended."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbgrader import utils

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.mending.damage import mend_cells, sort_damage
from labs.nbgrader.mending.recognising import ReleasedNotebook, read_id
from labs.nbgrader.notebooks import read_submission
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES
from labs.nbgrader.preparing import collect_files, prepare_notebook
from labs.nbgrader.results import Damage, DamageKind, ReleasedLab
from labs.nbgrader.running import Run
from tests.labs.nbgrader.damages import DAMAGES
from tests.labs.nbgrader.mutations import damaged
from tests.labs.nbgrader.preparing import (
    HIDDEN,
    KNOWN,
    SOURCE,
    open_run,
    prepare,
    release_without_box,
    show_known,
    work_on,
)
from tests.labs.nbgrader.writing import answer, code, solution, write

REASONS = {"broken_json", "not_a_notebook", "unknown_format", "notebook_too_large"}
MENDED = {name: way for name, way in DAMAGES.items() if way.keeps_points}


@pytest.fixture(scope="module")
def release() -> ReleasedLab:
    return release_without_box({"lab.ipynb": SOURCE})


@pytest.fixture(scope="module")
def work(release: ReleasedLab) -> bytes:
    return work_on(release)


@pytest.fixture(scope="module")
def run(release: ReleasedLab, work: bytes) -> Run:
    return open_run(release, {"lab.ipynb": work})


@pytest.fixture(scope="module")
def anything(work: bytes) -> st.SearchStrategy[bytes]:
    return damaged(work)


def test_undamaged_work_gets_its_hidden_tests_and_nothing_else(run: Run, work: bytes) -> None:
    prepared = prepare_notebook(run, "lab", {"lab.ipynb": work})
    assert prepared.damage == ()
    submitted, _kinds = read_submission(work)
    for cell, before in zip(prepared.notebook.cells, submitted.cells, strict=True):
        if read_id(cell) == "test-double":
            assert HIDDEN in cell.source
        else:
            assert (cell.source, cell.cell_type) == (before.source, before.cell_type)


@pytest.mark.parametrize("name", MENDED)
def test_work_that_could_be_mended_is_graded_as_if_it_had_not_been_damaged(
    name: str, run: Run, work: bytes
) -> None:
    honest = prepare_notebook(run, "lab", {"lab.ipynb": work})
    prepared = prepare_notebook(run, "lab", MENDED[name].damage("lab", work))
    assert MENDED[name].kinds <= {each.kind for each in prepared.damage}
    assert show_known(prepared.notebook) == show_known(honest.notebook)


@pytest.mark.parametrize("name", [name for name, way in DAMAGES.items() if way.reason])
def test_what_cannot_be_mended_is_refused_with_its_reason(name: str, run: Run, work: bytes) -> None:
    with pytest.raises(InvalidNotebookError) as refusal:
        prepare_notebook(run, "lab", DAMAGES[name].damage("lab", work))
    assert refusal.value.reason == DAMAGES[name].reason


def test_nobody_waits_for_an_answer_that_is_lost() -> None:
    # A hidden test in an answer makes nbgrader's checksum another one than that of the released text.
    meta = {
        "grade_id": "a",
        "grade": True,
        "solution": True,
        "points": 3,
        "locked": False,
        "schema_version": 3,
    }
    text = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n### BEGIN HIDDEN TESTS\nsecret\n### END HIDDEN TESTS"
    release = release_without_box({"lab.ipynb": write(code(text, nbgrader=meta), answer("b", "Why?", 2))})
    prepared = prepare(release, {"lab.ipynb": write()})
    assert prepared.damage == (Damage(DamageKind.CELL_LOST, "a"), Damage(DamageKind.CELL_LOST, "b"))
    assert [utils.determine_grade(cell) for cell in prepared.notebook.cells] == [(0, 3), (0, 2)]
    assert "secret" not in prepared.notebook.cells[0].source


def test_a_kernel_that_the_learner_chose_is_the_authors_again(run: Run, work: bytes) -> None:
    content = work.replace(b'"name": "python3"', b'"name": "bash"')
    prepared = prepare_notebook(run, "lab", {"lab.ipynb": content})
    assert prepared.notebook.metadata.kernelspec.name == "python3"


def test_a_tag_that_would_keep_a_test_from_running_is_gone(run: Run, work: bytes) -> None:
    content = work.replace(b'"metadata": {', b'"metadata": {"tags": ["skip-execution"], ')
    prepared = prepare_notebook(run, "lab", {"lab.ipynb": content})
    assert {tuple(cell.metadata.get("tags", ())) for cell in prepared.notebook.cells if read_id(cell)} == {()}


def test_the_working_folder_holds_the_learners_files_under_the_authors() -> None:
    lab = release_without_box(
        {
            "lab.ipynb": write(solution("a", "x = 1")),
            "data/rows.csv": b"author",
            "autotests.yml": b"",
            "a/b": b"",
        }
    )
    submitted = {
        "lab.ipynb": b"mine",
        "huge.ipynb": b" " * (MAX_NOTEBOOK_BYTES + 1),
        "data/rows.csv": b"learner",
        "a": b"a file where a folder is",
        "notes.txt": b"mine",
        "../outside": b"",
        "autotests.yml": b"mine",
    }
    assert collect_files(lab, submitted) == {
        "lab.ipynb": b"mine",
        "data/rows.csv": b"author",
        "notes.txt": b"mine",
        "a/b": b"",
    }


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_any_bytes_are_a_notebook_of_the_release_or_a_refusal(
    data: st.DataObject, anything: st.SearchStrategy[bytes], run: Run
) -> None:
    released = run.find_released("lab").released
    content = data.draw(anything)
    try:
        notebook, _kinds = read_submission(content)
    except InvalidNotebookError as error:
        if error.reason not in REASONS:
            raise
        return
    damage = sort_damage(mend_cells(notebook, released), released)
    assert sorted(filter(None, map(read_id, notebook.cells))) == sorted(KNOWN)
    for cell in notebook.cells:
        assert cell.source.encode() is not None
        if read_id(cell):
            _assert_is_as_released(cell, released)
    assert len(set(damage)) == len(damage)


def _assert_is_as_released(cell: NotebookNode, released: ReleasedNotebook) -> None:
    author = released[read_id(cell)]
    assert (cell.cell_type, cell.metadata.nbgrader) == (author.cell_type, author.metadata.nbgrader)
    assert utils.is_solution(cell) or cell.source == author.source


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_what_was_mended_goes_through_nbgraders_own_steps(
    data: st.DataObject, anything: st.SearchStrategy[bytes], run: Run
) -> None:
    try:
        prepare_notebook(run, "lab", {"lab.ipynb": data.draw(anything)})
    except InvalidNotebookError as error:
        if error.reason not in REASONS:
            raise
