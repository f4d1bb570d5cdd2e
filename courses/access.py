"""Who may see and do what in courses: the one place that decides. A stranger gets 404, never 403."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from courses.models import Cohort, Course, CourseRelease, Enrolment, Factory, User
from courses.states import READING_STATUSES

Person = User | AnonymousUser


@dataclass(frozen=True)
class Navigation:
    """Which parts of the site a person has."""

    can_teach: bool
    factories: tuple[Factory, ...]

    @property
    def is_factory_staff(self) -> bool:
        return bool(self.factories)


def navigation_for(user: Person) -> Navigation:
    if not user.is_authenticated:
        return Navigation(can_teach=False, factories=())
    return Navigation(
        can_teach=user.is_superuser or user.team_memberships.exists(),
        factories=tuple(factories_for(user)),
    )


def factories_for(user: User) -> QuerySet[Factory]:
    """Factories whose cohorts and costs a person may see: staff their own, administrators all."""
    if user.is_superuser:
        return Factory.objects.all()
    return Factory.objects.filter(memberships__user=user)


def factory_for(user: User, slug: str) -> Factory:
    return get_object_or_404(factories_for(user), slug=slug)


def listed_courses() -> QuerySet[Course]:
    """Courses in the catalogue: anybody may see them, signed in or not."""
    return Course.objects.filter(is_listed=True, releases__isnull=False).distinct()


def listed_course(slug: str) -> Course:
    return get_object_or_404(listed_courses(), slug=slug)


def taught_cohorts_for(user: User) -> QuerySet[Cohort]:
    """Cohorts whose learners a person may see: their team, the staff of their factory, administrators."""
    if user.is_superuser:
        return Cohort.objects.all()
    return Cohort.objects.filter(Q(team_members__user=user) | Q(factory__memberships__user=user)).distinct()


def taught_cohort_for(user: User, public_id: UUID) -> Cohort:
    return get_object_or_404(
        taught_cohorts_for(user).select_related("release__course", "factory"), public_id=public_id
    )


def enrolment_for(user: User, cohort_id: UUID) -> Enrolment:
    """A person's own enrolment in a cohort, when it lets them read."""
    return get_object_or_404(
        Enrolment.objects.select_related("cohort__release__course", "cohort__factory", "learner"),
        cohort__public_id=cohort_id,
        learner=user,
        status__in=READING_STATUSES,
    )


def previewable_release_for(user: User, public_id: UUID) -> CourseRelease:
    """A release that a person may read without being enrolled: its teams, administrators."""
    releases = CourseRelease.objects.select_related("course")
    if not user.is_superuser:
        releases = releases.filter(course__releases__cohorts__in=taught_cohorts_for(user)).distinct()
    return get_object_or_404(releases, public_id=public_id)


def joinable_cohort(public_id: UUID) -> Cohort:
    """A cohort of a listed course; whether it takes somebody in is the enrolment's business."""
    cohort = get_object_or_404(Cohort.objects.select_related("release__course"), public_id=public_id)
    if not cohort.release.course.is_listed:
        raise Http404
    return cohort
