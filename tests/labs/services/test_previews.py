"""What a saved file looks like: hostile and broken ones cost nothing and run nothing."""

import json
import zipfile
from typing import Any

import pytest

from labs.blobs import store_blob
from labs.services import previews
from labs.services.previews import Preview, list_saved_files, make_preview, write_archive


def preview(path: str, content: bytes, before: bytes | None = None) -> Preview:
    known = {path: store_blob(before)} if before is not None else {}
    return make_preview(path, {path: store_blob(content)}, known)


def notebook(*cells: Any) -> bytes:
    return json.dumps({"cells": list(cells)}).encode()


@pytest.mark.parametrize(
    "content",
    [b"", b"no json", b"[]", b'{"cells": 1}', b'{"worksheets": []}', b"[" * 100_000, b"\xff"],
)
def test_what_is_no_notebook_is_said_so(content: bytes) -> None:
    shown = preview("lab.ipynb", content)
    assert shown.sentence
    assert not shown.cells


def test_cells_that_are_none_are_left_out() -> None:
    shown = preview("lab.ipynb", notebook(1, "x", None, {"cell_type": "code", "source": 5, "outputs": 7}))
    assert len(shown.cells) == 1
    assert shown.cells[0].outputs == ()


def test_a_picture_is_shown_and_a_program_is_not() -> None:
    png = "iVBORw0KGgo="
    data = [{"image/png": png}, {"image/svg+xml": "<svg/>"}, {"application/javascript": "alert(1)"}]
    cell = {
        "cell_type": "code",
        "source": "",
        "outputs": [{"output_type": "display_data", "data": each} for each in data],
    }
    kinds = [output.kind for output in preview("lab.ipynb", notebook(cell)).cells[0].outputs]
    assert kinds == ["image", "note", "note"]


def test_too_many_cells_are_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "MAX_CELLS", 2)
    shown = preview("lab.ipynb", notebook(*({"cell_type": "raw", "source": str(n)} for n in range(3))))
    assert (len(shown.cells), shown.is_cut) == (2, True)


def test_cells_that_differ_from_the_version_before_are_counted() -> None:
    a, b, c = ({"cell_type": "code", "source": text} for text in ("a", ["b", "b"], "c"))
    assert preview("lab.ipynb", notebook(a, c, c), notebook(a, b)).changed_cells == 2
    assert preview("lab.ipynb", notebook(a), notebook(b, a)).changed_cells == 0
    assert preview("lab.ipynb", notebook(a), b"nonsense").changed_cells is None
    assert preview("lab.ipynb", notebook(a)).changed_cells is None


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "MAX_BYTES", 3)
    assert "too large" in preview("notes.txt", b"1234").sentence
    assert preview("notes.txt", b"123").text == "123"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("a,b\n1,2", ("a", "b")),
        ("a;b,c\n", ("a;b", "c")),
        ("a;b;c,d\n", ("a", "b", "c,d")),
        ("a\tb", ("a", "b")),
    ],
)
def test_a_table_is_cut_by_the_separator_that_it_uses(text: str, first: tuple[str, ...]) -> None:
    assert preview("data.csv", text.encode()).rows[0] == first


def test_a_long_table_is_cut_and_said() -> None:
    shown = preview("data.csv", b"1,2\n" * (previews.MAX_ROWS + 1))
    assert (len(shown.rows), shown.is_cut) == (previews.MAX_ROWS, True)
    wide = preview("data.csv", b",".join([b"x"] * 99))
    assert (len(wide.rows[0]), wide.is_cut) == (previews.MAX_COLUMNS, True)


def test_a_table_that_cannot_be_read_is_text() -> None:
    assert preview("data.csv", b'"' + b"x" * 200_000).text


@pytest.mark.parametrize("content", [b"\x00", b"\xff\xfe", b"a\x00b"])
def test_what_is_no_text_is_a_download_only(content: bytes) -> None:
    shown = preview("model.bin", content)
    assert shown.sentence
    assert not shown.text


def test_notebooks_come_first_and_changes_are_named() -> None:
    old, new = store_blob(b"old"), store_blob(b"new")
    files = {"a.py": new, "b.py": new, "c.py": old, "lab.ipynb": old}
    listed = list_saved_files(files, {"b.py": old, "c.py": old, "lab.ipynb": old})
    assert [(file.path, file.change) for file in listed] == [
        ("lab.ipynb", ""),
        ("a.py", "added"),
        ("b.py", "changed"),
        ("c.py", ""),
    ]
    assert {file.change for file in list_saved_files(files, None)} == {""}


def test_an_archive_holds_one_folder_and_nothing_above_it() -> None:
    digest = store_blob(b"x")
    files = {"a/b.txt": digest, "../up.txt": digest, "/etc/passwd": digest, "lost.txt": "0" * 64}
    with write_archive(files, "lab") as archive:
        assert zipfile.ZipFile(archive).namelist() == ["lab/a/b.txt"]
