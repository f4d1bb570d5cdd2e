"""Who may see and do what in labs: the one place that decides. A stranger gets 404, never 403."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.http import Http404
from django.shortcuts import get_list_or_404, get_object_or_404

from courses.access import enrolment_for, factories_for, taught_cohort_for, taught_cohorts_for
from courses.models import Cohort, CohortTeamMember, CourseRelease, Enrolment, Factory, User
from courses.states import READING_STATUSES
from labs.models import (
    AccountKind,
    Allocation,
    FactoryAccount,
    Hub,
    Lab,
    LabDraft,
    LabSession,
    LabUnit,
    Partition,
    Snapshot,
    Submission,
    Workspace,
)
from labs.states import ACTIVE_SESSION_STATUSES


def lab_units_of(release: CourseRelease) -> QuerySet[LabUnit]:
    """The labs of a release that a person was found to be allowed to see."""
    return LabUnit.objects.filter(unit__release=release).select_related("unit", "release__lab__course")


def lab_for(user: User, cohort_id: UUID, unit_slug: str) -> tuple[Enrolment, LabUnit]:
    """A person's own enrolment in a cohort and a lab in it."""
    enrolment = enrolment_for(user, cohort_id)
    return enrolment, get_object_or_404(lab_units_of(enrolment.cohort.release), unit__slug=unit_slug)


def active_sessions_for(user: User | AnonymousUser) -> list[LabSession]:
    if not user.is_authenticated:
        return []
    return list(
        LabSession.objects.filter(learner=user, status__in=ACTIVE_SESSION_STATUSES)
        .select_related("lab", "hub__factory", "release", "enrolment__cohort")
        .defer("release__source_files", "release__learner_files", "release__grade_cells")
    )


def own_sessions_for(user: User) -> QuerySet[LabSession]:
    return LabSession.objects.filter(learner=user).select_related(
        "workspace__lab__course",
        "lab__course",
        "release",
        "hub__factory",
        "flavour__partition__hub__factory",
        "learner",
        "enrolment__cohort",
    )


def lab_session_for(user: User, public_id: UUID) -> LabSession:
    """A session is its learner's alone: to open it is to act as them."""
    return get_object_or_404(own_sessions_for(user), public_id=public_id)


def own_session_by_server(user: User, server_name: str) -> LabSession:
    """A person's own session by the name that its hub knows its server by."""
    return get_object_or_404(own_sessions_for(user), server_name=server_name)


def snapshot_for(user: User, lab_unit: LabUnit, public_id: UUID) -> Snapshot:
    """A version of a person's own work in a lab. Nobody else's eyes: what is handed in is a submission."""
    snapshots = Snapshot.objects.select_related("workspace__wanted", "session__hub__factory", "origin")
    return get_object_or_404(
        snapshots,
        public_id=public_id,
        workspace__owner=user,
        workspace__lab=lab_unit.release.lab_id,
        workspace__purpose=Workspace.Purpose.LEARN,
    )


def submissions_for(user: User) -> QuerySet[Submission]:
    """A learner's own submissions, and those of cohorts that a person teaches or is staff for.

    What somebody only had checked is theirs alone, as their saved work is.
    """
    is_taught = Q(enrolment__cohort__in=taught_cohorts_for(user), purpose=Submission.Purpose.ATTEMPT)
    return Submission.objects.filter(Q(enrolment__learner=user) | is_taught).select_related(
        "lab__course", "release", "enrolment__learner", "enrolment__cohort__factory"
    )


def submission_for(user: User, public_id: UUID) -> Submission:
    return get_object_or_404(submissions_for(user), public_id=public_id)


def graded_submission_for(user: User, public_id: UUID) -> Submission:
    """An attempt that a person decides about: of a cohort whose labs they may edit, and never their own."""
    return get_object_or_404(
        submissions_for(user).exclude(enrolment__learner=user),
        public_id=public_id,
        purpose=Submission.Purpose.ATTEMPT,
        enrolment__cohort__in=authored_cohorts_for(user),
    )


def regraded_submission_for(user: User, public_id: UUID) -> Submission:
    """An attempt that a person may have graded again: of a cohort that they teach or are staff for, never their own."""
    return get_object_or_404(
        submissions_for(user).exclude(enrolment__learner=user),
        public_id=public_id,
        purpose=Submission.Purpose.ATTEMPT,
        attempt__isnull=False,
    )


def can_grade(user: User, submission: Submission) -> bool:
    """See `graded_submission_for`."""
    is_attempt = submission.purpose == Submission.Purpose.ATTEMPT
    if not is_attempt or submission.enrolment.learner_id == user.pk:
        return False
    return authored_cohorts_for(user).filter(pk=submission.enrolment.cohort_id).exists()


def watched_labs_for(user: User) -> QuerySet[Lab]:
    """Labs whose grading a person watches over: of courses with a cohort at a factory of theirs; administrators all."""
    if user.is_superuser:
        return Lab.objects.all()
    releases = CourseRelease.objects.filter(cohorts__factory__in=factories_for(user))
    return Lab.objects.filter(course__in=releases.values("course"))


def grading_factories_for(user: User) -> list[Factory]:
    """The factories for which a person watches over the grading; who has none sees nothing of it."""
    return get_list_or_404(factories_for(user))


def graded_lab_for(user: User, course_slug: str, lab_slug: str) -> Lab:
    """A lab about whose grading a person may know: also the teams of all cohorts of its course."""
    releases = CourseRelease.objects.filter(cohorts__in=taught_cohorts_for(user))
    known = Q(course__in=releases.values("course")) | Q(pk__in=watched_labs_for(user).values("pk"))
    labs = Lab.objects.filter(known).select_related("course")
    return get_object_or_404(labs, course__slug=course_slug, slug=lab_slug)


