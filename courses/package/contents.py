"""What a course package holds once it has been found in order, and what is wrong with one that is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or a hint. `path` is relative to the package, `code` a slug, `message` a sentence."""

    path: str
    line: int | None
    code: str
    message: str
    is_hint: bool = False


@dataclass(frozen=True)
class PackageFile:
    """A file of the package, on the disk at `location`. `path` is relative to the package."""

    path: str
    location: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class LinkTarget:
    """Where a relative link of a text leads: to a unit of the course, or to a file of the text's module.

    `file` is relative to the module's folder. `fragment` is the heading's anchor, without `#`.
    """

    unit: str = ""
    file: str = ""
    fragment: str = ""


@dataclass(frozen=True)
class PackageText:
    """A text in one language: Markdown without front matter and title; in the file it begins at `first_line`.

    `links` has each relative address of it, as `courses.markdown.render_markdown` hands it to `resolve`.
    """

    path: str
    source: str
    first_line: int
    links: Mapping[str, LinkTarget]


@dataclass(frozen=True)
class PackageUnit:
    """A unit. `position` counts through the course from 1, `folder` is where its files lie.

    `path` names it in reports: its folder, or its files without language and ending. `title` and `texts` have
    the course's first language, and others where they are translated. `data` is what the check of its kind
    returned. `files` are those of a unit that is a folder.
    """

    path: str
    slug: str
    kind: str
    position: int
    minutes: int | None
    is_optional: bool
    title: Mapping[str, str]
    texts: Mapping[str, PackageText]
    data: object
    folder: Path
    files: tuple[PackageFile, ...]


@dataclass(frozen=True)
class PackageModule:
    """A module. `path` is its folder in the package, `files` are what its texts can show and link to."""

    slug: str
    position: int
    path: str
    title: Mapping[str, str]
    units: tuple[PackageUnit, ...]
    files: tuple[PackageFile, ...]


@dataclass(frozen=True)
class Package:
    """A course package in which nothing is wrong.

    `languages[0]` is the one the course was written in; `title` and `summary` have all of them. `completion`
    is `{"rule": "all-units", "pass_share": 0.6}`. `content_hash` is a SHA-256 over all files that count.
    """

    slug: str
    languages: tuple[str, ...]
    title: Mapping[str, str]
    summary: Mapping[str, str]
    about: Mapping[str, PackageText]
    hours: Decimal
    level: str
    skills: tuple[str, ...]
    completion: Mapping[str, object]
    modules: tuple[PackageModule, ...]
    content_hash: str

    @property
    def units(self) -> tuple[PackageUnit, ...]:
        """All units in the order of the course."""
        return tuple(unit for module in self.modules for unit in module.units)
