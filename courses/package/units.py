"""Reading the units of a module: Markdown files with their translations, and folders such as a lab's."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from courses.package.contents import PackageFile
from courses.package.names import PlacedName, find_about_language, find_placed_name, find_text_name
from courses.package.reading import Reading
from courses.package.schemas import UnitTable
from courses.package.texts import ReadText
from courses.quizzes import has_quiz
from courses.unit_kinds import UnitSource

READING, QUIZ = "reading", "quiz"


@dataclass
class ReadUnit:
    """A unit as read. `path` is its folder, or its files without language and ending; `place` the number before it."""

    path: str
    place: int
    slug: str
    kind: str
    folder: Path
    title: Mapping[str, str]
    texts: Mapping[str, ReadText]
    minutes: int | None = None
    is_optional: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[PackageFile, ...] = ()
    data: object = None

    def check_kind(self, reading: Reading) -> None:
        """Let the unit's kind report what is wrong with it, and keep what the kind returns."""
        kind = reading.kinds.get(self.kind)
        if kind is None:
            if self.kind:
                message = _("“%(kind)s” is no kind of unit; known are %(known)s.")
                names = {"kind": self.kind, "known": ", ".join(sorted(reading.kinds))}
                reading.report(self.path, message % names, code="unknown-kind")
            return
        if not reading.tree.is_whole(self.path):  # a kind reads its files itself
            return
        bodies = {language: text.body for language, text in self.texts.items()}
        source = UnitSource(self.path, self.folder, reading.languages, bodies, self.settings)
        self.data = kind.check(source, reading.report)


def read_units(reading: Reading, module: str) -> list[ReadUnit]:
    """The units of a module's folder in their order; what is no unit's is left."""
    names: dict[str, PlacedName] = {}
    paths: dict[str, dict[str, str]] = defaultdict(dict)
    for name in reading.tree.files_in(module):
        if placed := find_text_name(name):
            names[placed.stem] = placed
            paths[placed.stem][placed.language] = f"{module}/{name}"
    units = [_read_text_unit(reading, module, placed, paths[stem]) for stem, placed in names.items()]
    units += [
        _read_folder_unit(reading, f"{module}/{name}", folder)
        for name in reading.tree.folders_in(module)
        if (folder := find_placed_name(name))
    ]
    return sorted(units, key=lambda unit: (unit.place, unit.path))


def _read_text_unit(reading: Reading, module: str, placed: PlacedName, paths: Mapping[str, str]) -> ReadUnit:
    reading.check_text_languages(paths)
    read = {language: reading.text(path, language, has_title=True) for language, path in paths.items()}
    texts = {language: text for language, text in read.items() if text}
    first = reading.languages[0] if reading.languages else next(iter(paths))
    front_matter = texts[first].front_matter if first in texts else None
    unit = ReadUnit(
        path=f"{module}/{placed.stem}",
        place=placed.place,
        slug=placed.slug,
        kind=QUIZ if any(has_quiz(text.body) for text in texts.values()) else READING,
        folder=reading.tree.root / module,
        title={language: text.title for language, text in texts.items()},
        texts=texts,
    )
    if front_matter:
        unit.minutes, unit.is_optional = front_matter.minutes, front_matter.optional
    for text in texts.values():
        if not text.body.strip():
            reading.report(text.path, _("This text has a title and nothing else."), code="empty-text")
    return unit


def _read_folder_unit(reading: Reading, path: str, placed: PlacedName) -> ReadUnit:
    files = reading.tree.files_in(path)
    tables = [name for name in files if name.endswith(".toml")]
    unit = ReadUnit(
        path=path,
        place=placed.place,
        slug=placed.slug,
        kind=tables[0].removesuffix(".toml") if len(tables) == 1 else "",
        folder=reading.tree.root / path,
        title={},
        texts=reading.about_texts(path),
        files=reading.tree.files_below(path),
    )
    if not unit.kind:
        message = _("A unit that is a folder has one file that says its kind and settings, such as lab.toml.")
        reading.report(path, message, code="missing-file")
        return unit
    known = {tables[0], *(name for name in files if find_about_language(name))}
    reading.report_unknown(path, sorted(set(files) - known))
    table = reading.table(f"{path}/{tables[0]}")
    if table:
        reading.check_translations(table, "title")
    settings = reading.checked(table, UnitTable)
    if settings:
        unit.title, unit.minutes, unit.is_optional = settings.title, settings.minutes, settings.optional
        unit.settings = settings.settings()
    return unit
