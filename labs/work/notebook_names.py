"""Which notebook of a lab a file is, whatever it is called."""

from collections.abc import Iterable, Mapping
from typing import Final

from labs.blobs import read_blob
from labs.exceptions import InvalidNotebookError, RefusedError
from labs.models import LabRelease
from labs.nbgrader.outlines import find_grade_ids
from labs.nbgrader.results import is_notebook_path

MAX_STRAYS: Final = 20


def name_notebooks(release: LabRelease, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files under the names that the release has for them.

    A file is the notebook of its name; else the one that it has grade ids of; else, in a lab of one notebook, that
    one, unless its grade ids say that it belongs to another lab. InvalidNotebookError for what is no notebook.
    RefusedError: `notebook_not_known`, `notebook_twice`.
    """
    known = _list_grade_ids(release)
    named: dict[str, bytes] = {}
    for path, content in files.items():
        grade_ids = find_grade_ids(content)
        name = path if path in known else _find_name(known, grade_ids)
        if name is None:
            raise RefusedError(path, reason="notebook_not_known")
        if name in named:
            raise RefusedError(path, reason="notebook_twice")
        named[name] = content
    return named


def has_notebook(release: LabRelease, files: Mapping[str, str]) -> bool:
    """Whether files, given as digests, hold a notebook of the lab: one of its name, or a renamed one.

    A renamed one has at least half of the grade ids of one of the lab's.
    """
    if set(release.notebooks) & set(files):
        return True
    strays = [path for path in sorted(files) if is_notebook_path(path)][:MAX_STRAYS]
    return any(_is_renamed(release, files[path]) for path in strays)


def _is_renamed(release: LabRelease, digest: str) -> bool:
    try:
        grade_ids = find_grade_ids(read_blob(digest))
    except InvalidNotebookError:
        return False
    return any(own and 2 * len(own & grade_ids) >= len(own) for own in _list_grade_ids(release).values())


def _list_grade_ids(release: LabRelease) -> dict[str, set[str]]:
    """By notebook, those of its grade cells."""
    known: dict[str, set[str]] = {name: set() for name in release.notebooks}
    for cell in release.grade_cells:
        known.setdefault(f"{cell['notebook']}.ipynb", set()).add(cell["grade_id"])
    return known


def _find_name(known: Mapping[str, set[str]], grade_ids: Iterable[str]) -> str | None:
    """The one notebook that the grade ids speak for; None where there is none or more than one."""
    found = [name for name, own in known.items() if own.intersection(grade_ids)]
    if not found and not grade_ids:
        found = list(known)
    return found[0] if len(found) == 1 else None
