"""Names in a package: `10-data-pipeline` gives a place and a slug, `10-what-it-is.en.md` a language besides."""

import re
from dataclasses import dataclass

from courses.package.limits import MAX_NAME, MAX_SLUG

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PLACED = re.compile(rf"(?P<place>[0-9]{{2,3}})-(?P<slug>{SLUG.pattern})")
_TEXT = re.compile(rf"{_PLACED.pattern}\.(?P<language>[A-Za-z]{{2,3}}(?:-[A-Za-z]{{2,4}})?)\.md")
_ABOUT = re.compile(r"about\.(?P<language>[A-Za-z]{2,3}(?:-[A-Za-z]{2,4})?)\.md")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

# Names of devices on Windows, where people unpack packages too.
_RESERVED = frozenset(
    {"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)

# About the package rather than in it.
_ABOUT_PACKAGE = frozenset({"license", "license.md", "license.txt", "readme", "readme.md"})


@dataclass(frozen=True)
class PlacedName:
    """The parts of a name; `stem` is the name without language and ending."""

    place: int
    slug: str
    stem: str
    language: str = ""


def find_placed_name(name: str) -> PlacedName | None:
    """The parts of a folder's name such as `10-data-pipeline`; None when it is named otherwise."""
    match = _PLACED.fullmatch(name)
    if match is None or len(match["slug"]) > MAX_SLUG:
        return None
    return PlacedName(int(match["place"]), match["slug"], name)


def find_text_name(name: str) -> PlacedName | None:
    """The parts of a text's name such as `10-what-it-is.en.md`; None when it is named otherwise."""
    match = _TEXT.fullmatch(name)
    if match is None or len(match["slug"]) > MAX_SLUG:
        return None
    return PlacedName(
        int(match["place"]), match["slug"], f"{match['place']}-{match['slug']}", match["language"]
    )


def find_about_language(name: str) -> str:
    """The language of `about.en.md`; empty when it is named otherwise."""
    match = _ABOUT.fullmatch(name)
    return match["language"] if match else ""


def is_plain(name: str) -> bool:
    """Whether every file system and address can carry the name: ASCII letters, digits, `.`, `_`, `-`."""
    return bool(_PLAIN.fullmatch(name)) and len(name) <= MAX_NAME and name[-1] != "."


def is_reserved(name: str) -> bool:
    """Whether the name, whatever its ending, means a device on Windows."""
    return name.split(".", maxsplit=1)[0].lower() in _RESERVED


def is_ignored(path: str) -> bool:
    """Whether a file counts for nothing: hidden, left by Python, or a README or licence beside course.toml."""
    name = path.rpartition("/")[2]
    return name.startswith(".") or name == "__pycache__" or path.lower() in _ABOUT_PACKAGE
