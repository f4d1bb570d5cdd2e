"""Who may see what in labs, where no view's own test says it."""

from datetime import timedelta

import pytest
from django.http import Http404
from django.utils import timezone

from courses.models import Cohort, CohortTeamMember, Enrolment, User
from labs.access import (
    can_pause,
    graded_lab_for,
    grading_factories_for,
    pausable_lab_for,
    submissions_for,
    watched_labs_for,
)
from labs.models import Lab
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def test_a_check_of_ones_own_work_is_nobody_elses(
    enrolment: Enrolment, ada: User, ben: User, staff: User, administrator: User
) -> None:
    check = make.CheckFactory.create(enrolment=enrolment)
    attempt = make.SubmissionFactory.create(enrolment=enrolment)
    assert set(submissions_for(ada)) == {check, attempt}
    assert [list(submissions_for(person)) for person in (ben, staff, administrator)] == [[attempt]] * 3


def test_the_grading_of_a_lab_is_watched_over_where_its_course_runs(
    cohort: Cohort, ada: User, ben: User, eve: User, staff: User, administrator: User
) -> None:
    lab = Lab.objects.get()
    elsewhere = make.LabFactory.create()
    assert list(watched_labs_for(staff)) == [lab]
    assert set(watched_labs_for(administrator)) == {lab, elsewhere}
    assert [list(watched_labs_for(person)) for person in (ada, ben, eve)] == [[], [], []]


def test_a_cohorts_team_may_know_of_a_pause(
    cohort: Cohort, ada: User, ben: User, eve: User, staff: User, administrator: User
) -> None:
    lab = Lab.objects.get()
    for person in (ben, staff, administrator):
        assert graded_lab_for(person, lab.course.slug, lab.slug) == lab
    for stranger in (ada, eve):
        with pytest.raises(Http404):
            graded_lab_for(stranger, lab.course.slug, lab.slug)


def test_staff_of_a_factory_that_runs_the_course_may_pause_its_labs(
    cohort: Cohort, ada: User, eve: User, staff: User, administrator: User
) -> None:
    lab, now = Lab.objects.get(), timezone.now()
    make_courses.CohortFactory.create(release=cohort.release)
    assert [can_pause(person, lab, now) for person in (staff, administrator)] == [True, True]
    assert [can_pause(person, lab, now) for person in (ada, eve)] == [False, False]


def test_an_instructor_may_pause_where_all_cohorts_that_run_are_theirs(cohort: Cohort, ben: User) -> None:
    lab, now = Lab.objects.get(), timezone.now()
    assert can_pause(ben, lab, now)

    other = make_courses.CohortFactory.create(release=cohort.release)
    assert not can_pause(ben, lab, now)

    Cohort.objects.filter(pk=other.pk).update(starts_at=now - 2 * DAY, ends_at=now - DAY)
    assert can_pause(ben, lab, now)

    Cohort.objects.filter(pk=cohort.pk).update(starts_at=now - 2 * DAY, ends_at=now - DAY)
    assert not can_pause(ben, lab, now)


def test_an_assistant_may_know_of_a_pause_and_not_begin_one(cohort: Cohort) -> None:
    lab = Lab.objects.get()
    assistant = make_courses.CohortTeamMemberFactory.create(
        cohort=cohort, role=CohortTeamMember.Role.ASSISTANT
    ).user
    assert graded_lab_for(assistant, lab.course.slug, lab.slug) == lab
    assert not can_pause(assistant, lab, timezone.now())
    with pytest.raises(Http404):
        pausable_lab_for(assistant, lab.course.slug, lab.slug, timezone.now())


def test_who_is_staff_of_no_factory_sees_nothing_of_the_grading(ben: User, staff: User) -> None:
    assert [factory.slug for factory in grading_factories_for(staff)] == ["kajaani"]
    with pytest.raises(Http404):
        grading_factories_for(ben)
