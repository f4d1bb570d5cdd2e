"""Message catalogues without gettext's own tools."""

import gettext
import io
from pathlib import Path

from deploy.development.messages import compile_catalogues, extract_django

CATALOGUE = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Language: fi\\n"

msgid "Start lab"
msgstr "Käynnistä labra"
"""


def test_a_catalogue_is_compiled_once_and_again_when_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "fi" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text(CATALOGUE)

    assert compile_catalogues(tmp_path) == 1
    assert compile_catalogues(tmp_path) == 0
    with (folder / "django.mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Start lab") == "Käynnistä labra"


def test_texts_of_templates_are_found() -> None:
    template = b"""{% load i18n %}{% translate "Stop" %}
    {% blocktranslate trimmed count n=n %}one file{% plural %}{{ n }} files{% endblocktranslate %}"""

    keywords = {"gettext": None, "ngettext": (1, 2), "_": None}
    found = [
        message
        for _line, _function, message, _comments in extract_django(io.BytesIO(template), keywords, [], {})
    ]

    assert "Stop" in found
    assert ("one file", "%(n)s files") in [message[:2] for message in found if isinstance(message, tuple)]
