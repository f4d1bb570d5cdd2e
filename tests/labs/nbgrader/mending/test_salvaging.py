"""What is left of a notebook's JSON after a crash, a full disk, another editor, or a loop that printed."""

import contextlib
import json

import pytest

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.mending import salvaging
from labs.nbgrader.mending.salvaging import drop_outputs, salvage_json
from labs.nbgrader.notebooks import read_submission
from labs.nbgrader.results import DamageKind
from tests.labs.nbgrader.writing import code, markdown, write

CELLS = [markdown("# Ä"), code("x = 1"), code("y = '→'"), markdown("end")]
TEXT = json.dumps(json.loads(write(*CELLS)), ensure_ascii=False, indent=1)
SOURCES = ["# Ä", "x = 1", "y = '→'", "end"]
GARBLED, CUT = {DamageKind.NOTEBOOK_GARBLED}, {DamageKind.NOTEBOOK_CUT}
MEGABYTE = 1024 * 1024


def read(content: bytes) -> tuple[list[str], set[DamageKind]]:
    notebook, kinds = read_submission(content)
    return [cell.source for cell in notebook.cells], kinds


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        (TEXT.encode(), set()),
        (b"\xef\xbb\xbf" + TEXT.encode(), set()),
        (TEXT.encode() + b"\0" * 100, GARBLED),
        (TEXT.encode() + TEXT.encode()[100:], GARBLED),
        (b"\r\n#! " + TEXT.encode(), GARBLED),
        (TEXT.encode("utf-16"), GARBLED),
        (TEXT.encode("utf-16-be"), GARBLED),
        (TEXT.encode("utf-32"), GARBLED),
    ],
    ids=["whole", "mark", "nuls", "rest", "before", "utf-16", "utf-16-be", "utf-32"],
)
def test_a_whole_notebook_is_read_whatever_stands_around_it(content: bytes, kinds: set[DamageKind]) -> None:
    assert read(content) == (SOURCES, kinds)


def test_latin_1_is_read_as_it_is() -> None:
    assert read(TEXT.replace("→", "½").encode("latin-1")) == (["# Ä", "x = 1", "y = '½'", "end"], GARBLED)


def test_a_broken_letter_leaves_the_others() -> None:
    assert read(TEXT.encode().replace("→".encode(), "→".encode()[:2])) == (
        ["# Ä", "x = 1", "y = '\N{REPLACEMENT CHARACTER}'", "end"],
        GARBLED,
    )


def test_a_line_break_within_a_text_is_kept() -> None:
    assert read(TEXT.replace("x = 1", "x = 1\n\0").encode()) == (
        ["# Ä", "x = 1\n\N{REPLACEMENT CHARACTER}", "y = '→'", "end"],
        GARBLED,
    )


def test_the_whole_cells_of_a_notebook_that_is_cut_are_kept() -> None:
    found = []
    for length in range(len(TEXT)):
        with contextlib.suppress(InvalidNotebookError):
            sources, kinds = read(TEXT[:length].encode())
            found.append(len(sources))
            assert sources == SOURCES[: len(sources)]
            assert kinds in (CUT, GARBLED)  # garbled where only what follows the cells is missing
    assert found == sorted(found)
    assert set(found) == {1, 2, 3, 4}


def test_a_broken_cell_costs_no_other() -> None:
    assert read(TEXT.replace('"x = 1"', '"x = 1').encode()) == (["# Ä", "y = '→'", "end"], GARBLED)


def test_a_part_of_a_broken_cell_is_no_cell() -> None:
    text = json.dumps({"cells": [*CELLS, code("z", nbgrader={"cell_type": "code", "grade_id": "z"})]})
    assert read(text[: text.rindex('"source"')].encode()) == (SOURCES, CUT)


def test_an_old_notebook_that_is_cut_is_read_as_an_old_one() -> None:
    cell = {"cell_type": "code", "input": "x = 1", "outputs": [], "metadata": {}, "language": "python"}
    old = {"metadata": {}, "nbformat": 3, "worksheets": [{"cells": [cell, cell]}]}
    sources, kinds = read(json.dumps(old)[:-50].encode())
    assert (sources, kinds) == (["x = 1"], CUT | {DamageKind.OLD_SCHEMA})


def test_numbers_of_thousands_of_digits_are_no_obstacle() -> None:
    huge = TEXT.replace('"nbformat_minor": 4', f'"nbformat_minor": {"9" * 5000}, "a": NaN, "b": 1e999')
    assert read(huge.encode()) == (SOURCES, set())


def test_outputs_are_cut_out_and_nothing_else() -> None:
    noise = {"outputs": [["]", '"outputs": [', "\\"], {"outputs": [[[]]]}], "source": '"outputs": [1]\\'}
    content = {"cells": [noise, {"outputs": {"a": [1]}}, {"metadata": {"outputs": [1], "x": "]"}}]}
    left = json.loads(drop_outputs(json.dumps(content).encode()))
    assert left["cells"] == [
        {"outputs": [], "source": '"outputs": [1]\\'},
        {"outputs": {"a": [1]}},
        {"metadata": {"outputs": [], "x": "]"}},
    ]


@pytest.mark.parametrize("end", [b"", b'"', b'"]', b"[[1, 2", b'"\\'])
def test_outputs_without_an_end_take_only_what_follows(end: bytes) -> None:
    assert drop_outputs(b'{"cells": [{"outputs": [1, ' + end) == b'{"cells": [{"outputs": []'


def test_a_notebook_that_is_large_only_through_its_outputs_is_read() -> None:
    flooded = {**code("x = 1"), "outputs": [{"output_type": "stream", "text": "0123456\\n" * 5 * MEGABYTE}]}
    content = write(markdown("before"), flooded, markdown("behind"))
    assert len(content) > 40 * MEGABYTE
    assert read(content) == (["before", "x = 1", "behind"], {DamageKind.HUGE_OUTPUT})
    assert read(content[: 40 * MEGABYTE])[1] == {DamageKind.HUGE_OUTPUT, DamageKind.NOTEBOOK_CUT}


def test_what_would_take_too_long_or_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(content: bytes, **kwargs: int) -> None:
        with pytest.raises(InvalidNotebookError) as refusal:
            salvage_json(content, **{"max_bytes": 1000, **kwargs})
        assert refusal.value.reason == "notebook_too_large"

    monkeypatch.setattr(salvaging, "_MAX_BRACKETS", 100)
    refuse(b'{"outputs": [' + b"[[" * 100)
    refuse(b'"outputs": [], ' * 101)
    refuse(b'{"source": "' + b"x" * 1000 + b'"}')
    refuse(TEXT.encode("utf-16") * 10)
    monkeypatch.setattr(salvaging, "_MAX_OBJECTS", 100)
    refuse(b"[" + b"{}," * 100)
    monkeypatch.setattr(salvaging, "MAX_FILE_BYTES", 5000)
    refuse(b'{"outputs": [' + b" " * 5000 + b"]}")
