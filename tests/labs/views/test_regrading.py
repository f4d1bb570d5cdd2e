"""Having attempts graded again: who may, what the page says first, and what learner and team see of it."""

from collections.abc import Callable

import pytest
from django.test import Client

from courses.models import Cohort, CohortTeamMember, User
from labs import tasks
from labs.models import GradingRun, LabUnit
from labs.states import GradingStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSubmission

SignIn = Callable[[User], Client]


@pytest.fixture
def regrade_page(cohort: Cohort, lab_unit: LabUnit) -> str:
    return f"/teach/{cohort.public_id}/labs/{lab_unit.unit.slug}/regrade"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "send_grading", lambda *_: None)


@pytest.fixture
def graded(make_submission: MakeSubmission) -> GradingRun:
    run: GradingRun = make.GradingRunFactory.create(submission=make_submission())
    return run


def page_of(run: GradingRun, part: str = "") -> str:
    return f"/labs/submissions/{run.submission.public_id}/{part}"


def test_the_page_says_what_will_happen_and_the_button_does_it(
    as_ben: Client, graded: GradingRun, regrade_page: str, lab_unit: LabUnit
) -> None:
    page = as_ben.get(regrade_page).content.decode()
    assert f"1 attempt is graded again, by release {lab_unit.release.number} of the lab" in page
    assert "Learners: 1." in page
    answer = as_ben.post(f"{regrade_page}/start", follow=True)
    assert "1 attempt is graded again, behind the learners who wait." in answer.content.decode()
    assert GradingRun.objects.get(status=GradingStatus.QUEUED).submission == graded.submission
    assert "There is nothing to grade again" in as_ben.get(regrade_page).content.decode()
    again = as_ben.post(f"{regrade_page}/start", follow=True)
    assert "There was nothing to grade again." in again.content.decode()


def test_a_cohorts_list_leads_there_and_says_what_is_graded_again(
    as_ben: Client, graded: GradingRun, regrade_page: str
) -> None:
    list_page = regrade_page.removesuffix("regrade")
    page = as_ben.get(list_page).content.decode()
    assert f'href="{regrade_page}"' in page
    assert "Is graded again." not in page
    as_ben.post(f"{regrade_page}/start")
    page = as_ben.get(list_page).content.decode()
    assert "Is graded again." in page
    assert "3 of 5 points" in page


def test_one_attempt_is_graded_again_from_its_page(as_ben: Client, graded: GradingRun) -> None:
    assert 'id="submission-regrade"' in as_ben.get(page_of(graded)).content.decode()
    answer = as_ben.post(page_of(graded, "regrade"), follow=True)
    page = answer.content.decode()
    assert "The attempt is graded again, behind the learners who wait." in page
    assert "Until then this mark stands." in page
    assert 'id="submission-regrade"' not in page
    assert "every 10s" in page
    twice = as_ben.post(page_of(graded, "regrade"), follow=True)
    assert "is being graded or waits for it already" in twice.content.decode()
    assert GradingRun.objects.count() == 2


def test_a_learner_sees_that_their_work_was_graded_again(
    as_ada: Client, as_ben: Client, graded: GradingRun
) -> None:
    assert "Graded again at" not in as_ada.get(page_of(graded)).content.decode()
    as_ben.post(page_of(graded, "regrade"))
    again = GradingRun.objects.filter(status=GradingStatus.QUEUED)
    page = as_ada.get(page_of(graded)).content.decode()
    assert "3 of 5 points" in page
    again.update(status=GradingStatus.FINISHED, outcome="scored", score=1.0, max_score=5.0)
    page = as_ada.get(page_of(graded)).content.decode()
    assert "Graded again at" in page
    assert "1 of 5 points" in page
    assert 'id="submission-regrade"' not in page


def test_a_regrade_that_failed_leaves_the_mark_and_is_said_to_the_team(
    as_ada: Client, as_ben: Client, graded: GradingRun
) -> None:
    as_ben.post(page_of(graded, "regrade"))
    GradingRun.objects.filter(status=GradingStatus.QUEUED).update(
        status=GradingStatus.FAILED, reason="grading_failed"
    )
    page = as_ben.get(page_of(graded)).content.decode()
    assert "3 of 5 points" in page
    assert "It was to be graded again, and that failed" in page
    assert 'id="submission-regrade"' in page
    assert "that failed" not in as_ada.get(page_of(graded)).content.decode()


@pytest.mark.parametrize("status", [GradingStatus.FAILED, GradingStatus.REPLACED])
def test_what_has_no_mark_can_be_graded_from_its_page(
    as_ben: Client, graded: GradingRun, status: GradingStatus
) -> None:
    GradingRun.objects.update(status=status, score=None, outcome="")
    assert 'id="submission-regrade"' in as_ben.get(page_of(graded)).content.decode()
    as_ben.post(page_of(graded, "regrade"))
    assert GradingRun.objects.filter(status=GradingStatus.QUEUED).exists()


def test_team_and_staff_may_learners_and_strangers_may_not(
    sign_in: SignIn,
    graded: GradingRun,
    regrade_page: str,
    cohort: Cohort,
    ada: User,
    eve: User,
    staff: User,
    administrator: User,
) -> None:
    assistant = make_courses.UserFactory.create()
    CohortTeamMember.objects.create(cohort=cohort, user=assistant, role=CohortTeamMember.Role.ASSISTANT)
    for person in (assistant, staff, administrator):
        assert sign_in(person).get(regrade_page).status_code == 200
    for person in (ada, eve):
        client = sign_in(person)
        assert client.get(regrade_page).status_code == 404
        assert client.post(f"{regrade_page}/start").status_code == 404
        assert client.post(page_of(graded, "regrade")).status_code == 404
    assert GradingRun.objects.count() == 1


def test_nobody_has_their_own_attempt_graded_again(
    as_ada: Client, ada: User, cohort: Cohort, graded: GradingRun
) -> None:
    CohortTeamMember.objects.create(cohort=cohort, user=ada)
    assert as_ada.post(page_of(graded, "regrade")).status_code == 404


def test_only_a_press_grades_again(as_ben: Client, graded: GradingRun, regrade_page: str) -> None:
    assert as_ben.get(page_of(graded, "regrade")).status_code == 405
    assert as_ben.get(f"{regrade_page}/start").status_code == 405
    assert as_ben.post(regrade_page).status_code == 405
    assert as_ben.get(regrade_page.replace("practise", "read")).status_code == 404
