"""Which language a reader gets: their own where it exists, else the one the course was written in."""

from collections.abc import Iterable
from typing import Protocol, TypeVar


class InLanguage(Protocol):
    language: str


T = TypeVar("T", bound=InLanguage)


def pick_text(texts: Iterable[T], language: str, source_language: str) -> T:
    """The text in `language`, else in `source_language`; a release without the latter does not exist."""
    by_language = {text.language: text for text in texts}
    return by_language.get(language) or by_language[source_language]