def can_pause(user: User, lab: Lab, now: datetime) -> bool:
    """Whether a person may have the grading of a lab wait, and go on.

    A pause holds up the learners of every cohort. Staff of a factory that runs one answer for that; instructors, whose
    say ends at their own cohorts, may where all cohorts of the course that are not over are theirs.
    """
    if watched_labs_for(user).filter(pk=lab.pk).exists():
        return True
    cohorts = Cohort.objects.filter(release__course=lab.course_id, ends_at__gt=now)
    return cohorts.exists() and not cohorts.exclude(pk__in=authored_cohorts_for(user).values("pk")).exists()


def pausable_lab_for(user: User, course_slug: str, lab_slug: str, now: datetime) -> Lab:
    lab = graded_lab_for(user, course_slug, lab_slug)
    if not can_pause(user, lab, now):
        raise Http404
    return lab


def authored_cohorts_for(user: User) -> QuerySet[Cohort]:
    """Cohorts whose labs a person may edit, solutions and all: their instructors and administrators.

    Assistants and a factory's staff see what learners do, and no source.
    """
    cohorts = Cohort.objects.select_related("release__course", "release__origin", "factory")
    if user.is_superuser:
        return cohorts
    return cohorts.filter(team_members__user=user, team_members__role=CohortTeamMember.Role.INSTRUCTOR)


def source_for(user: User, cohort_id: UUID, lab_slug: str) -> tuple[Cohort, LabUnit]:
    """A cohort that a person is an instructor of, and a lab of the release that it has."""
    cohort = get_object_or_404(authored_cohorts_for(user), public_id=cohort_id)
    return cohort, get_object_or_404(lab_units_of(cohort.release), unit__slug=lab_slug)


def draft_for(user: User, public_id: UUID) -> LabDraft:
    """A draft is seen by all instructors of the cohort that it was made for."""
    drafts = LabDraft.objects.filter(cohort__in=authored_cohorts_for(user)).select_related(
        "cohort__release__course", "cohort__factory", "lab__course", "author", "base", "released", "same_as"
    )
    return get_object_or_404(drafts, public_id=public_id)


# --- Accounts at factories, and what cohorts may use -----------------------------------------------


def own_account_allocations_for(user: User) -> QuerySet[Allocation]:
    """What a person's cohorts, those that they are in, may use with accounts that people have themselves."""
    return Allocation.objects.filter(
        account_kind=AccountKind.OWN,
        cohort__enrolments__learner=user,
        cohort__enrolments__status__in=READING_STATUSES,
    ).select_related("cohort", "partition__hub__factory")


def account_hubs_for(user: User) -> QuerySet[Hub]:
    """Hubs at which a person has an account of their own, or needs one."""
    needed = own_account_allocations_for(user).values("partition__hub")
    own = FactoryAccount.objects.filter(user=user).values("hub")
    return Hub.objects.filter(Q(pk__in=needed) | Q(pk__in=own)).select_related("factory").order_by("factory")


def account_hub_for(user: User, factory_slug: str) -> Hub:
    return get_object_or_404(account_hubs_for(user), factory__slug=factory_slug)


def own_account_for(user: User, factory_slug: str) -> FactoryAccount:
    """A person's own account at a factory, to which they were invited at least once."""
    accounts = FactoryAccount.objects.select_related("hub__factory", "user")
    return get_object_or_404(accounts, user=user, hub__factory__slug=factory_slug)


def account_hubs_of(cohort: Cohort) -> QuerySet[Hub]:
    """Hubs with Slurm that a cohort's learners may need an account at: their factory's, and those of allocations."""
    own = cohort.allocations.filter(account_kind=AccountKind.OWN).values("partition__hub")
    hubs = Hub.objects.filter(Q(factory=cohort.factory_id, has_slurm=True) | Q(pk__in=own))
    return hubs.select_related("factory").order_by("factory")


def cohort_hub_for(user: User, cohort_id: UUID, factory_slug: str) -> tuple[Cohort, Hub]:
    """A cohort that a person teaches or is staff for, and a hub at which its learners may need an account."""
    cohort = taught_cohort_for(user, cohort_id)
    return cohort, get_object_or_404(account_hubs_of(cohort), factory__slug=factory_slug)


def is_staff_at(user: User, hub: Hub) -> bool:
    """Whether a person may invite to accounts at a hub, and end them."""
    return factories_for(user).filter(pk=hub.factory_id).exists()


def invitable_hub_for(user: User, cohort_id: UUID, factory_slug: str) -> tuple[Cohort, Hub]:
    """As `cohort_hub_for`, for the staff of the hub's factory alone."""
    cohort, hub = cohort_hub_for(user, cohort_id, factory_slug)
    if not is_staff_at(user, hub):
        raise Http404
    return cohort, hub


def provided_cohorts_for(user: User) -> QuerySet[Cohort]:
    """Cohorts whose allocations a person decides about: the staff of their factory, administrators."""
    cohorts = Cohort.objects.select_related("release__course", "factory")
    return cohorts.filter(factory__in=factories_for(user))


def provided_cohort_for(user: User, cohort_id: UUID) -> Cohort:
    return get_object_or_404(provided_cohorts_for(user), public_id=cohort_id)


def providable_partitions_for(user: User) -> QuerySet[Partition]:
    """Partitions that a person may let a cohort use: those of factories that they are staff of."""
    partitions = Partition.objects.filter(hub__factory__in=factories_for(user))
    return partitions.select_related("hub__factory").order_by("hub__factory", "name")


def providable_partition_for(user: User, factory_slug: str, name: str) -> Partition:
    return get_object_or_404(providable_partitions_for(user), hub__factory__slug=factory_slug, name=name)
