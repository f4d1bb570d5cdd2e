"""Limits on attempts and practice labs on a lab's unit page: said before the press."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labs.models import LabUnit
from labs.states import GradingStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession, MakeSubmission

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def limit(lab_unit: LabUnit, **grading: int) -> None:
    lab_unit.release.grading = grading
    lab_unit.release.save()


def read_panel(client: Client, address: str) -> str:
    return client.get(f"{address}lab").content.decode()


def test_without_limits_nothing_is_said_of_them(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session()
    assert "lab-limits" not in read_panel(as_ada, address)


@pytest.mark.parametrize(
    ("most", "words", "is_held"),
    [
        (3, "1 of 3 attempts left.", False),
        (2, "You have used all 2 attempts that this lab allows.", True),
        (1, "You have used the one attempt that this lab allows.", True),
    ],
)
def test_attempts_left_are_said_and_no_press_comes_in_vain(
    as_ada: Client,
    address: str,
    lab_unit: LabUnit,
    make_session: MakeSession,
    make_submission: MakeSubmission,
    most: int,
    words: str,
    is_held: bool,
) -> None:
    make_session()
    limit(lab_unit, attempts=most)
    for _ in range(2):
        make.GradingRunFactory.create(submission=make_submission())
    make.GradingRunFactory.create(submission=make_submission(), status=GradingStatus.FAILED)
    page = read_panel(as_ada, address)
    assert words in page
    assert ('disabled aria-describedby="lab-limits"' in page) == is_held


@pytest.mark.parametrize(("most", "is_last"), [(2, True), (3, False)])
def test_before_the_last_attempt_nobody_is_told_that_there_is_another(
    as_ada: Client,
    address: str,
    lab_unit: LabUnit,
    make_session: MakeSession,
    make_submission: MakeSubmission,
    most: int,
    *,
    is_last: bool,
) -> None:
    make_session()
    limit(lab_unit, attempts=most)
    make.GradingRunFactory.create(submission=make_submission())
    page = read_panel(as_ada, address)
    assert "best attempt counts" in page
    assert ("You can submit again" in page) == (not is_last)


def test_the_time_of_the_next_attempt_is_said_and_the_panel_waits_for_it(
    as_ada: Client,
    address: str,
    lab_unit: LabUnit,
    make_session: MakeSession,
    make_submission: MakeSubmission,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit(lab_unit, pace_minutes=10)
    make_session()
    make.GradingRunFactory.create(submission=make_submission(pressed_at=NOON))
    versions = []
    for minutes, is_held in ((9, True), (10, False)):
        monkeypatch.setattr(
            "labs.services.finding_panels.timezone.now", lambda at=NOON + timedelta(minutes=minutes): at
        )
        response = as_ada.get(f"{address}lab")
        page = response.content.decode()
        assert ("The next one is possible at" in page) == is_held
        assert ("disabled" in page) == is_held
        versions.append(response.context["lab"].version.partition(".")[0])
    assert versions[0] != versions[1]


def test_a_panel_at_rest_wakes_when_the_pause_is_over(
    as_ada: Client, address: str, lab_unit: LabUnit, make_submission: MakeSubmission
) -> None:
    submission = make_submission()
    make.GradingRunFactory.create(submission=submission)
    make.SnapshotFactory.create(
        workspace__owner=submission.enrolment.learner,
        workspace__lab=submission.lab,
        saved_at=timezone.now() + timedelta(minutes=1),
    )
    assert as_ada.get(f"{address}lab").status_code == 286
    limit(lab_unit, pace_minutes=10)
    assert as_ada.get(f"{address}lab").status_code == 200


def test_work_can_be_submitted_anew_where_the_cohort_has_another_release(
    as_ada: Client, address: str, lab_unit: LabUnit, make_submission: MakeSubmission
) -> None:
    submission = make_submission(release=make.LabReleaseFactory.create(lab=lab_unit.release.lab))
    make.GradingRunFactory.create(submission=submission)
    make.SnapshotFactory.create(
        workspace__owner=submission.enrolment.learner,
        workspace__lab=submission.lab,
        saved_at=submission.saved_at,
    )
    assert 'id="lab-submit"' in read_panel(as_ada, address)


def test_a_practice_lab_says_that_it_is_done_by_handing_it_in(
    as_ada: Client,
    address: str,
    lab_unit: LabUnit,
    make_session: MakeSession,
    make_submission: MakeSubmission,
) -> None:
    lab_unit.release.grade_cells = []
    lab_unit.release.save()
    session = make_session()
    page = read_panel(as_ada, address)
    assert "This lab has no graded cells" in page
    assert "best attempt counts" not in page

    make_submission()
    session.delete()
    response = as_ada.get(f"{address}lab")
    page = response.content.decode()
    assert response.status_code == 286
    assert "Handed in" in page
    assert 'id="lab-result"' in page


def test_a_pause_is_said_at_the_form_for_files_too(
    as_ada: Client, address: str, lab_unit: LabUnit, make_submission: MakeSubmission
) -> None:
    limit(lab_unit, attempts=1)
    make.GradingRunFactory.create(submission=make_submission())
    page: Any = as_ada.get(address).content.decode()
    assert page.count("You have used the one attempt") == 1
    assert '<button class="btn btn-quiet" disabled>' in page


def test_a_pause_that_passes_leaves_the_file_its_button(
    as_ada: Client, address: str, lab_unit: LabUnit, make_submission: MakeSubmission
) -> None:
    limit(lab_unit, pace_minutes=10)
    make.GradingRunFactory.create(submission=make_submission())
    form = as_ada.get(address).content.decode().partition('id="lab-upload"')[2].partition("</form>")[0]
    assert "The next one is possible at" in form
    assert "disabled" not in form
