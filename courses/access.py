"""Who may see and do what in courses: the one place that decides. A stranger gets 404, never 403."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.shortcuts import get_object_or_404

from courses.models import (
    Cohort,
    Course,
    CourseRelease,
    Enrolment,
    Factory,
    Unit,
    UnitFile,
    User,
)
from courses.states import READING_STATUSES, EnrolmentStatus

Person = User | AnonymousUser


@dataclass(frozen=True)
class Navigation:
    """Which parts of the site a person has."""

    can_teach: bool
    factories: tuple[Factory, ...]


def navigation_for(user: Person) -> Navigation:
    if not user.is_authenticated:
        return Navigation(can_teach=False, factories=())
    return Navigation(
        can_teach=user.is_superuser or user.team_memberships.exists(),
        factories=tuple(factories_for(user)),
    )


# --- Factories -------------------------------------------------------------------------------------


def factories_for(user: User) -> QuerySet[Factory]:
    """Factories whose cohorts and costs a person may see: staff their own, administrators all."""
    if user.is_superuser:
        return Factory.objects.all()
    return Factory.objects.filter(memberships__user=user)


def factory_for(user: User, slug: str) -> Factory:
    return get_object_or_404(factories_for(user), slug=slug)


# --- The catalogue: anybody, signed in or not ------------------------------------------------------


def listed_releases() -> QuerySet[CourseRelease]:
    """The newest release of every course in the catalogue; what was changed for a cohort is that cohort's."""
    of_packages = CourseRelease.objects.filter(course=OuterRef("course"), origin=None)
    newest = of_packages.order_by("-number").values("pk")[:1]
    return CourseRelease.objects.filter(course__is_listed=True, pk=Subquery(newest)).select_related("course")


def listed_release(course_slug: str) -> CourseRelease:
    return get_object_or_404(listed_releases(), course__slug=course_slug)


def joinable_cohorts(now: datetime) -> QuerySet[Cohort]:
    """Cohorts that the course pages show: of listed courses, and not over."""
    return Cohort.objects.filter(release__course__is_listed=True, ends_at__gt=now)


def joinable_cohort(public_id: UUID) -> Cohort:
    """A cohort of a listed course; whether it takes somebody in is the enrolment's business."""
    cohorts = Cohort.objects.filter(release__course__is_listed=True).select_related("release__course")
    return get_object_or_404(cohorts, public_id=public_id)


def visible_cohorts_for(user: User, now: datetime) -> QuerySet[Cohort]:
    """Cohorts that a person may join, is in, teaches or is staff for."""
    own = Cohort.objects.filter(enrolments__in=enrolments_for(user))
    return Cohort.objects.filter(
        Q(pk__in=joinable_cohorts(now).values("pk"))
        | Q(pk__in=own.values("pk"))
        | Q(pk__in=taught_cohorts_for(user).values("pk"))
    )


# --- Learning: one's own enrolments ----------------------------------------------------------------


def enrolments_for(user: User) -> QuerySet[Enrolment]:
    """A person's own enrolments that have not been withdrawn."""
    return Enrolment.objects.filter(learner=user).exclude(status=EnrolmentStatus.WITHDRAWN)


def enrolment_for(user: User, cohort_id: UUID) -> Enrolment:
    """A person's own enrolment in a cohort, when it lets them read."""
    return get_object_or_404(
        Enrolment.objects.select_related("cohort__release__course", "cohort__factory", "learner"),
        cohort__public_id=cohort_id,
        learner=user,
        status__in=READING_STATUSES,
    )


def own_enrolment_in(user: User, cohort_id: UUID) -> Enrolment:
    """A person's own enrolment in a cohort, whatever its status."""
    return get_object_or_404(
        Enrolment.objects.select_related("cohort__release__course"),
        cohort__public_id=cohort_id,
        learner=user,
    )


def unit_of(release: CourseRelease, slug: str) -> Unit:
    """A unit of a release that a person was found to be allowed to read."""
    return get_object_or_404(
        release.units.select_related("release__course", "module").prefetch_related("texts"), slug=slug
    )


def unit_file_of(release: CourseRelease, module_slug: str, path: str) -> UnitFile:
    """A file of a release that a person was found to be allowed to read."""
    return get_object_or_404(UnitFile, module__release=release, module__slug=module_slug, path=path)


# --- Teaching --------------------------------------------------------------------------------------


def taught_cohorts_for(user: User) -> QuerySet[Cohort]:
    """Cohorts whose learners a person may see: their team, the staff of their factory, administrators."""
    if user.is_superuser:
        return Cohort.objects.all()
    return Cohort.objects.filter(Q(team_members__user=user) | Q(factory__memberships__user=user)).distinct()


def taught_cohort_for(user: User, public_id: UUID) -> Cohort:
    return get_object_or_404(
        taught_cohorts_for(user).select_related("release__course", "factory"), public_id=public_id
    )


def previewable_releases_for(user: User) -> QuerySet[CourseRelease]:
    """Releases that a person may read without being enrolled.

    Those of courses that they teach or are staff for, those that they imported; administrators all.
    """
    releases = CourseRelease.objects.select_related("course")
    if user.is_superuser:
        return releases
    taught = Course.objects.filter(releases__cohorts__in=taught_cohorts_for(user))
    return releases.filter(Q(course__in=taught) | Q(created_by=user))


def previewable_release_for(user: User, public_id: UUID) -> CourseRelease:
    return get_object_or_404(previewable_releases_for(user), public_id=public_id)
