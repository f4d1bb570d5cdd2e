"""The labs' parts of a cohort's and a factory's page."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from labs.models import Hub, HubOutage, LabSession, LabUnit, Workspace
from labs.reasons import SENTENCES
from labs.states import SessionStatus
from labs.views import staff_panels
from labs.views.failure_words import FAILURES
from labs.views.staff_panels import cohort_panels, factory_panels
from labs.work.steps import ENDINGS
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
    cohort: Cohort, lab_unit: LabUnit, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    def add(number: int) -> None:
        for enrolment in make_courses.EnrolmentFactory.create_batch(number, cohort=cohort):
            make.LabSessionFactory.create(
                enrolment=enrolment,
                release=lab_unit.release,
                status=SessionStatus.READY,
                active_at=timezone.now(),
                warned_at=timezone.now(),
            )

    found = Cohort.objects.select_related("release", "factory").get(pk=cohort.pk)
    add(1)
    few = [count_queries(lambda: render(found)), count_queries(lambda: render_factory(found))]
    add(4)

    assert [count_queries(lambda: render(found)), count_queries(lambda: render_factory(found))] == few


def test_a_session_is_listed_with_its_labs_title_and_the_time_it_has_left(
    cohort: Cohort, make_session: MakeSession
) -> None:
    make_session(ends_at=timezone.now() + timedelta(minutes=102, seconds=30))

    for page in (render(cohort), render_factory(cohort)):
        assert "Practise" in page
        assert "1 h 42 min" in page


def test_a_session_without_activity_is_marked(cohort: Cohort, make_session: MakeSession) -> None:
    session = make_session(active_at=timezone.now())
    assert "No activity" not in render(cohort)

    session.warned_at = timezone.now()
    session.save()
    assert "No activity" in render(cohort)


def test_an_author_at_work_is_listed_for_the_factory(
    cohort: Cohort, make_session: MakeSession, ben: User
) -> None:
    learned = make_session(SessionStatus.STOPPED)
    workspace = make.WorkspaceFactory.create(owner=ben, lab=learned.lab, purpose=Workspace.Purpose.AUTHOR)
    LabSession.objects.create(
        workspace=workspace, learner=ben, lab=learned.lab, release=learned.release, hub=learned.hub
    )

    assert "Authoring" in render_factory(cohort)
    assert "Nobody is in a lab" in render(cohort)


def render_factory(cohort: Cohort) -> str:
    (panel,) = factory_panels(cohort.factory)
    return render_to_string(panel.template, dict(panel.context))


def test_a_factory_shows_its_sessions_and_no_others(cohort: Cohort, make_session: MakeSession) -> None:
    make.LabSessionFactory.create(enrolment__learner__full_name="Somebody elsewhere")
    make_session(SessionStatus.READY)
    page = render_factory(cohort)
    assert "Ada" in page
    assert "Somebody elsewhere" not in page


def test_a_factory_lists_the_longest_sessions_and_counts_the_others(
    cohort: Cohort, lab_unit: LabUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_panels, "SESSIONS_SHOWN", 2)
    hub = Hub.objects.get(factory=cohort.factory)
    for number in range(4):
        make.LabSessionFactory.create(
            hub=hub,
            enrolment__learner__full_name=f"Learner {number}",
            requested_at=timezone.now() - timedelta(minutes=number),
        )
    page = render_factory(cohort)
    assert [number for number in range(4) if f"Learner {number}" in page] == [2, 3]
    assert "And 2 more" in page

    LabSession.objects.filter(learner__full_name__in=["Learner 0", "Learner 1"]).delete()
    assert " more" not in render_factory(cohort)


@pytest.mark.parametrize(
    ("answered", "words"),
    [(None, "never answered"), (300, "was last asked with success at"), (1, "The hub answers")],
)
def test_a_factory_says_whether_its_hub_answers(
    cohort: Cohort, lab_unit: LabUnit, answered: int | None, words: str
) -> None:
    at = None if answered is None else timezone.now() - timedelta(seconds=answered)
    Hub.objects.filter(factory=cohort.factory).update(answered_at=at)
    assert words in render_factory(cohort)


def test_a_hub_that_is_down_is_shown_with_the_starts_that_wait(
    cohort: Cohort, make_session: MakeSession
) -> None:
    Hub.objects.update(down_since=timezone.now(), answered_at=timezone.now())
    make_session(SessionStatus.REQUESTED)

    page = render_factory(cohort)

    assert "has not answered since" in page
    assert "1 start waits for the hub" in page


def test_a_factory_counts_its_sessions_and_says_why_some_failed(
    cohort: Cohort, make_session: MakeSession
) -> None:
    assert "None has." in render_factory(cohort)

    make_session(SessionStatus.FAILED, reason="server_lost", ended_at=timezone.now())
    make_session(SessionStatus.SPAWNING)
    page = render_factory(cohort)

    starting_ready_stopping_failed = re.findall(r"<dd>(\d+)</dd>", page)
    assert starting_ready_stopping_failed == ["1", "0", "0", "1"]
    assert "The server ended by itself" in page


def test_a_factory_shows_its_last_outages_with_their_length(cohort: Cohort, lab_unit: LabUnit) -> None:
    assert "There was none." in render_factory(cohort)

    now = timezone.now()
    HubOutage.objects.create(
        hub=Hub.objects.get(), began_at=now - timedelta(minutes=80), ended_at=now - timedelta(minutes=9)
    )
    assert "1 h 11 min" in render_factory(cohort)


def test_servers_that_do_not_answer_are_counted(cohort: Cohort, make_session: MakeSession) -> None:
    make_session()
    Workspace.objects.update(unsaved_reason="unsaved_silent", unsaved_since=timezone.now())

    assert "1 server runs and does not answer Paja" in render_factory(cohort)


def test_each_reason_of_a_failure_has_a_name_for_staff() -> None:
    """Those that a sweep, a start or a delivery ends a session with."""
    assert {reason for to, reason in ENDINGS.values() if to == SessionStatus.FAILED} <= set(FAILURES)
    assert {reason for reason in SENTENCES if reason.startswith(("job_", "node_lost"))} <= set(FAILURES)
    assert set(FAILURES) <= set(SENTENCES)


def test_a_factory_without_a_hub_has_no_panel() -> None:
    assert factory_panels(make_courses.FactoryFactory.create()) == []
