"""What a saved file looks like, as far as a page can show it. Everything in it is a learner's: hostile."""

import csv
import json
import logging
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any, Final

from django.utils.translation import gettext as _

from labs.blobs import read_blob, size_of_blob
from labs.services.feedback import FeedbackCell
from labs.services.outputs import Allowance, ShownSource, as_text, clean_text, show_outputs, show_source

logger = logging.getLogger(__name__)

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_CELLS: Final = 500
MAX_ROWS: Final = 50
MAX_COLUMNS: Final = 30
MAX_FIELD: Final = 200
MAX_TEXT: Final = 20_000
TABLES: Final = {".csv", ".tsv"}
CODE: Final = {".py"}


@dataclass(frozen=True)
class SavedFile:
    """One file of a snapshot; `change` is "added", "changed" or empty, `size` None where the store has lost it."""

    path: str
    size: int | None
    change: str


@dataclass(frozen=True)
class Preview:
    """One of `cells`, `source`, `rows` or `text`; else `sentence` says why there is none.

    `changed_cells` counts cells that the version before did not have; None where it had no such notebook.
    """

    path: str
    cells: tuple[FeedbackCell, ...] = ()
    changed_cells: int | None = None
    rows: tuple[tuple[str, ...], ...] = ()
    source: ShownSource | None = None
    text: str = ""
    is_cut: bool = False
    sentence: str = ""


def make_preview(path: str, files: Mapping[str, str], before: Mapping[str, str]) -> Preview:
    """What a file of a snapshot looks like; `before` are the files of the version before."""
    try:
        if (size_of_blob(files[path]) or 0) > MAX_BYTES:
            return Preview(
                path, sentence=_("This file is too large to be shown here. Download it to see it.")
            )
        content = read_blob(files[path])
    except OSError:
        logger.exception("a blob of a snapshot is missing: %s", files[path])
        return Preview(path, sentence=_("This file could not be read from the store. Tell your instructor."))
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".ipynb":
        return show_notebook(path, content, before.get(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return Preview(path, sentence=_("This kind of file cannot be shown here. Download it to see it."))
    if suffix in TABLES:
        return show_table(path, text)
    if suffix in CODE:
        return Preview(path, source=show_source(text, "code", Allowance(), id_prefix="source-"))
    return Preview(path, text=clean_text(text[:MAX_TEXT]), is_cut=len(text) > MAX_TEXT)


def show_notebook(path: str, content: bytes, before: str | None) -> Preview:
    cells = read_cells(content)
    if cells is None:
        return Preview(path, sentence=_("This is not a notebook that can be shown. Download it to see it."))
    allowance = Allowance()
    shown = []
    for number, cell in enumerate(cells[:MAX_CELLS], start=1):
        anchor, cell_type = f"cell-{number}", as_text(cell.get("cell_type"))
        shown.append(
            FeedbackCell(
                anchor=anchor,
                cell_type=cell_type,
                source=show_source(cell.get("source"), cell_type, allowance, id_prefix=f"{anchor}-"),
                outputs=show_outputs(cell.get("outputs"), allowance, id_prefix=f"{anchor}-output-"),
                mark=None,
                is_faulty=False,
            )
        )
    return Preview(
        path,
        cells=tuple(shown),
        changed_cells=count_changed(cells, before) if before else None,
        is_cut=len(cells) > MAX_CELLS,
    )


def read_cells(content: bytes) -> list[dict[str, Any]] | None:
    """The cells of a notebook of format 4; None for anything else."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError):
        return None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        return None
    return [cell for cell in cells if isinstance(cell, dict)]


def count_changed(cells: list[dict[str, Any]], before: str) -> int | None:
    """Cells whose kind and source the version before did not have."""
    try:
        old = read_cells(read_blob(before)) if (size_of_blob(before) or 0) <= MAX_BYTES else None
    except OSError:
        return None
    if old is None:
        return None
    known = Counter(as_text(cell.get("cell_type")) + as_text(cell.get("source")) for cell in old)
    now = Counter(as_text(cell.get("cell_type")) + as_text(cell.get("source")) for cell in cells)
    return (now - known).total()


def show_table(path: str, text: str) -> Preview:
    """The first rows; the separator is the one that the first line has most of."""
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        read = list(islice(csv.reader(text.splitlines(), delimiter=separator), MAX_ROWS + 1))
    except csv.Error:
        return Preview(path, text=clean_text(text[:MAX_TEXT]), is_cut=len(text) > MAX_TEXT)
    rows = [tuple(clean_text(field[:MAX_FIELD]) for field in row[:MAX_COLUMNS]) for row in read[:MAX_ROWS]]
    is_cut = len(read) > MAX_ROWS or any(len(row) > MAX_COLUMNS for row in read)
    return Preview(path, rows=tuple(rows), is_cut=is_cut)


def list_saved_files(files: Mapping[str, str], before: Mapping[str, str] | None) -> list[SavedFile]:
    """The files of a snapshot by path, notebooks first; compared with the version before where there is one."""
    rows = []
    for path in sorted(files, key=lambda path: (not path.endswith(".ipynb"), path)):
        change = ""
        if before is not None and before.get(path) != files[path]:
            change = "changed" if path in before else "added"
        rows.append(SavedFile(path, size_of_blob(files[path]), change))
    return rows


def write_archive(files: Mapping[str, str], folder: str) -> IO[bytes]:
    """A zip of all files in one folder, in a temporary file that stands at its beginning.

    Bounded by what a snapshot may hold. Names were checked when they were saved, and are once more.
    """
    archive = tempfile.TemporaryFile()  # noqa: SIM115 -- the response closes it
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as writer:
        for path, digest in sorted(files.items()):
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                continue
            try:
                writer.writestr(f"{folder}/{path}", read_blob(digest))
            except OSError:
                logger.exception("a blob of a snapshot is missing: %s", digest)
    archive.seek(0)
    return archive
