"""Pausing the grading of a lab, and what its team sees of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from courses.models import Cohort, User
from labs import tasks
from labs.models import GradingPause, GradingRun, LabUnit, Submission
from labs.states import GradingStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSubmission

pytestmark = pytest.mark.django_db

PAGE = "/grading/"


@pytest.fixture
def as_staff(staff: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(staff)


@pytest.fixture
def lab_page(lab_unit: LabUnit) -> str:
    return f"/grading/pipelines/{lab_unit.unit.slug}/"


def wait(submission: Submission, **fields: Any) -> GradingRun:
    run: GradingRun = make.GradingRunFactory.create(
        submission=submission, status=GradingStatus.QUEUED, outcome="", finished_at=None, **fields
    )
    return run


def shown(client: Client, address: str = PAGE) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_before_a_pause_begins_the_page_says_what_it_does(as_staff: Client, lab_page: str) -> None:
    page = shown(as_staff, lab_page)
    assert "Nothing is lost" in page
    assert f'action="{lab_page}pause"' in page


def test_staff_pause_a_lab_with_a_note_and_let_it_go_on(
    as_staff: Client, staff: User, lab_page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "send_grading", lambda: None)
    response = as_staff.post(f"{lab_page}pause", {"note": "The test is wrong."}, follow=True)
    pause = GradingPause.objects.get()
    assert (pause.note, pause.started_by) == ("The test is wrong.", staff)
    page = " ".join(response.content.decode().split())
    assert "The grading of this lab is paused since" in page
    assert "“The test is wrong.”" in page
    assert f'action="{lab_page}resume"' in page
    assert "The test is wrong." in shown(as_staff)

    response = as_staff.post(f"{lab_page}resume", {"next": PAGE})
    assert (response.status_code, response["Location"]) == (302, PAGE)
    pause.refresh_from_db()
    assert pause.ended_by == staff


def test_who_lets_a_mended_lab_go_on_is_told_what_grades_what_waited(
    as_staff: Client, lab_unit: LabUnit, lab_page: str, make_submission: MakeSubmission
) -> None:
    make.GradingPauseFactory.create(lab=lab_unit.release.lab)
    wrong = make.LabReleaseFactory.create(lab=lab_unit.release.lab)
    run = wait(make_submission(), release=wrong)
    assert "if you have mended the lab since, by the mended one" in shown(as_staff, lab_page)
    page = as_staff.post(f"{lab_page}resume", follow=True).content.decode()
    assert "1 submission is graded by the release of the lab that its cohort has now." in page
    run.refresh_from_db()
    assert run.release == lab_unit.release


def test_pressing_twice_makes_one_pause_and_ends_it_once(as_staff: Client, lab_page: str) -> None:
    for part in ("pause", "pause", "resume", "resume"):
        assert as_staff.post(f"{lab_page}{part}").status_code == 302
    assert GradingPause.objects.count() == 1


def test_a_note_that_is_too_long_pauses_nothing(as_staff: Client, lab_page: str) -> None:
    response = as_staff.post(f"{lab_page}pause", {"note": "x" * 501})
    assert response.status_code == 422
    assert "x" * 501 in response.content.decode()
    assert not GradingPause.objects.exists()


@pytest.mark.parametrize("part", ["pause", "resume"])
def test_a_pause_is_a_press(as_staff: Client, lab_page: str, part: str) -> None:
    assert as_staff.get(f"{lab_page}{part}").status_code == 405
    assert not GradingPause.objects.exists()


def test_strangers_and_learners_pause_nothing(
    as_eve: Client, as_ada: Client, lab_page: str, lab_unit: LabUnit
) -> None:
    make.GradingPauseFactory.create(lab=lab_unit.release.lab)
    for client in (as_eve, as_ada):
        assert client.get(lab_page).status_code == 404
        assert [client.post(f"{lab_page}{part}").status_code for part in ("pause", "resume")] == [404, 404]
    assert GradingPause.objects.get().ended_at is None


def test_who_may_not_pause_is_told_who_may(
    as_ben: Client, cohort: Cohort, lab_page: str, lab_unit: LabUnit
) -> None:
    make_courses.CohortFactory.create(release=cohort.release)
    page = shown(as_ben, lab_page)
    assert "A pause holds up every cohort of the course." in page
    assert "/pause" not in page
    assert as_ben.post(f"{lab_page}pause").status_code == 404


def test_a_cohorts_team_sees_that_its_lab_is_paused(
    as_ben: Client, cohort: Cohort, lab_unit: LabUnit, lab_page: str, make_submission: MakeSubmission
) -> None:
    address = f"/teach/{cohort.public_id}/labs/practise/"
    assert "Pause the grading…" in shown(as_ben, address)
    make.GradingPauseFactory.create(lab=lab_unit.release.lab, note="Wait for us.")
    page = shown(as_ben, address)
    assert "“Wait for us.”" in page
    assert lab_page in page

    graded = make.GradingRunFactory.create(submission=make_submission()).submission
    assert "“Wait for us.”" not in shown(as_ben, f"/labs/submissions/{graded.public_id}/")
    for waiting in (make_submission(), graded):
        wait(waiting)
        assert "“Wait for us.”" in shown(as_ben, f"/labs/submissions/{waiting.public_id}/")
