"""Lab releases by their content, and course releases that differ in one lab."""

from dataclasses import replace
from typing import Any

import pytest

from courses.models import CourseRelease
from labs.models import LabRelease, LabUnit
from labs.work.releasing import PreparedLab, exchange_lab, find_or_create_release
from tests.factories import courses as make_courses
from tests.factories import labs as make

PREPARED = PreparedLab(
    source_files={"lab.ipynb": "a" * 64},
    learner_files={"lab.ipynb": "b" * 64},
    gradebook="c" * 64,
    grade_cells=[{"grade_id": "mean", "max_score": 3.0}],
    needs={"minutes": 10},
    limits={},
    grading={},
    session={},
)


@pytest.mark.parametrize(
    "change",
    [
        {"source_files": {"lab.ipynb": "d" * 64}},
        {"source_files": {"other.ipynb": "a" * 64}},
        {"needs": {"minutes": 11}},
        {"limits": {"cell_seconds": 1}},
        {"session": {"idle_minutes": 5}},
        {"session": {"tools": ["terminal"]}},
    ],
)
def test_the_content_hash_knows_files_and_settings(change: dict[str, Any]) -> None:
    assert replace(PREPARED, **change).content_hash != PREPARED.content_hash


def test_what_is_made_of_the_source_is_no_content() -> None:
    assert replace(PREPARED, gradebook="d" * 64).content_hash == PREPARED.content_hash


@pytest.mark.django_db
def test_equal_content_is_the_same_release_and_other_content_the_next() -> None:
    lab = make.LabFactory.create()
    first = find_or_create_release(lab, PREPARED)
    assert find_or_create_release(lab, PREPARED) == first
    second = find_or_create_release(lab, replace(PREPARED, session={"idle_minutes": 5}))
    assert (first.number, second.number, second.session) == (1, 2, {"idle_minutes": 5})
    assert (first.learner_files, first.gradebook) == ({"lab.ipynb": "b" * 64}, "c" * 64)


@pytest.fixture
def other_lab(release: CourseRelease) -> LabUnit:
    unit = make_courses.UnitFactory.create(module=release.modules.get(), slug="other", kind="lab")
    return make.LabUnitFactory.create(unit=unit)


def shown(release: CourseRelease) -> dict[str, LabRelease]:
    units = LabUnit.objects.filter(unit__release=release).select_related("unit", "release")
    return {lab_unit.unit.slug: lab_unit.release for lab_unit in units}


def next_of(release: LabRelease) -> LabRelease:
    return make.LabReleaseFactory.create(lab=release.lab)


@pytest.mark.django_db
def test_one_lab_is_exchanged_and_everything_else_stays(release: CourseRelease, other_lab: LabUnit) -> None:
    new = next_of(shown(release)["practise"])
    copy = exchange_lab(release, new, actor=None)

    assert shown(copy) == {"practise": new, "other": other_lab.release}
    assert (copy.number, copy.origin) == (release.number + 1, release)
    assert [unit.slug for unit in copy.units.all()] == [unit.slug for unit in release.units.all()]


@pytest.mark.django_db
def test_equal_content_makes_no_new_release_whatever_the_way_to_it(
    release: CourseRelease, other_lab: LabUnit
) -> None:
    old = shown(release)["practise"]
    new, other = next_of(old), next_of(other_lab.release)
    one_way = exchange_lab(exchange_lab(release, new, actor=None), other, actor=None)
    other_way = exchange_lab(exchange_lab(release, other, actor=None), new, actor=None)

    assert one_way == other_way
    assert exchange_lab(release, old, actor=None) == release
    back = exchange_lab(exchange_lab(one_way, old, actor=None), other_lab.release, actor=None)
    assert back == release
    assert CourseRelease.objects.count() == 4
