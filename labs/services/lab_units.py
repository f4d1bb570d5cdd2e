"""The names of labs: of a release's, and of any."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import OuterRef, Prefetch, Subquery

from courses.models import CourseRelease, CourseText, Unit, UnitText
from courses.texts import pick_text
from labs.models import Lab, LabUnit


def find_title(release: CourseRelease, slug: str, language: str) -> str:
    """A lab's title in a language or the course's own; its slug where the release has it no more."""
    return find_titles(release, language).get(slug, slug)


def find_titles(release: CourseRelease, language: str) -> dict[str, str]:
    """Titles of all labs of a release, by slug, in the order of the course."""
    texts = (
        UnitText.objects.filter(unit__release=release, unit__lab_unit__isnull=False)
        .order_by("unit__position")
        .select_related("unit")
        .only("unit__slug", "language", "title")
    )
    by_slug: dict[str, list[UnitText]] = {}
    for text in texts:
        by_slug.setdefault(text.unit.slug, []).append(text)
    return {
        slug: pick_text(texts, language, release.source_language).title for slug, texts in by_slug.items()
    }


@dataclass(frozen=True)
class LabName:
    """A lab as people know it: titles with their languages, and the slugs that are its address."""

    course_slug: str
    slug: str
    course_title: str
    course_language: str
    title: str
    language: str


def find_lab_names(labs: Iterable[int], language: str) -> dict[int, LabName]:
    """Of labs of any courses: as the newest release that has them says, in four queries."""
    newest = LabUnit.objects.filter(release__lab=OuterRef("pk")).order_by("-unit__release__number")
    found = Lab.objects.filter(pk__in=set(labs)).select_related("course")
    unit_ids = {lab: lab.unit_id for lab in found.annotate(unit_id=Subquery(newest.values("unit")[:1]))}
    units = (
        Unit.objects.select_related("release")
        .prefetch_related(
            Prefetch("texts", UnitText.objects.only("unit", "language", "title")),
            Prefetch("release__texts", CourseText.objects.only("release", "language", "title")),
        )
        .in_bulk([unit for unit in unit_ids.values() if unit])
    )
    return {lab.pk: _name_of(lab, units.get(unit), language) for lab, unit in unit_ids.items()}


def _name_of(lab: Lab, unit: Unit | None, language: str) -> LabName:
    """A lab that no release has any more goes by its slug."""
    slug = lab.course.slug
    if unit is None:
        return LabName(slug, lab.slug, slug, "", lab.slug, "")
    source = unit.release.source_language
    course = pick_text(unit.release.texts.all(), language, source)
    text = pick_text(unit.texts.all(), language, source)
    return LabName(slug, lab.slug, course.title, course.language, text.title, text.language)
