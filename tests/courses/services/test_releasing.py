"""A release made of another one, and a cohort that goes over to it."""

from dataclasses import replace

import pytest

from courses import unit_kinds
from courses.access import listed_releases
from courses.exceptions import StaleStateError
from courses.models import (
    Cohort,
    CohortMove,
    CourseRelease,
    CourseText,
    Module,
    ModuleText,
    Unit,
    UnitFile,
    UnitText,
    User,
)
from courses.services.releasing import copy_release, move_cohort
from tests.factories import courses as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """The units that the kind `lab` was asked to copy: their slug, and what comes in the place of the old."""
    calls: list[tuple[str, object]] = []

    def copy_unit(old: Unit, new: Unit, replacement: object) -> None:
        assert (old.slug, old.kind) == (new.slug, new.kind)
        calls.append((new.slug, replacement))

    kinds = dict(unit_kinds.registered_kinds())
    monkeypatch.setattr(unit_kinds, "_kinds", {**kinds, "lab": replace(kinds["lab"], copy_unit=copy_unit)})
    return calls


@pytest.fixture
def base(release: CourseRelease) -> CourseRelease:
    make.UnitFileFactory.create(module=release.modules.get(), path="images/a.png")
    return release


def read_rows(release: CourseRelease) -> list[list[object]]:
    """All that a release consists of, without what ties its rows to each other."""
    of_module, of_unit = {"module__release": release}, {"unit__release": release}
    sets = [
        CourseText.objects.filter(release=release).order_by("language"),
        Module.objects.filter(release=release).order_by("position"),
        ModuleText.objects.filter(**of_module).order_by("module__position", "language"),
        UnitFile.objects.filter(**of_module).order_by("module__position", "path"),
        Unit.objects.filter(release=release).order_by("position"),
        UnitText.objects.filter(**of_unit).order_by("unit__position", "language"),
    ]
    return [
        [
            {name: value for name, value in row.items() if name != "id" and not name.endswith("_id")}
            for row in rows.values()
        ]
        for rows in sets
    ]


@pytest.mark.usefixtures("copied")
def test_a_copy_is_the_next_release_and_equals_its_base(base: CourseRelease, administrator: User) -> None:
    copy = copy_release(base, actor=administrator, units={}, content_hash="c" * 64)

    assert (copy.course, copy.number, copy.created_by) == (base.course, base.number + 1, administrator)
    assert (copy.languages, copy.hours, copy.completion) == (base.languages, base.hours, base.completion)
    assert read_rows(copy) == read_rows(base)
    assert all(read_rows(copy))
    assert {unit.module.release for unit in copy.units.all()} == {copy}


def test_a_kind_is_told_what_comes_in_the_place_of_a_unit(
    base: CourseRelease, copied: list[tuple[str, object]]
) -> None:
    make.UnitFactory.create(module=base.modules.get(), slug="other", kind="lab", position=9)
    copy_release(base, actor=None, units={"practise": "new"}, content_hash="c" * 64)

    assert copied == [("practise", "new"), ("other", None)]


def test_a_unit_that_the_release_does_not_have_is_refused(base: CourseRelease) -> None:
    with pytest.raises(KeyError):
        copy_release(base, actor=None, units={"nowhere": "new"}, content_hash="c" * 64)
    assert CourseRelease.objects.count() == 1


@pytest.mark.usefixtures("copied")
def test_the_same_content_is_the_same_release(base: CourseRelease) -> None:
    first = copy_release(base, actor=None, units={}, content_hash="c" * 64)
    assert copy_release(base, actor=None, units={}, content_hash="c" * 64) == first
    assert CourseRelease.objects.count() == 2


@pytest.mark.usefixtures("copied")
def test_every_copy_knows_the_package_it_began_with(base: CourseRelease) -> None:
    first = copy_release(base, actor=None, units={}, content_hash="c" * 64)
    second = copy_release(first, actor=None, units={}, content_hash="d" * 64)
    assert (first.origin, second.origin, second.number) == (base, base, base.number + 2)


@pytest.mark.usefixtures("copied")
def test_what_was_changed_for_a_cohort_is_not_in_the_catalogue(base: CourseRelease) -> None:
    copy_release(base, actor=None, units={}, content_hash="c" * 64)
    assert list(listed_releases()) == [base]


@pytest.mark.usefixtures("copied")
def test_a_cohort_goes_over_and_others_stay(base: CourseRelease, cohort: Cohort, administrator: User) -> None:
    other = make.CohortFactory.create(release=base)
    copy = copy_release(base, actor=administrator, units={}, content_hash="c" * 64)

    move = move_cohort(cohort, copy, expected=base, actor=administrator, reason="draft_released")

    other.refresh_from_db()
    assert (cohort.release, other.release) == (copy, base)
    assert (move.before, move.after, move.actor, move.reason) == (base, copy, administrator, "draft_released")


@pytest.mark.usefixtures("copied")
def test_a_cohort_that_has_gone_over_meanwhile_is_left_alone(base: CourseRelease, cohort: Cohort) -> None:
    copy = copy_release(base, actor=None, units={}, content_hash="c" * 64)
    other = copy_release(base, actor=None, units={}, content_hash="d" * 64)
    move_cohort(cohort, copy, expected=base, actor=None, reason="draft_released")

    with pytest.raises(StaleStateError):
        move_cohort(cohort, other, expected=base, actor=None, reason="draft_released")

    cohort.refresh_from_db()
    assert cohort.release == copy
    assert CohortMove.objects.count() == 1


def test_a_cohort_goes_over_to_no_other_course(base: CourseRelease, cohort: Cohort) -> None:
    with pytest.raises(ValueError, match="no release of"):
        move_cohort(cohort, make.CourseReleaseFactory.create(), expected=base, actor=None, reason="x")
