"""A submission's page and a cohort's submissions of a lab."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from courses.models import Cohort, Enrolment, User
from labs.blobs import store_blob
from labs.models import LabUnit, Submission
from labs.states import GradingOutcome, GradingStatus, SubmissionStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSubmission

pytestmark = pytest.mark.django_db


def address_of(submission: Submission, part: str = "") -> str:
    return f"/labs/submissions/{submission.public_id}/{part}"


def test_the_mark_and_the_cells_are_shown(as_ada: Client, make_submission: MakeSubmission) -> None:
    submission = make_submission()
    run = make.GradingRunFactory.create(submission=submission)
    make.CellGradeFactory.create(run=run, grade_id="mean", auto_score=3, message="Well done")
    cell = {"grade_id": "mean", "cell_type": "code", "source": "assert mean([1]) == 1", "outputs": []}
    blob = json.dumps({"notebooks": [{"name": "lab", "cells": [cell]}]})
    make.FeedbackFactory.create(run=run, content=store_blob(blob.encode()))

    page = as_ada.get(address_of(submission)).content.decode()

    assert "3 of 5 points" in page
    assert "3 of 3 points" in page
    assert "Well done" in page
    assert "mean" in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": SubmissionStatus.COLLECTING, "attempt": None}, "Collecting your work"),
        (
            {"status": SubmissionStatus.FAILED, "attempt": None, "reason": "not_collected"},
            "could not be collected",
        ),
        (
            {"status": SubmissionStatus.UNCHANGED, "attempt": None, "reason": "same_as_before"},
            "exactly what you submitted before",
        ),
    ],
)
def test_a_submission_without_a_run_says_where_it_stands(
    as_ada: Client, make_submission: MakeSubmission, fields: dict[str, Any], words: str
) -> None:
    assert words in as_ada.get(address_of(make_submission(**fields))).content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": GradingStatus.QUEUED}, "Waiting to be graded"),
        ({"status": GradingStatus.QUEUED, "reason": "box_unavailable"}, "Grading is not possible"),
        ({"status": GradingStatus.RUNNING}, "Being graded"),
        ({"status": GradingStatus.RUNNING, "try_number": 2}, "begins anew"),
        ({"status": GradingStatus.FAILED, "reason": "grading_failed"}, "this is our fault"),
    ],
)
def test_a_run_says_where_it_is(
    as_ada: Client, make_submission: MakeSubmission, fields: dict[str, Any], words: str
) -> None:
    submission = make_submission()
    make.GradingRunFactory.create(
        submission=submission, **{"outcome": "", "score": None, "max_score": None, **fields}
    )

    page = as_ada.get(address_of(submission)).content.decode()

    assert words in page
    assert "0 of" not in page


@pytest.mark.parametrize(
    "outcome",
    [
        outcome
        for outcome in GradingOutcome
        if outcome not in (GradingOutcome.SCORED, GradingOutcome.TAMPERED)
    ],
)
def test_an_outcome_is_explained_and_the_cell_named(
    as_ada: Client, make_submission: MakeSubmission, outcome: GradingOutcome
) -> None:
    submission = make_submission()
    notebooks = [{"name": "lab", "outcome": outcome, "reason": "", "faulty_cell": "mean"}]
    make.GradingRunFactory.create(submission=submission, outcome=outcome, notebooks=notebooks)

    response = as_ada.get(address_of(submission))

    assert response.context["notebooks"][0].sentence in response.content.decode()
    assert "<code>mean</code>" in response.content.decode()
    assert response.context["attempt"].words in response.content.decode()


def test_polling_ends_with_the_mark(as_ada: Client, make_submission: MakeSubmission) -> None:
    submission = make_submission()
    run = make.GradingRunFactory.create(
        submission=submission, status=GradingStatus.RUNNING, outcome="", score=None
    )
    version = as_ada.get(address_of(submission)).context["version"]
    assert as_ada.get(address_of(submission, "status"), {"seen": version}).status_code == 204

    run.status, run.outcome, run.score = GradingStatus.FINISHED, GradingOutcome.SCORED, 4
    run.save()

    response = as_ada.get(address_of(submission, "status"), {"seen": version})
    assert response.status_code == 286
    assert "4 of 5 points" in response.content.decode()


def test_a_submission_without_changes_leads_to_the_attempt_that_counts(
    as_ada: Client, make_submission: MakeSubmission
) -> None:
    first = make_submission(attempt=1, content_hash="9" * 64)
    same = make_submission(attempt=None, status=SubmissionStatus.UNCHANGED, content_hash="9" * 64)

    assert address_of(first) in as_ada.get(address_of(same)).content.decode()


def test_the_team_and_staff_see_whose_it_is_and_the_learner_their_way_back(
    as_ada: Client,
    as_ben: Client,
    staff: User,
    sign_in: Callable[[User], Client],
    make_submission: MakeSubmission,
) -> None:
    submission = make_submission()
    make.GradingRunFactory.create(submission=submission)
    cohort = submission.enrolment.cohort.public_id

    own = as_ada.get(address_of(submission)).content.decode()
    for teacher in (as_ben, sign_in(staff)):
        page = teacher.get(address_of(submission)).content.decode()
        assert "Ada" in page
        assert f"/teach/{cohort}/labs/practise/" in page
    assert f"/learn/{cohort}/practise/" in own
    assert f"/teach/{cohort}/" not in own


@pytest.mark.parametrize("part", ["", "status"])
def test_a_stranger_sees_no_submission(as_eve: Client, make_submission: MakeSubmission, part: str) -> None:
    submission = make_submission()

    assert as_eve.get(address_of(submission, part)).status_code == 404


@pytest.mark.parametrize("part", ["", "status"])
def test_a_submission_is_only_looked_at(as_ada: Client, make_submission: MakeSubmission, part: str) -> None:
    assert as_ada.post(address_of(make_submission(), part)).status_code == 405


@pytest.fixture
def list_address(cohort: Cohort, lab_unit: LabUnit) -> str:
    return f"/teach/{cohort.public_id}/labs/{lab_unit.unit.slug}/"


def test_each_learner_has_one_row_with_the_newest_attempt(
    as_ben: Client, list_address: str, make_submission: MakeSubmission, cohort: Cohort
) -> None:
    make.GradingRunFactory.create(submission=make_submission(attempt=1), score=1)
    make.GradingRunFactory.create(submission=make_submission(attempt=2), score=4)
    make_submission(attempt=None, status=SubmissionStatus.UNCHANGED)
    make_courses.EnrolmentFactory.create(cohort=cohort, learner__full_name="Zoë")

    response = as_ben.get(list_address)

    rows = response.context["cohort_lab"].rows
    assert [(row.enrolment.learner.full_name, row.attempt and row.attempt.mark.score) for row in rows] == [
        ("Ada", 4),
        ("Zoë", None),
    ]
    assert "Nothing submitted yet" in response.content.decode()


def test_a_check_is_no_row_of_the_list(
    as_ben: Client, list_address: str, make_submission: MakeSubmission
) -> None:
    make.GradingRunFactory.create(submission=make_submission(attempt=None, purpose=Submission.Purpose.CHECK))

    (row,) = as_ben.get(list_address).context["cohort_lab"].rows

    assert row.attempt is None


def test_the_list_counts_what_needs_somebody(
    as_ben: Client, list_address: str, make_submission: MakeSubmission
) -> None:
    run = make.GradingRunFactory.create(submission=make_submission(), needs_manual_grade=True)
    make.CellGradeFactory.create(run=run, auto_score=None, needs_manual_grade=True)

    found = as_ben.get(list_address).context["cohort_lab"]

    assert (found.submitted_count, found.waiting_count, found.failed_count) == (1, 1, 0)


def test_the_list_costs_the_same_however_many_learners_there_are(
    as_ben: Client, list_address: str, cohort: Cohort, lab_unit: LabUnit, django_assert_max_num_queries: Any
) -> None:
    for enrolment in make_courses.EnrolmentFactory.create_batch(8, cohort=cohort):
        submission = make.SubmissionFactory.create(enrolment=enrolment, release=lab_unit.release)
        run = make.GradingRunFactory.create(submission=submission, needs_manual_grade=True)
        make.CellGradeFactory.create(run=run, auto_score=None, needs_manual_grade=True)

    with django_assert_max_num_queries(18):
        as_ben.get(list_address)


def test_learners_and_strangers_see_no_list(
    as_ada: Client, as_eve: Client, list_address: str, enrolment: Enrolment
) -> None:
    assert as_ada.get(list_address).status_code == 404
    assert as_eve.get(list_address).status_code == 404


def test_the_list_is_only_looked_at(as_ben: Client, list_address: str) -> None:
    assert as_ben.post(list_address).status_code == 405
    assert as_ben.get(list_address.replace("practise", "read")).status_code == 404
