"""The names of a release's labs."""

from courses.models import CourseRelease, UnitText
from courses.texts import pick_text


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
