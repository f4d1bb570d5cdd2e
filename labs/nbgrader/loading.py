"""A release as its grading runs need it, read once and kept in the process; nothing of a learner is in it.

Nobody may change what is kept: a run that wants to write takes a copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from nbgrader import utils

from labs.keeping import BoundedCache
from labs.nbgrader.gradebook import KeptNotebook, read_gradebook
from labs.nbgrader.languages import find_language
from labs.nbgrader.mending.recognising import ReleasedNotebook, read_id
from labs.nbgrader.messages import find_messages, has_test
from labs.nbgrader.notebooks import read_source
from labs.nbgrader.results import ReleasedLab
from labs.nbgrader.twin.origins import Origins, read_origins

MAX_RELEASES: Final = 32
MAX_BYTES: Final = 128 * 1024 * 1024  # of memory, as it is estimated

# What nbformat makes of a file, at most: measured for objects without end, texts, numbers and many cells.
_OF_TEXT: Final = 6
_OF_CONTAINER: Final = 450


@dataclass(frozen=True)
class AuthorsWords:
    """What the author's own notebook says and the learner's does not: tags by grade id, and where names come from."""

    tags: Mapping[str, tuple[str, ...]]
    origins: Origins


class LoadedNotebook:
    """One notebook of a release; each part is read when it is first asked for."""

    def __init__(self, release: "LoadedRelease", name: str, *, source: bytes, given: bytes) -> None:
        self._release = release
        self._name = name
        self._source = source
        self._given = given

    @property
    def weight(self) -> int:
        """Bytes of memory. Of the source, tags and names are kept; an empty object takes 200 times its file."""
        containers = self._given.count(b"{") + self._given.count(b"[")
        return len(self._source) + _OF_TEXT * len(self._given) + _OF_CONTAINER * containers

    @cached_property
    def released(self) -> ReleasedNotebook:
        """As learners got it."""
        return ReleasedNotebook(read_source(self._given))

    @cached_property
    def language(self) -> str:
        return find_language(self.released.notebook)  # the source may leave it to its kernel

    @cached_property
    def kept(self) -> KeptNotebook:
        """What nbgrader's gradebook has of it."""
        return self._release.gradebook[self._name]

    @cached_property
    def author(self) -> AuthorsWords:
        notebook = read_source(self._source)
        tags = {
            read_id(cell): tuple(cell.metadata.get("tags", ()))
            for cell in notebook.cells
            if "nbgrader" in cell.metadata
        }
        origins = read_origins(cell.source for cell in notebook.cells if cell.cell_type == "code")
        return AuthorsWords(tags, origins)

    @cached_property
    def messages(self) -> Mapping[str, frozenset[str]]:
        """By grade id what the author's tests, hidden ones included, may say to the learner."""
        cells = self.kept.source_cells.values()
        return {
            cell.name: find_messages(cell.source)
            for cell in cells
            if cell.locked and cell.cell_type == "code"
        }

    @cached_property
    def fixed_texts(self) -> Mapping[str, str]:
        """By grade id what reads in the learner's release as its author locked it."""
        fixed = [cell for cell in self.released.cells if utils.is_locked(cell) or utils.is_task(cell)]
        return {read_id(cell): cell.source for cell in fixed}

    @cached_property
    def graded_texts(self) -> Mapping[str, str]:
        """By grade id what a learner sees of a graded cell before they write anything."""
        return {read_id(cell): cell.source for cell in self.released.cells if utils.is_grade(cell)}

    @cached_property
    def visible_tests(self) -> frozenset[str]:
        """The graded code cells in which a learner sees a test."""
        code = [cell for cell in self.released.cells if cell.cell_type == "code" and utils.is_grade(cell)]
        return frozenset(read_id(cell) for cell in code if has_test(cell.source))


class LoadedRelease:
    """What is made of a release once, for all the submissions to it."""

    def __init__(self, lab: ReleasedLab) -> None:
        self._gradebook = lab.gradebook
        self.notebooks = {
            name: LoadedNotebook(
                self, name, source=lab.source[f"{name}.ipynb"], given=lab.learner_files[f"{name}.ipynb"]
            )
            for name in lab.notebooks
        }

    @property
    def weight(self) -> int:
        return len(self._gradebook) + sum(notebook.weight for notebook in self.notebooks.values())

    @cached_property
    def gradebook(self) -> Mapping[str, KeptNotebook]:
        return read_gradebook(self._gradebook)


_loaded: Final = BoundedCache[LoadedRelease](max_items=MAX_RELEASES, max_weight=MAX_BYTES)


def load_release(lab: ReleasedLab) -> LoadedRelease:
    """The same object for the same content, as long as it is kept."""
    return _loaded.find_or_make(lab.digest, lambda: LoadedRelease(lab), lambda made: made.weight)
