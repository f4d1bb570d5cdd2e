"""Checking a whole package: reads every part, collects what is wrong, and makes a Package when nothing is."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from django.utils.translation import gettext as _

from courses.package.contents import Package, PackageModule, PackageText, PackageUnit, Problem
from courses.package.files import read_tree
from courses.package.links import LinkMap, resolve_links
from courses.package.modules import MODULES, ReadModule, read_modules
from courses.package.names import find_about_language
from courses.package.reading import Reading
from courses.package.reporting import Problems
from courses.package.schemas import CourseTable, is_language
from courses.package.tables import Table
from courses.package.texts import ReadText
from courses.unit_kinds import Report, UnitKind

COURSE = "course.toml"

Texts = dict[str, PackageText]


def check_package(folder: Path, kinds: Mapping[str, UnitKind]) -> tuple[Package | None, list[Problem]]:
    """Read a package and say everything that is wrong with it, by file and line; the Package only when nothing is.

    A package in order may have hints beside it.

    Nothing outside the folder is read, links are not followed, and sizes are checked before anything is
    parsed (`limits`). `kinds` are the kinds of unit by slug; each checks its own units.
    """
    problems = Problems()
    if not folder.is_dir():
        problems("", _("There is no such folder."), code="no-package")
        return None, problems.in_order()
    course, reading = _read_course(folder, kinds, problems)
    about = reading.about_texts("")
    modules = read_modules(reading)
    _report_strays(reading)
    for module in modules:
        for unit in module.units:
            unit.check_kind(reading)
    about_texts, texts = _resolve_texts(about, modules, reading)
    if problems.has_errors or course is None:
        return None, problems.in_order()
    package = _make_package(course, about_texts, modules, texts, reading.tree.content_hash())
    return package, problems.in_order()


def _read_course(
    folder: Path, kinds: Mapping[str, UnitKind], report: Report
) -> tuple[CourseTable | None, Reading]:
    reading = Reading(tree=read_tree(folder, report), languages=(), kinds=kinds, report=report)
    table = reading.table(COURSE)
    course = reading.checked(table, CourseTable)
    if table is None:
        return None, reading
    reading = Reading(reading.tree, _find_languages(table), kinds, report)
    reading.check_translations(table, "title")
    reading.check_translations(table, "summary")
    return course, reading


def _find_languages(table: Table) -> tuple[str, ...]:
    """The languages as written, even when something else in course.toml is wrong: the rest can still be checked."""
    given = table.data.get("languages")
    return tuple(filter(is_language, given)) if isinstance(given, list) else ()


def _report_strays(reading: Reading) -> None:
    files = reading.tree.files_in("")
    reading.report_unknown("", [name for name in files if name != COURSE and not find_about_language(name)])
    reading.report_unknown("", [name for name in reading.tree.folders_in("") if name != MODULES])


def _resolve_texts(
    about: Mapping[str, ReadText], modules: list[ReadModule], reading: Reading
) -> tuple[Texts, dict[str, Texts]]:
    """All texts with the targets of their links: the course's own by language, the units' by path and language."""
    links = _make_link_map(modules, reading)
    resolved = {
        unit.path: {
            language: _resolve_text(text, language, links, reading, unit=unit.slug, module=module)
            for language, text in unit.texts.items()
        }
        for module in modules
        for unit in module.units
    }
    own = {language: _resolve_text(text, language, links, reading) for language, text in about.items()}
    return own, resolved


def _make_link_map(modules: list[ReadModule], reading: Reading) -> LinkMap:
    units = [unit for module in modules for unit in module.units]
    paths = {unit.path: unit.slug for unit in units}
    paths |= {f"{unit.path}.md": unit.slug for unit in units}
    paths |= {text.path: unit.slug for unit in units for text in unit.texts.values()}
    anchors = {
        (unit.slug, language): frozenset(heading.anchor for heading in text.headings)
        for unit in units
        for language, text in unit.texts.items()
    }
    return LinkMap(paths, anchors, reading.languages)


def _resolve_text(
    text: ReadText,
    language: str,
    links: LinkMap,
    reading: Reading,
    *,
    unit: str = "",
    module: ReadModule | None = None,
) -> PackageText:
    targets = resolve_links(
        text,
        unit=unit,
        language=language,
        module=module.path if module else "",
        module_files=[file.path for file in module.files] if module else [],
        links=links,
        report=reading.report,
    )
    body = text.body.lstrip("\n")
    first_line = text.body.count("\n") - body.count("\n") + 1
    return PackageText(text.path, body.rstrip() + "\n" if body.strip() else "", first_line, targets)


def _make_package(
    course: CourseTable,
    about: Texts,
    modules: list[ReadModule],
    texts: Mapping[str, Texts],
    content_hash: str,
) -> Package:
    packaged = []
    position = 0
    for number, module in enumerate(modules, start=1):
        units = []
        for unit in module.units:
            position += 1
            units.append(
                PackageUnit(
                    path=unit.path,
                    slug=unit.slug,
                    kind=unit.kind,
                    position=position,
                    minutes=unit.minutes,
                    is_optional=unit.is_optional,
                    title=unit.title,
                    texts=texts[unit.path],
                    data=unit.data,
                    folder=unit.folder,
                    files=unit.files,
                )
            )
        packaged.append(
            PackageModule(module.slug, number, module.path, module.title, tuple(units), module.files)
        )
    return Package(
        slug=course.slug,
        languages=tuple(course.languages),
        title=course.title,
        summary=course.summary,
        about=about,
        hours=Decimal(str(course.hours)),
        level=course.level,
        skills=tuple(course.skills),
        completion=course.completion.model_dump(),
        modules=tuple(packaged),
        content_hash=content_hash,
    )
