"""A notebook that was handed in under another name."""

from collections.abc import Collection, Mapping
from typing import Final

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.loading import LoadedNotebook
from labs.nbgrader.mending.recognising import read_id
from labs.nbgrader.notebooks import read_submission
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES
from labs.nbgrader.results import is_notebook_path

_MAX_CANDIDATES: Final = 20


def find_renamed(
    released: Mapping[str, LoadedNotebook], name: str, submitted: Mapping[str, bytes]
) -> str | None:
    """The path of the notebook that was `name`: it holds at least half of its known cells, and most of all.

    Where several hold as many, the one whose file name says so counts, else none. A notebook that is more
    another missing one's is not taken. Looked at are the first twenty that are no larger than an author's may be.
    """
    missing = [each for each in released if f"{each}.ipynb" not in submitted]
    candidates = [
        path
        for path in sorted(submitted)
        if is_notebook_path(path)
        and path.removesuffix(".ipynb") not in released
        and len(submitted[path]) <= MAX_NOTEBOOK_BYTES
    ]
    known_cells = {each: set(released[each].released.ranks) for each in missing if candidates}
    fits = {path: _rate(known_cells, path, submitted[path]) for path in candidates[:_MAX_CANDIDATES]}
    own = {
        path: fit[name]
        for path, fit in fits.items()
        if name in fit and all(fit[name] > fit[other] for other in fit if other != name)
    }
    best = [path for path, fit in own.items() if fit == max(own.values())]
    return best[0] if len(best) == 1 else None


def _rate(
    known_cells: Mapping[str, Collection[str]], path: str, content: bytes
) -> dict[str, tuple[float, bool, int]]:
    """How well a file fits each of the notebooks of which it holds at least half of the known cells."""
    try:
        notebook, _kinds = read_submission(content)
    except InvalidNotebookError:
        return {}
    ids = {read_id(cell) for cell in notebook.cells}
    rated = {}
    for name, known in known_cells.items():
        if known and 2 * len(ids.intersection(known)) >= len(known):
            # Of `lab` and `lab2` the longer name says more.
            says_so = name.casefold() in path.casefold()
            rated[name] = (len(ids.intersection(known)) / len(known), says_so, len(name) if says_so else 0)
    return rated
