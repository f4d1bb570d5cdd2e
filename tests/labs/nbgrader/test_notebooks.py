"""A learner's bytes: a notebook reduced to what grading needs, or one kind of refusal."""

import json

import nbformat
import pytest

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.notebooks import read_submission
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES
from labs.nbgrader.results import DamageKind
from tests.labs.nbgrader.writing import code, markdown, write


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidNotebookError) as error:
        read_submission(content)
    return error.value.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "broken_json"),
        (b"{", "broken_json"),
        (b"\xff\xfe", "broken_json"),
        (b"[" * 100_000, "broken_json"),
        (b'{"a":' * 100_000, "broken_json"),
        (b"[]", "not_a_notebook"),
        (b'"text"', "not_a_notebook"),
        (b"{}", "not_a_notebook"),
        (b'{"cells": 5, "nbformat": 4}', "not_a_notebook"),
        (b'{"worksheets": 5, "nbformat": 3}', "not_a_notebook"),
        (b'{"cells": [], "nbformat": 9}', "unknown_format"),
        (b'{"cells": [' + b"{}," * 6000 + b'{}], "nbformat": 4}', "notebook_too_large"),
        (b" " * (MAX_NOTEBOOK_BYTES + 1), "notebook_too_large"),
        (b'{"a": [' + b"[]," * 2_000_000 + b"[]]}", "notebook_too_large"),
    ],
    ids=lambda value: value[:30].decode(errors="replace") if isinstance(value, bytes) else value,
)
def test_bytes_that_are_no_notebook_are_refused_with_the_reason(content: bytes, reason: str) -> None:
    assert refusal(content) == reason


def test_outputs_and_unknown_metadata_are_left_behind() -> None:
    cell = code(
        "1", tags=["a", 5], collapsed=True, nbgrader={"grade_id": "x", "deep": {"er": 1}, "grade": True}
    )
    cell |= {"outputs": [{"output_type": "stream", "name": "stderr", "text": "x"}], "attachments": {}}
    notebook, kinds = read_submission(write(cell, markdown("text")))
    assert kinds == set()
    assert notebook.cells[0].outputs == []
    assert notebook.cells[0].metadata.tags == ["a"]
    assert set(notebook.cells[0].metadata.nbgrader) <= {
        "grade_id", "grade", "solution", "locked", "points", "schema_version",
    }  # fmt: skip
    assert notebook.cells[1].source == "text"


def test_damaged_cells_become_harmless_ones() -> None:
    cells = [5, {}, {"cell_type": "nonsense", "source": ["a", 5, "b"], "metadata": []}, code("x")]
    notebook, kinds = read_submission(json.dumps({"cells": cells, "nbformat": 4}).encode())
    assert kinds == {DamageKind.NOTEBOOK_GARBLED}
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        ("raw", ""),
        ("raw", "ab"),
        ("code", "x"),
    ]


def test_text_that_no_file_or_database_could_hold_is_mended() -> None:
    named = {"nbgrader": {"grade_id": "a\ud800\0b"}}
    cell = {"cell_type": "code", "source": "\ud800\0", "metadata": named}
    notebook, _kinds = read_submission(json.dumps({"cells": [cell], "nbformat": 4}).encode())
    for text in (notebook.cells[0].source, notebook.cells[0].metadata.nbgrader.grade_id):
        assert text.encode()
        assert "\0" not in text


@pytest.mark.parametrize("said", ["", '"nbformat": true, ', '"nbformat": "4", '])
def test_a_format_that_is_not_said_is_seen(said: str) -> None:
    cell = '{"cell_type": "code", "source": "x", "metadata": {}}'
    notebook, kinds = read_submission(f'{{{said}"cells": [{cell}], "metadata": 5}}'.encode())
    assert [cell.source for cell in notebook.cells] == ["x"]
    assert kinds == {DamageKind.NOTEBOOK_GARBLED}


def test_cells_of_old_formats_are_as_nbformat_upgrades_them() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Two\n", "lines"], "metadata": {}},
        {"cell_type": "code", "input": ["x = 1"], "outputs": [], "language": "python", "metadata": {"tags": ["a"]}},
        {"cell_type": "html", "source": "<b>", "metadata": {}},
        {"cell_type": "raw", "source": "raw", "metadata": {}},
    ]  # fmt: skip
    old = {
        "metadata": {},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    theirs = nbformat.reads(json.dumps(old), as_version=4)
    ours, kinds = read_submission(json.dumps(old).encode())
    assert kinds == {DamageKind.OLD_SCHEMA}
    assert [(cell.cell_type, cell.source) for cell in ours.cells] == [
        (cell.cell_type, cell.source) for cell in theirs.cells
    ]
    assert ours.cells[1].metadata == {"tags": ["a"]}


def test_a_cell_without_a_grade_id_is_an_ordinary_cell() -> None:
    notebook, _kinds = read_submission(
        write(code("1", nbgrader={"grade": True, "grade_id": ["x"]}), code("2", nbgrader=5))
    )
    assert all("nbgrader" not in cell.metadata for cell in notebook.cells)
