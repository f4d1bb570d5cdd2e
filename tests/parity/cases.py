"""Assignments and what learners handed in: labs of our own from `labs/`, the demo course's, and the shared data's."""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.parity.variants import hand_in, release, solve

ROOT = Path(__file__).parents[2]
LABS = Path(__file__).parent / "labs"
DEMO = (
    ROOT / "courses" / "demo" / "ai-factory-essentials" / "modules" / "10-data-pipeline" / "40-clean-the-data"
)
DUE_AT = datetime(2026, 1, 1, 12)
DEMO_NAME = "clean-the-data"
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Submission:
    """What one learner handed in; `seconds_late` is counted from the due time, None without a time."""

    learner: str
    files: Files
    seconds_late: int | None = None

    @property
    def digest(self) -> str:
        return digest_files(self.files, extra=str(self.seconds_late))


@dataclass(frozen=True)
class Assignment:
    """An assignment with its submissions. `quick` names those that `make test` grades; the others are the soak's.

    `upgrade`: an instructor would be told to run `nbgrader update` first, which Paja does by itself.
    """

    name: str
    source: Files
    submissions: tuple[Submission, ...]
    cell_seconds: int = 30
    late: str = ""
    upgrade: bool = False
    is_ours: bool = True
    quick: frozenset[str] = field(default=frozenset())

    @property
    def digest(self) -> str:
        return digest_files(self.source, extra=f"{self.cell_seconds} {self.late} {self.upgrade}")

    def shorten(self) -> "Assignment":
        kept = tuple(each for each in self.submissions if each.learner in self.quick)
        return replace(self, submissions=kept)

    def write(self, course: Path) -> None:
        """Lay it out as nbgrader's course folder does."""
        _write_files(course / "source" / self.name, self.source)
        for submission in self.submissions:
            folder = course / "submitted" / submission.learner / self.name
            _write_files(folder, submission.files)
            if submission.seconds_late is not None:
                (folder / "timestamp.txt").write_text(_format_time(submission.seconds_late))


def digest_files(files: Files, *, extra: str = "") -> str:
    """One short digest of names and contents."""
    digest = hashlib.sha256(extra.encode())
    for path, content in sorted(files.items()):
        digest.update(f"\0{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]


def list_own() -> list[str]:
    """The names of all labs of this project that are graded here."""
    return [*sorted(path.parent.name for path in LABS.glob("*/variants.toml")), DEMO_NAME]


def load_own(name: str) -> Assignment:
    return _load_demo() if name == DEMO_NAME else _load_lab(LABS / name)


def _load_lab(folder: Path) -> Assignment:
    told = tomllib.loads((folder / "variants.toml").read_text())
    source = read_files(folder / "source")
    return _vary(folder.name, source, told)


def _load_demo() -> Assignment:
    source = {
        path: content for place in ("source", "files") for path, content in read_files(DEMO / place).items()
    }
    return _vary(DEMO_NAME, source, tomllib.loads((LABS / f"{DEMO_NAME}.toml").read_text()))


def _vary(name: str, source: Files, told: Mapping[str, Any]) -> Assignment:
    blank, solved = release(source), solve(source)
    submissions = [Submission("blank", blank), Submission("solution", solved)]
    for learner, variant in told["variants"].items():
        base = blank if variant.get("base") == "blank" else solved
        submissions.append(Submission(learner, hand_in(base, variant), variant.get("seconds_late")))
    return Assignment(
        name=name,
        source=source,
        submissions=tuple(submissions),
        cell_seconds=told.get("cell_seconds", 30),
        late=told.get("late", ""),
        upgrade=told.get("upgrade", False),
        quick=frozenset(["blank", "solution", *list(told["variants"])[: told.get("quick", 2)]]),
    )


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _walk(folder)}


def _walk(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _write_files(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _format_time(seconds_late: int) -> str:
    return f"{DUE_AT + timedelta(seconds=seconds_late)} UTC"
