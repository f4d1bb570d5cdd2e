"""What a notebook's JSON tells without nbgrader, and that hostile bytes cost nothing."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES, find_grade_ids, find_visible_tests
from tests.labs.released import write_cell, write_notebook, write_test


def test_grade_ids_are_those_of_all_cells() -> None:
    assert find_grade_ids(write_notebook(write_cell("mean"), write_test("test-mean"))) == {
        "mean",
        "test-mean",
    }


def test_grade_ids_of_an_old_format_are_found_in_its_worksheets() -> None:
    old = {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": [write_cell("mean")]}]}
    assert find_grade_ids(json.dumps(old).encode()) == {"mean"}


@pytest.mark.parametrize(
    "cell",
    [
        None,
        3,
        {},
        {"metadata": None},
        {"metadata": {"nbgrader": 3}},
        {"metadata": {"nbgrader": {"grade_id": ["a"]}}},
        {"metadata": {"nbgrader": {"grade_id": ""}}},
    ],
)
def test_cells_without_a_grade_id_are_passed_over(cell: Any) -> None:
    assert find_grade_ids(write_notebook(cell)) == frozenset()


@pytest.mark.parametrize(
    ("cell", "is_shown"),
    [
        (write_test(), True),
        (write_test(source="# Your answer is tested here."), False),
        (write_test(source="\n\n"), False),
        (write_test(source="import numpy as np"), False),
        (write_test(source="mean(1, 2)"), True),
        (write_cell("mean", "def mean(): ...", grade=True, solution=True), False),
        (write_cell("mean", "def mean(): ...", grade=False, solution=True), False),
    ],
)
def test_a_visible_test_is_text_in_a_cell_that_a_learner_does_not_write(
    cell: dict[str, Any], is_shown: bool
) -> None:
    assert find_visible_tests(write_notebook(cell)) == ({"mean"} if is_shown else set())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "broken_json"),
        (b"\x00\xff\xfe", "broken_json"),
        (b"not JSON", "broken_json"),
        (b"[" * 100_000, "broken_json"),
        (b'{"cells": ' * 100_000, "broken_json"),
        (b"1" * 10_000, "broken_json"),
        (b"null", "not_a_notebook"),
        (b"[]", "not_a_notebook"),
        (b"{}", "not_a_notebook"),
        (b'{"nbformat": 4}', "not_a_notebook"),
        (b'{"nbformat": 4, "cells": 3}', "not_a_notebook"),
        (b'{"nbformat": "4", "cells": []}', "not_a_notebook"),
        (b'{"nbformat": 3, "worksheets": 3}', "not_a_notebook"),
        (b" " * (MAX_NOTEBOOK_BYTES + 1), "notebook_too_large"),
    ],
)
def test_what_is_no_notebook_is_said(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidNotebookError) as refused:
        find_grade_ids(content)
    assert refused.value.reason == reason


@pytest.mark.parametrize("piece", [b"[],", b"{},", b"9999,"])
def test_json_that_would_fill_the_memory_is_never_made(piece: bytes) -> None:
    """Half a gigabyte and more, out of a file that is small enough."""
    content = b"[" + piece * (MAX_NOTEBOOK_BYTES // len(piece) - 1) + b"0]"
    began = time.process_time()
    with pytest.raises(InvalidNotebookError) as refused:
        find_grade_ids(content)
    assert refused.value.reason == "notebook_too_large"
    assert time.process_time() - began < 2


def test_reading_an_outline_loads_nothing_that_takes_seconds() -> None:
    """A web process would wait for it in somebody's request."""
    code = "import sys, labs.nbgrader.outlines; print({'nbgrader', 'nbformat'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
