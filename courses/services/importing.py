"""Making a release of a course package: all of it or nothing, and nothing when the content is known already."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Max

from courses import unit_kinds
from courses.markdown import parse_markdown, render_markdown
from courses.models import (
    Course,
    CourseRelease,
    CourseText,
    Module,
    ModuleText,
    Unit,
    UnitFile,
    UnitText,
    User,
)
from courses.models.content import content_storage
from courses.package import (
    Package,
    PackageFile,
    PackageModule,
    PackageText,
    PackageUnit,
    Problem,
    check_package,
)
from courses.package.files import read_tree
from courses.package.reporting import Problems, format_problems

# What a page may show or a browser may open; anything else is offered as a download.
CONTENT_TYPES: Final[Mapping[str, str]] = {
    ".csv": "text/csv; charset=utf-8",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webp": "image/webp",
}
DOWNLOAD: Final = "application/octet-stream"


class PackageProblemsError(Exception):
    """A package with something wrong in it; `problems` is everything that is."""

    reason = "package_problems"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(format_problems(problems))
        self.problems = problems


@dataclass(frozen=True)
class ImportResult:
    release: CourseRelease
    is_new: bool


def import_package(folder: Path, *, actor: User | None = None) -> ImportResult:
    """Check a package and make a release of it; the same content again gives the release made before.

    Raises PackageProblemsError with everything that is wrong, and then nothing is imported.
    """
    known = _find_release(_hash_package(folder))
    if known is not None:
        return ImportResult(known, is_new=False)
    kinds = unit_kinds.registered_kinds()
    package, problems = check_package(folder, kinds)
    if package is None:
        raise PackageProblemsError(problems)
    prepared = {unit.slug: kinds[unit.kind].prepare(unit) for unit in package.units}
    return _store_package(package, prepared, actor)


def _hash_package(folder: Path) -> str:
    """The package's content hash; empty when it has files that it may not have, which no hash counts."""
    problems = Problems()
    tree = read_tree(folder, problems)
    return "" if problems.has_errors else tree.content_hash()


def _find_release(content_hash: str) -> CourseRelease | None:
    """The release made of this content; the course's slug is part of the content."""
    return CourseRelease.objects.select_related("course").filter(content_hash=content_hash).first()


@transaction.atomic(durable=True)
def _store_package(package: Package, prepared: Mapping[str, object], actor: User | None) -> ImportResult:
    course, _ = Course.objects.get_or_create(slug=package.slug)
    course = Course.objects.select_for_update().get(pk=course.pk)  # two imports at once: one number each
    known = _find_release(package.content_hash)
    if known is not None:
        return ImportResult(known, is_new=False)
    last = course.releases.aggregate(last=Max("number"))["last"] or 0
    release = CourseRelease.objects.create(
        course=course,
        number=last + 1,
        content_hash=package.content_hash,
        languages=list(package.languages),
        hours=package.hours,
        level=package.level,
        skills=list(package.skills),
        completion=dict(package.completion),
        created_by=actor,
    )
    for language in package.languages:
        about = package.about.get(language)
        CourseText.objects.create(
            release=release,
            language=language,
            title=package.title[language],
            summary=package.summary[language],
            about_html=render_markdown(about.source, trusted=True, language=language) if about else "",
        )
    for module in package.modules:
        _store_module(release, module, prepared)
    return ImportResult(release, is_new=True)


def _store_module(release: CourseRelease, contents: PackageModule, prepared: Mapping[str, object]) -> None:
    module = Module.objects.create(release=release, slug=contents.slug, position=contents.position)
    for language, title in contents.title.items():
        ModuleText.objects.create(module=module, language=language, title=title)
    for file in contents.files:
        path = str(PurePosixPath(file.path).relative_to(contents.path))
        content_type = CONTENT_TYPES.get(PurePosixPath(path).suffix.lower(), DOWNLOAD)
        UnitFile.objects.create(
            module=module, path=path, content_type=content_type, content=_store_file(file)
        )
    for unit in contents.units:
        _store_unit(module, unit, prepared[unit.slug])


def _store_unit(module: Module, contents: PackageUnit, prepared: object) -> None:
    unit = Unit.objects.create(
        release=module.release,
        module=module,
        slug=contents.slug,
        kind=contents.kind,
        position=contents.position,
        minutes=contents.minutes,
        is_optional=contents.is_optional,
    )
    for language, title in contents.title.items():
        text = contents.texts.get(language)
        UnitText.objects.create(
            unit=unit,
            language=language,
            title=title,
            source=text.source if text else "",
            html=_render(text, module.slug, language) if text else "",
        )
    unit_kinds.get_kind(contents.kind).import_unit(unit, contents, prepared)


def _render(text: PackageText, module_slug: str, language: str) -> str:
    return render_markdown(
        _cut_quizzes(text.source),
        trusted=True,
        language=language,
        resolve=_address_finder(text, module_slug),
    )


def _cut_quizzes(source: str) -> str:
    """A text without its quiz blocks: the questions are drawn by the quiz, not by the text."""
    lines = source.split("\n")
    for token in parse_markdown(source):
        if token.type == "fence" and token.info.strip() == "quiz" and token.map:
            first, end = token.map
            lines[first:end] = [""] * (end - first)
    return "\n".join(lines)


def _address_finder(text: PackageText, module_slug: str) -> Callable[[str], str | None]:
    """From relative addresses of a package to relative addresses of pages.

    Units and files lie side by side in the URLs of a cohort and of a preview, so one text serves both.
    """

    def find_address(address: str) -> str | None:
        target = text.links.get(address)
        if target is None:
            return None
        if target.file:
            return f"../files/{module_slug}/{target.file}"
        fragment = f"#text-{target.fragment}" if target.fragment else ""  # render_markdown's prefix of ids
        return f"../{target.unit}/{fragment}" if target.unit else fragment

    return find_address


def _store_file(file: PackageFile) -> str:
    """Put a file into the storage under its digest, so that importing again stores nothing twice."""
    storage = content_storage()
    name = f"unit-files/{file.sha256[:2]}/{file.sha256}"
    if not storage.exists(name):
        storage.save(name, ContentFile(file.location.read_bytes()))
    return name
