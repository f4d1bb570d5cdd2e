"""The title of a session's lab, whatever release of the course shows it."""

import pytest
from django.utils import timezone

from courses.models import CourseRelease, Enrolment, User
from labs.models import LabSession, LabUnit, Workspace
from labs.services.running import find_session_titles
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    return LabUnit.objects.get(unit__release=enrolment.cohort.release)


@pytest.fixture
def session(enrolment: Enrolment, lab_unit: LabUnit) -> LabSession:
    session: LabSession = make.LabSessionFactory.create(enrolment=enrolment, release=lab_unit.release)
    return session


def add_release(lab_unit: LabUnit, title: str) -> CourseRelease:
    """A newer release of the course, where the lab has another title."""
    release = make_courses.CourseReleaseFactory.create(course=lab_unit.unit.release.course)
    unit = make_courses.UnitFactory.create(
        module=make_courses.ModuleFactory.create(release=release),
        slug=lab_unit.unit.slug,
        kind="lab",
        text__title=title,
    )
    LabUnit.objects.create(unit=unit, release=lab_unit.release)
    return release


def titles_of(session: LabSession, language: str = "en") -> list[str]:
    return list(find_session_titles([session], language).values())


def test_a_learner_reads_the_title_that_their_cohort_has(session: LabSession, lab_unit: LabUnit) -> None:
    add_release(lab_unit, "Practise more")

    assert titles_of(session) == ["Practise"]


def test_a_cohort_that_has_gone_over_to_a_newer_release_keeps_its_titles(
    session: LabSession, lab_unit: LabUnit
) -> None:
    lab_unit.release = make.LabReleaseFactory.create(lab=lab_unit.release.lab)
    lab_unit.save()

    assert titles_of(session) == ["Practise"]


def test_an_author_reads_the_newest_title(session: LabSession, lab_unit: LabUnit, ada: User) -> None:
    add_release(lab_unit, "Practise more")
    workspace = make.WorkspaceFactory.create(owner=ada, lab=session.lab, purpose=Workspace.Purpose.AUTHOR)
    authored = LabSession.objects.create(
        workspace=workspace,
        learner=ada,
        lab=session.lab,
        release=session.release,
        hub=session.hub,
        ready_at=timezone.now(),
    )

    assert titles_of(authored) == ["Practise more"]


def test_a_lab_that_no_course_has_any_more_goes_by_its_slug(session: LabSession, lab_unit: LabUnit) -> None:
    lab_unit.delete()

    assert titles_of(session) == ["practise"]


def test_a_title_that_is_not_translated_stays_in_the_courses_language(session: LabSession) -> None:
    assert titles_of(session, "fi") == ["Practise"]
