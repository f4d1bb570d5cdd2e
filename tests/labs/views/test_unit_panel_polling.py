"""The lab's part of a unit's page: how often it asks, when it stops asking, and what a question costs."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import User
from labs.models import LabSession
from labs.states import GradingStatus, SessionStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession, MakeSubmission

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("seconds", "every"), [(5, "1s"), (90, "2s"), (900, "5s")])
def test_the_panel_asks_less_often_the_longer_a_start_takes(
    as_ada: Client, address: str, make_session: MakeSession, seconds: int, every: str
) -> None:
    make_session(SessionStatus.SPAWNING, requested_at=timezone.now() - timedelta(seconds=seconds))

    assert f"every {every}" in as_ada.get(f"{address}lab").content.decode()


def test_polling_ends_when_everything_is_at_rest(as_ada: Client, address: str) -> None:
    assert as_ada.get(f"{address}lab").status_code == 286


def test_polling_goes_on_while_a_submission_is_graded(
    as_ada: Client, address: str, make_submission: MakeSubmission
) -> None:
    make.GradingRunFactory.create(
        submission=make_submission(), status=GradingStatus.RUNNING, outcome="", score=None
    )

    response = as_ada.get(f"{address}lab")

    assert response.status_code == 200
    assert "every 1s" in response.content.decode()


def test_a_page_that_has_the_newest_version_is_left_alone(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    session = make_session()
    version = as_ada.get(f"{address}lab").context["lab"].version

    assert as_ada.get(f"{address}lab", {"seen": version}).status_code == 204

    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.STOPPING)
    assert as_ada.get(f"{address}lab", {"seen": version}).status_code == 200


def test_what_hinders_a_grading_is_a_new_version_of_the_panel(
    as_ada: Client, address: str, make_submission: MakeSubmission
) -> None:
    run = make.GradingRunFactory.create(
        submission=make_submission(), status=GradingStatus.QUEUED, outcome="", score=None
    )
    version = as_ada.get(f"{address}lab").context["lab"].version
    run.reason = "box_unavailable"
    run.save()
    assert as_ada.get(f"{address}lab", {"seen": version}).status_code == 200


def test_the_panel_costs_the_same_however_many_attempts_and_labs_there_are(
    as_ada: Client,
    address: str,
    crowd: LabSession,
    make_submission: MakeSubmission,
    ada: User,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:
    def add_attempt() -> None:
        run = make.GradingRunFactory.create(submission=make_submission(), needs_manual_grade=True)
        make.CellGradeFactory.create(run=run, auto_score=None, needs_manual_grade=True)

    add_attempt()
    few = count_queries(lambda: as_ada.get(f"{address}lab"))
    for _ in range(5):
        add_attempt()
        make.LabSessionFactory.create(enrolment__learner=ada, enrolment__cohort__factory=crowd.hub.factory)

    assert len(as_ada.get(f"{address}lab").context["lab"].crowd) == 6
    assert count_queries(lambda: as_ada.get(f"{address}lab")) == few
