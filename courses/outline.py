"""The shape of a course as one person sees it: titles in their language, what is done, what is next."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Prefetch, prefetch_related_objects

from courses.models import CourseRelease, CourseText, ModuleText, Unit, UnitProgress, UnitText
from courses.texts import pick_text


@dataclass(frozen=True)
class UnitEntry:
    unit: Unit
    text: UnitText
    progress: UnitProgress | None
    url: str

    @property
    def is_done(self) -> bool:
        return self.progress is not None and self.progress.completed_at is not None

    @property
    def is_started(self) -> bool:
        return self.progress is not None


@dataclass(frozen=True)
class ModuleEntry:
    slug: str
    text: ModuleText
    units: tuple[UnitEntry, ...]

    @property
    def minutes(self) -> int:
        return sum(entry.unit.minutes or 0 for entry in self.units)


@dataclass(frozen=True)
class Outline:
    """A release's modules and units in order; the counts leave optional units out."""

    release: CourseRelease
    text: CourseText
    modules: tuple[ModuleEntry, ...]
    url: str

    @cached_property
    def units(self) -> tuple[UnitEntry, ...]:
        return tuple(entry for module in self.modules for entry in module.units)

    @cached_property
    def required(self) -> tuple[UnitEntry, ...]:
        return tuple(entry for entry in self.units if not entry.unit.is_optional)

    @cached_property
    def done_count(self) -> int:
        return sum(entry.is_done for entry in self.required)

    @property
    def is_started(self) -> bool:
        return any(entry.is_started for entry in self.units)

    @cached_property
    def next_unit(self) -> UnitEntry | None:
        """The first unit that still counts towards completion."""
        return next((entry for entry in self.required if not entry.is_done), None)

    @cached_property
    def scored(self) -> tuple[UnitProgress, ...]:
        return tuple(
            entry.progress for entry in self.units if entry.progress and entry.progress.score is not None
        )

    @property
    def score(self) -> float:
        return sum(row.score or 0 for row in self.scored)

    @property
    def max_score(self) -> float:
        return sum(row.max_score or 0 for row in self.scored)

    @property
    def minutes_left(self) -> int:
        return sum(entry.unit.minutes or 0 for entry in self.required if not entry.is_done)

    def entry_of(self, slug: str) -> UnitEntry:
        return next(entry for entry in self.units if entry.unit.slug == slug)

    def module_of(self, slug: str) -> ModuleEntry:
        return next(each for each in self.modules if any(entry.unit.slug == slug for entry in each.units))

    def around(self, slug: str) -> tuple[UnitEntry | None, UnitEntry | None]:
        """The units before and after one."""
        slugs = [entry.unit.slug for entry in self.units]
        at = slugs.index(slug)
        before = self.units[at - 1] if at > 0 else None
        after = self.units[at + 1] if at + 1 < len(slugs) else None
        return before, after


def load_outlines(releases: Sequence[CourseRelease]) -> None:
    """Load what `make_outline` reads for all of them in five queries, without the units' long texts."""
    titles = UnitText.objects.only("unit_id", "language", "title")
    units = Unit.objects.prefetch_related(Prefetch("texts", queryset=titles))
    prefetch_related_objects(releases, "texts", "modules__texts", Prefetch("modules__units", queryset=units))


@dataclass(frozen=True)
class Addresses:
    """Where the pages of a course are: in a cohort or in a preview."""

    course: str
    unit: Callable[[str], str]


def make_outline(
    release: CourseRelease,
    language: str,
    addresses: Addresses,
    progress: Iterable[UnitProgress] = (),
) -> Outline:
    """The outline of a release (see `load_outlines`) for a reader of `language` who has done `progress`."""
    by_slug = {row.unit_slug: row for row in progress}
    source = release.source_language

    def make_entry(unit: Unit) -> UnitEntry:
        return UnitEntry(
            unit=unit,
            text=pick_text(unit.texts.all(), language, source),
            progress=by_slug.get(unit.slug),
            url=addresses.unit(unit.slug),
        )

    modules = tuple(
        ModuleEntry(
            slug=module.slug,
            text=pick_text(module.texts.all(), language, source),
            units=tuple(make_entry(unit) for unit in module.units.all()),
        )
        for module in release.modules.all()
    )
    return Outline(
        release=release,
        text=pick_text(release.texts.all(), language, source),
        modules=modules,
        url=addresses.course,
    )
