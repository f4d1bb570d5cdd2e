from datetime import UTC, datetime

import pytest
from pytest_django import DjangoAssertNumQueries

from courses.models import CourseRelease, UnitProgress
from courses.outline import Addresses, Outline, load_outlines, make_outline
from tests.factories import courses as make

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADDRESSES = Addresses(course="/course/", unit=lambda slug: f"/course/{slug}/")


def outline_of(release: CourseRelease, *done: str, language: str = "en") -> Outline:
    load_outlines([release])
    progress = [UnitProgress(unit_slug=slug, opened_at=NOON, completed_at=NOON) for slug in done]
    return make_outline(release, language, ADDRESSES, progress)


def test_the_next_unit_is_the_first_that_is_not_done(release: CourseRelease) -> None:
    entry = outline_of(release, "read").next_unit

    assert entry is not None
    assert (entry.unit.slug, entry.url) == ("check", "/course/check/")


def test_a_unit_skipped_over_is_next_even_when_later_ones_are_done(release: CourseRelease) -> None:
    entry = outline_of(release, "check", "practise").next_unit

    assert entry is not None
    assert entry.unit.slug == "read"


def test_optional_units_are_shown_but_neither_next_nor_counted(release: CourseRelease) -> None:
    release.units.filter(slug="read").update(is_optional=True)

    outline = outline_of(release, "check")

    assert len(outline.units) == 3
    assert (outline.done_count, len(outline.required)) == (1, 2)
    assert outline.next_unit is not None
    assert outline.next_unit.unit.slug == "practise"


def test_nothing_is_next_when_everything_is_done(release: CourseRelease) -> None:
    outline = outline_of(release, "read", "check", "practise")

    assert outline.next_unit is None
    assert outline.done_count == 3


@pytest.mark.parametrize(
    ("slug", "before", "after"),
    [("read", None, "check"), ("check", "read", "practise"), ("practise", "check", None)],
)
def test_a_unit_knows_its_neighbours(
    release: CourseRelease, slug: str, before: str | None, after: str | None
) -> None:
    found = outline_of(release).around(slug)

    assert tuple(entry and entry.unit.slug for entry in found) == (before, after)


def test_titles_are_in_the_readers_language_where_there_is_one(release: CourseRelease) -> None:
    release.languages = ["en", "fi"]
    unit = release.units.get(slug="read")
    make.UnitTextFactory.create(unit=unit, language="fi", title="Lue tämä")

    titles = [(entry.text.language, entry.text.title) for entry in outline_of(release, language="fi").units]

    assert titles == [("fi", "Lue tämä"), ("en", "Check yourself"), ("en", "Practise")]


@pytest.mark.parametrize("count", [1, 3])
def test_outlines_take_five_queries_however_many(
    release: CourseRelease, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count - 1):
        make.UnitFactory.create()
    releases = list(CourseRelease.objects.select_related("course"))

    with django_assert_num_queries(5):
        load_outlines(releases)
        for each in releases:
            for entry in make_outline(each, "en", ADDRESSES).units:
                assert entry.text.title
