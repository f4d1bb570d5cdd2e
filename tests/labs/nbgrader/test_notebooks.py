"""A learner's bytes: a notebook reduced to what grading needs, or one kind of refusal."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.notebooks import MAX_NOTEBOOK_BYTES, read_submission
from tests.labs.nbgrader.writing import code, graded, markdown, solution, write


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
        (b'{"cells": [], "nbformat": true}', "not_a_notebook"),
        (b'{"cells": 5, "nbformat": 4}', "not_a_notebook"),
        (b'{"cells": [], "nbformat": 4, "metadata": 5}', "not_a_notebook"),
        (b'{"cells": [], "nbformat": 9}', "unknown_format"),
        (b'{"cells": [' + b"{}," * 6000 + b'{}], "nbformat": 4}', "notebook_too_large"),
        (b" " * (MAX_NOTEBOOK_BYTES + 1), "notebook_too_large"),
        (write(code("", nbgrader={"grade_id": "x", "schema_version": 10, "grade": True})), "schema_too_new"),
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
    notebook = read_submission(write(cell, markdown("text")))
    assert notebook.cells[0].outputs == []
    assert notebook.cells[0].metadata.tags == ["a"]
    assert set(notebook.cells[0].metadata.nbgrader) <= {
        "grade_id", "grade", "solution", "locked", "points", "schema_version",
    }  # fmt: skip
    assert notebook.cells[1].source == "text"


def test_damaged_cells_become_harmless_ones() -> None:
    cells = [5, {}, {"cell_type": "nonsense", "source": ["a", 5, "b"], "metadata": []}, code("x")]
    notebook = read_submission(json.dumps({"cells": cells, "nbformat": 4}).encode())
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        ("raw", ""),
        ("raw", "ab"),
        ("code", "x"),
    ]


def test_text_that_no_file_could_hold_is_mended() -> None:
    notebook = read_submission(
        rb'{"cells": [{"cell_type": "code", "source": "\ud800", "metadata": {}}], "nbformat": 4}'
    )
    assert notebook.cells[0].source.encode()


@pytest.mark.parametrize("version", [0, 1, 2])
def test_old_schemas_are_brought_up_to_date(version: int) -> None:
    old = {"grade_id": "x", "grade": True, "points": 2, "solution": False, "locked": False}
    old |= {"schema_version": version} if version else {}
    assert read_submission(write(code("1", nbgrader=old))).cells[0].metadata.nbgrader.schema_version == 3


def test_a_cell_without_a_grade_id_is_an_ordinary_cell() -> None:
    notebook = read_submission(
        write(code("1", nbgrader={"grade": True, "grade_id": ["x"]}), code("2", nbgrader=5))
    )
    assert all("nbgrader" not in cell.metadata for cell in notebook.cells)


_WHOLE = write(solution("a", "x = 1"), graded("b", "assert x"), markdown("text"))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["cells", "nbgrader", "grade_id", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    content=st.binary(max_size=300)
    | st.tuples(st.integers(0, len(_WHOLE)), st.binary(max_size=5)).map(lambda cut: _WHOLE[: cut[0]] + cut[1])
    | st.tuples(st.integers(0, len(_WHOLE)), st.binary(min_size=1, max_size=3)).map(
        lambda cut: _WHOLE[: cut[0]] + cut[1] + _WHOLE[cut[0] + len(cut[1]) :]
    )
    | _JSON.map(
        lambda value: json.dumps({"nbformat": 4, "cells": [{"metadata": value, "source": value}]}).encode()
    )
    | _JSON.map(lambda value: json.dumps({"nbformat": 4, "cells": value, "metadata": value}).encode())
)
def test_any_bytes_are_a_notebook_or_a_refusal(content: bytes) -> None:
    with contextlib.suppress(InvalidNotebookError):
        read_submission(content)
