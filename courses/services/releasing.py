"""Releases that are made of releases, and cohorts that go over to another one."""

from collections.abc import Mapping
from typing import TypeVar

from django.db import transaction
from django.db.models import Max, Model

from courses import unit_kinds
from courses.exceptions import StaleStateError
from courses.models import (
    Cohort,
    CohortMove,
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

Row = TypeVar("Row", bound=Model)


@transaction.atomic
def copy_release(
    base: CourseRelease, *, actor: User | None, units: Mapping[str, object], content_hash: str
) -> CourseRelease:
    """The next release of the course: it equals `base` but for `units`, by slug what their kind puts in place.

    A release of that content hash, made before, is given back. KeyError for a unit that `base` does not have.
    """
    Course.objects.select_for_update().get(pk=base.course_id)  # two at once: one number each
    known = CourseRelease.objects.filter(course=base.course_id, content_hash=content_hash).first()
    if known is not None:
        return known
    modules = base.modules.prefetch_related("texts", "files", "units__texts")
    if unknown := units.keys() - {unit.slug for module in modules for unit in module.units.all()}:
        raise KeyError(*unknown)
    last = base.course.releases.aggregate(last=Max("number"))["last"]
    release = CourseRelease.objects.create(
        course=base.course,
        number=last + 1,
        content_hash=content_hash,
        languages=base.languages,
        hours=base.hours,
        level=base.level,
        skills=base.skills,
        completion=base.completion,
        created_by=actor,
        origin=base.origin or base,
    )
    CourseText.objects.bulk_create(_copy_row(text, release=release) for text in base.texts.all())
    for module in modules:
        _copy_module(module, release, units)
    return release


@transaction.atomic
def move_cohort(
    cohort: Cohort, to: CourseRelease, *, expected: CourseRelease, actor: User | None, reason: str
) -> CohortMove:
    """Let a cohort go over from the release that it is expected to have; its marks and submissions stay.

    StaleStateError where it has another one by now. ValueError for a release of another course.
    """
    if to.course_id != expected.course_id:
        raise ValueError(f"{to} is no release of {expected.course}")
    if not Cohort.objects.filter(pk=cohort.pk, release=expected).update(release=to):
        raise StaleStateError(f"cohort {cohort.pk} no longer has {expected}")
    cohort.refresh_from_db(fields=["release"])
    return CohortMove.objects.create(cohort=cohort, before=expected, after=to, actor=actor, reason=reason)


def _copy_module(old: Module, release: CourseRelease, units: Mapping[str, object]) -> None:
    module = _copy_row(old, release=release)
    module.save()
    ModuleText.objects.bulk_create(_copy_row(text, module=module) for text in old.texts.all())
    UnitFile.objects.bulk_create(_copy_row(file, module=module) for file in old.files.all())
    for unit in old.units.all():
        _copy_unit(unit, module, units.get(unit.slug))


def _copy_unit(old: Unit, module: Module, replacement: object) -> None:
    unit = _copy_row(old, release=module.release, module=module)
    unit.save()
    UnitText.objects.bulk_create(_copy_row(text, unit=unit) for text in old.texts.all())
    unit_kinds.get_kind(old.kind).copy_unit(old, unit, replacement)


def _copy_row(row: Row, **parents: Model) -> Row:
    """A row below other parents, not saved yet, with all that `row` has: no column is named that could be forgotten."""
    columns = [
        each for each in row._meta.concrete_fields if not each.primary_key and each.name not in parents
    ]
    return type(row)(**parents, **{column.attname: column.value_from_object(row) for column in columns})
