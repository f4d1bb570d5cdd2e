"""The labs' parts of a cohort's and a factory's page."""

from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from courses.models import Cohort, Enrolment
from labs.models import Hub, LabUnit
from labs.states import SessionStatus
from labs.views.staff_panels import cohort_panels, factory_panels
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession, MakeSubmission

pytestmark = pytest.mark.django_db


def render(cohort: Cohort) -> str:
    (panel,) = cohort_panels(cohort)
    return render_to_string(panel.template, dict(panel.context))


def test_running_sessions_are_listed_and_ended_ones_are_not(
    cohort: Cohort, make_session: MakeSession
) -> None:
    make_session(SessionStatus.STOPPED)
    assert "Nobody is in a lab" in render(cohort)

    make_session(SessionStatus.SPAWNING)
    page = render(cohort)
    assert "Ada" in page
    assert "Starting" in page


def test_sessions_of_other_cohorts_stay_there(cohort: Cohort, lab_unit: LabUnit) -> None:
    make.LabSessionFactory.create(release=lab_unit.release)

    assert "Nobody is in a lab" in render(cohort)


def test_each_lab_leads_to_its_submissions(
    cohort: Cohort, enrolment: Enrolment, make_submission: MakeSubmission
) -> None:
    make_submission(attempt=1)
    make_submission(attempt=2)

    page = render(cohort)

    assert "1 learner has submitted" in page
    assert f"/teach/{cohort.public_id}/labs/practise/" in page


def test_a_course_without_labs_has_no_panel() -> None:
    assert cohort_panels(make_courses.CohortFactory.create()) == []


def test_the_panel_costs_the_same_however_many_sessions_there_are(
    cohort: Cohort, lab_unit: LabUnit, django_assert_max_num_queries: Any
) -> None:
    for enrolment in make_courses.EnrolmentFactory.create_batch(5, cohort=cohort):
        make.LabSessionFactory.create(enrolment=enrolment, release=lab_unit.release)

    with django_assert_max_num_queries(4):
        render(Cohort.objects.select_related("release").get(pk=cohort.pk))


def render_factory(cohort: Cohort) -> str:
    (panel,) = factory_panels(cohort.factory)
    return render_to_string(panel.template, dict(panel.context))


def test_a_factory_shows_its_sessions_and_no_others(cohort: Cohort, make_session: MakeSession) -> None:
    make.LabSessionFactory.create(enrolment__learner__full_name="Somebody elsewhere")
    make_session(SessionStatus.READY)
    page = render_factory(cohort)
    assert "Ada" in page
    assert "Somebody elsewhere" not in page


@pytest.mark.parametrize(
    ("answered", "words"), [(None, "never answered"), (300, "has not answered since"), (1, "hub answers")]
)
def test_a_factory_says_whether_its_hub_answers(
    cohort: Cohort, lab_unit: LabUnit, answered: int | None, words: str
) -> None:
    at = None if answered is None else timezone.now() - timedelta(seconds=answered)
    Hub.objects.filter(factory=cohort.factory).update(answered_at=at)
    assert words in render_factory(cohort)


def test_a_factory_without_a_hub_has_no_panel() -> None:
    assert factory_panels(make_courses.FactoryFactory.create()) == []
