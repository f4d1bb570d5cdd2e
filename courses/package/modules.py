"""Reading the modules of a package and what lies in them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import gettext as _

from courses.package.contents import PackageFile
from courses.package.names import find_placed_name, find_text_name
from courses.package.reading import Reading
from courses.package.schemas import ModuleTable
from courses.package.units import ReadUnit, read_units

MODULES = "modules"

# Folders of a module whose files its texts can show or offer, of whatever type: what a browser could run is only
# ever offered as a download (services.importing).
FILE_FOLDERS = ("files", "images")


@dataclass
class ReadModule:
    """A module as read; `path` is its folder."""

    path: str
    place: int
    slug: str
    title: Mapping[str, str]
    units: list[ReadUnit]
    files: tuple[PackageFile, ...]


Placed = TypeVar("Placed", ReadModule, ReadUnit)


def read_modules(reading: Reading) -> list[ReadModule]:
    """All modules in their order, and the report of what no module or unit owns."""
    modules = []
    for name in reading.tree.folders_in(MODULES):
        placed = find_placed_name(name)
        if placed is None:
            message = _("A module's folder is named like “10-data-pipeline”: its place, and a slug.")
            reading.report(f"{MODULES}/{name}", message, code="wrong-name")
        else:
            modules.append(_read_module(reading, f"{MODULES}/{name}", placed.place, placed.slug))
    reading.report_unknown(MODULES, reading.tree.files_in(MODULES))
    if not reading.tree.folders_in(MODULES):
        reading.report(MODULES, _("A course has at least one module."), code="no-modules")
    _report_twins(reading, modules)
    return sorted(modules, key=lambda module: (module.place, module.path))


def _read_module(reading: Reading, path: str, place: int, slug: str) -> ReadModule:
    table = reading.table(f"{path}/module.toml")
    if table:
        reading.check_translations(table, "title")
    settings = reading.checked(table, ModuleTable)
    module = ReadModule(
        path=path,
        place=place,
        slug=slug,
        title=settings.title if settings else {},
        units=read_units(reading, path),
        files=tuple(file for folder in FILE_FOLDERS for file in reading.tree.files_below(f"{path}/{folder}")),
    )
    if not module.units:
        reading.report(path, _("A module has at least one unit."), code="no-units")
    _report_strays(reading, module)
    return module


def _report_strays(reading: Reading, module: ReadModule) -> None:
    for name in reading.tree.files_in(module.path):
        if name.endswith(".md") and not find_text_name(name):
            message = _("A text is named like “10-what-it-is.en.md”: its place, a slug, and its language.")
            reading.report(f"{module.path}/{name}", message, code="wrong-name")
        elif name != "module.toml" and not find_text_name(name):
            reading.report_unknown(module.path, [name])
    folders = reading.tree.folders_in(module.path)
    reading.report_unknown(
        module.path, [name for name in folders if name not in FILE_FOLDERS and not find_placed_name(name)]
    )


def _report_twins(reading: Reading, modules: list[ReadModule]) -> None:
    """Report places and slugs that are taken: places count within their folder, slugs through the course."""
    units = [unit for module in modules for unit in module.units]
    places = _("“%(first)s” has the same place.")
    slugs = _("“%(first)s” has the same slug: it names one thing in the whole course.")
    _report_same(reading, modules, lambda each: str(each.place), "same-place", places)
    _report_same(reading, modules, lambda each: each.slug, "same-slug", slugs)
    _report_same(reading, units, lambda each: each.slug, "same-slug", slugs)
    for module in modules:
        _report_same(reading, module.units, lambda each: str(each.place), "same-place", places)


def _report_same(
    reading: Reading, things: Iterable[Placed], key: Callable[[Placed], str], code: str, message: str
) -> None:
    first: dict[str, str] = {}
    for thing in sorted(things, key=lambda each: each.path):
        path = first.setdefault(key(thing), thing.path)
        if path != thing.path:
            reading.report(thing.path, message % {"first": path}, code=code)
