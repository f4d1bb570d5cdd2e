"""The names of labs of any courses."""

from collections.abc import Callable

import pytest

from courses.models import CourseRelease
from labs.services.lab_units import LabName, find_lab_names
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


def test_a_lab_has_the_titles_of_the_newest_release_that_has_it(release: CourseRelease) -> None:
    lab_unit = release.units.get(slug="practise").lab_unit
    lab = lab_unit.release.lab
    newer = make_courses.CourseReleaseFactory.create(course=release.course, texts__title="Pipelines, anew")
    unit = make_courses.UnitFactory.create(
        module__release=newer, slug="practise", kind="lab", text__title="Practise more"
    )
    make.LabUnitFactory.create(unit=unit, release=lab_unit.release)
    expected = LabName("pipelines", "practise", "Pipelines, anew", "en", "Practise more", "en")
    assert find_lab_names([lab.pk], "fi") == {lab.pk: expected}


def test_a_lab_that_no_release_has_any_more_goes_by_its_slug() -> None:
    lab = make.LabFactory.create(course__slug="gone", slug="old")
    assert find_lab_names([lab.pk], "en") == {lab.pk: LabName("gone", "old", "gone", "", "old", "")}


def test_the_number_of_queries_does_not_grow(count_queries: Callable[[Callable[[], object]], int]) -> None:
    labs = [make.LabUnitFactory.create().release.lab_id]
    few = count_queries(lambda: find_lab_names(labs, "en"))
    labs += [make.LabUnitFactory.create().release.lab_id for _ in range(3)]
    assert len(find_lab_names(labs, "en")) == 4
    assert count_queries(lambda: find_lab_names(labs, "en")) == few
