"""nbgrader's course folder, read as nbgrader reads it: `source/<assignment>`, `submitted/<learner>/<assignment>`."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from labs.nbgrader.course_settings import CourseSettings, read_settings
from labs.nbgrader.results import is_notebook_path

TIMESTAMP: Final = "timestamp.txt"
_AUTOTESTS: Final = "autotests.yml"
# nbgrader's CourseDirectory.ignore.
_IGNORED: Final = (".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback")
# What other systems leave in archives that they made.
_LITTER: Final = ("__MACOSX", "._*", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class CourseFolder:
    """A course folder on this machine, whose author is trusted with it; its learners are not."""

    root: Path
    settings: CourseSettings

    @classmethod
    def open(cls, root: Path) -> "CourseFolder":
        return cls(root, read_settings(root))

    @property
    def source_folder(self) -> Path:
        return self.root / (self.settings.find("CourseDirectory", "source_directory", str) or "source")

    @property
    def submitted_folder(self) -> Path:
        return self.root / (self.settings.find("CourseDirectory", "submitted_directory", str) or "submitted")

    def list_assignments(self) -> list[str]:
        return _list_folders(self.source_folder)

    def read_source(self, assignment: str) -> dict[str, bytes]:
        """The author's files. Links are followed to where they lead inside the course."""
        source = dict(self._read(self.source_folder / assignment, within=self.root.resolve()))
        shared = self.root / _AUTOTESTS
        if _AUTOTESTS not in source and shared.is_file():
            source[_AUTOTESTS] = shared.read_bytes()
        return source

    def find_learners(self, assignment: str) -> dict[str, Path]:
        """The folder of each learner who handed the assignment in, by the learner's name."""
        named = {
            name: self.submitted_folder / name / assignment for name in _list_folders(self.submitted_folder)
        }
        return {name: folder for name, folder in named.items() if folder.is_dir()}

    def read_submission(self, folder: Path, *, limit: int) -> dict[str, bytes]:
        """The learner's files, each up to `limit` bytes and one; a link could lead anywhere, so it is left out."""
        return dict(self._read(folder, limit=limit))

    def _read(
        self, folder: Path, *, limit: int | None = None, within: Path | None = None
    ) -> Iterator[tuple[str, bytes]]:
        patterns = self._ignored_patterns()
        for place, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not _matches(name, patterns))
            for name in sorted(names):
                path = Path(place) / name
                if _matches(name, patterns) or not _is_readable(path, within):
                    continue
                relative = path.relative_to(folder).as_posix()
                # As nbgrader: a notebook in a folder of an assignment belongs to nobody.
                if relative.endswith(".ipynb") and not is_notebook_path(relative):
                    continue
                with path.open("rb") as file:
                    yield relative, file.read() if limit is None else file.read(limit + 1)

    def _ignored_patterns(self) -> tuple[str, ...]:
        own = self.settings.find("CourseDirectory", "ignore", list)
        chosen = _IGNORED if own is None else tuple(name for name in own if isinstance(name, str))
        return (*chosen, *_LITTER)


def read_timestamp(folder: Path) -> datetime | None:
    """When a submission came in (UTC, naive as nbgrader's), by its `timestamp.txt`. Raises ValueError."""
    from nbgrader.utils import parse_utc

    path = folder / TIMESTAMP
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        text = file.read(200).decode(errors="replace").strip()
    if not text:
        return None
    try:
        told: datetime = parse_utc(text)
    except (ValueError, OverflowError, TypeError) as error:
        raise ValueError(f"no time: {text[:50]!r}") from error
    return told


def _list_folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _is_readable(path: Path, within: Path | None) -> bool:
    if path.is_symlink() and (within is None or not path.resolve().is_relative_to(within)):
        return False
    return path.is_file()
