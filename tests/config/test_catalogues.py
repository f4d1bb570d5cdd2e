"""All interface text is in English, Finnish and Greek: nothing missing, nothing doubtful, every place filled."""

import re
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import read_po

from deploy.development.messages import LANGUAGES, LOCALE, extract

PLACES = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    path = tmp_path_factory.mktemp("locale") / "django.pot"
    extract(path)
    return read_po(path.open("rb"))


def read_catalogue(language: str) -> Catalog:
    path: Path = LOCALE / language / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_in_the_catalogue(language: str, template: Catalog) -> None:
    catalogue = read_catalogue(language)
    missing = [m.id for m in template if m.id and catalogue.get(m.id, m.context) is None]
    assert missing == [], "make messages collects them"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_with_the_same_places(language: str) -> None:
    wrong = []
    for message in read_catalogue(language):
        ids, strings = as_texts(message.id), as_texts(message.string)
        places = {place for text in ids for place in PLACES.findall(text)}
        is_same = len(ids) > 1 or set(PLACES.findall(strings[0])) == places
        if ids[0] and (message.fuzzy or not all(strings) or not is_same):
            wrong.append(ids[0])
    assert wrong == []


def as_texts(value: object) -> tuple[str, ...]:
    """Singular and plurals of a message, or its only form."""
    return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value or ""),)
