"""Reading the parts of a package that name themselves per language, and what each reader shares with the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import gettext as _
from pydantic import BaseModel

from courses.package.files import Tree, read_text
from courses.package.limits import MAX_TEXT_BYTES, MAX_TOML_BYTES
from courses.package.names import find_about_language
from courses.package.tables import Table, check_table, read_table
from courses.package.texts import ReadText, split_text
from courses.unit_kinds import Report, UnitKind

Schema = TypeVar("Schema", bound=BaseModel)


@dataclass(frozen=True)
class Reading:
    """One reading of a package. `languages` is empty when course.toml does not say them."""

    tree: Tree
    languages: tuple[str, ...]
    kinds: Mapping[str, UnitKind]
    report: Report

    def table(self, path: str) -> Table | None:
        """A TOML file of the package; None, and a report, when it is missing or wrong."""
        if path not in self.tree.files:
            self.report(path, _("This file is missing."), code="missing-file")
            return None
        text = read_text(self.tree, path, self.report, max_bytes=MAX_TOML_BYTES)
        return read_table(text, path, self.report) if text is not None else None

    def checked(self, table: Table | None, schema: type[Schema]) -> Schema | None:
        """What a table says, by its schema."""
        return check_table(table, schema, self.report) if table else None

    def text(self, path: str, language: str, *, has_title: bool) -> ReadText | None:
        """A Markdown file of the package, or None and a report."""
        text = read_text(self.tree, path, self.report, max_bytes=MAX_TEXT_BYTES)
        if text is None:
            return None
        is_source = has_title and self.languages[:1] in ((), (language,))
        return split_text(text, path, self.report, has_title=has_title, may_have_front_matter=is_source)

    def about_texts(self, folder: str) -> dict[str, ReadText]:
        """The `about.<language>.md` of a folder, by language; they have no title."""
        start = f"{folder}/" if folder else ""
        names = {find_about_language(name): f"{start}{name}" for name in self.tree.files_in(folder)}
        names.pop("", None)
        self.check_text_languages(names)
        texts = {language: self.text(path, language, has_title=False) for language, path in names.items()}
        return {language: text for language, text in texts.items() if text}

    def check_text_languages(self, paths: Mapping[str, str]) -> None:
        """Report texts in a language that the course does not have, and a missing text in its first language."""
        for language, path in paths.items():
            if self.languages and language not in self.languages:
                message = _("“%(language)s” is not among the languages in course.toml.") % {
                    "language": language
                }
                self.report(path, message, code="unknown-language")
        if paths and self.languages and self.languages[0] not in paths:
            language, path = min(paths.items())
            path = path.removesuffix(f".{language}.md") + f".{self.languages[0]}.md"
            message = _("This file is missing: “%(language)s” is the course's first language.")
            self.report(path, message % {"language": self.languages[0]}, code="missing-file")

    def check_translations(self, table: Table, key: str) -> None:
        """Report a table of texts per language that lacks one, or has one that the course does not have."""
        given = table.data.get(key)
        if not isinstance(given, dict) or not self.languages:
            return
        for language in self.languages:
            if language not in given:
                message = _("“%(key)s” is missing in “%(language)s”.") % {"key": key, "language": language}
                self.report(table.path, message, line=table.line_of(key), code="missing-translation")
        for language in given:
            if language not in self.languages:
                message = _("“%(language)s” is not among the languages in course.toml.") % {
                    "language": language
                }
                self.report(table.path, message, line=table.line_of(key, language), code="unknown-language")

    def report_unknown(self, folder: str, names: Iterable[str]) -> None:
        """Report what lies in a folder and is no part of a course."""
        for name in names:
            path = f"{folder}/{name}" if folder else name
            self.report(path, _("This is no part of a course package."), code="unknown-file")
