"""Sessions and submissions over the API: the pages' rules, and creating twice without harm."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from courses.models import Cohort, Enrolment, User
from labs.models import LabSession, LabUnit, Submission
from labs.states import SessionStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

MISSING = UUID(int=0)


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    make.HubFactory.create(factory=enrolment.cohort.factory)
    return LabUnit.objects.select_related("release").get(unit__release=enrolment.cohort.release)


@pytest.fixture
def asked(cohort: Cohort, lab_unit: LabUnit) -> dict[str, str]:
    return {"cohort": str(cohort.public_id), "unit": "practise"}


@pytest.fixture
def session(enrolment: Enrolment, lab_unit: LabUnit) -> LabSession:
    session: LabSession = make.LabSessionFactory.create(
        enrolment=enrolment, release=lab_unit.release, status=SessionStatus.READY
    )
    return session


@pytest.fixture
def submission(enrolment: Enrolment, lab_unit: LabUnit) -> Submission:
    submission: Submission = make.SubmissionFactory.create(enrolment=enrolment, release=lab_unit.release)
    run = make.GradingRunFactory.create(submission=submission)
    make.CellGradeFactory.create(run=run, grade_id="mean", auto_score=3)
    return submission


def api(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_starting_twice_makes_one_session(ada: User, asked: dict[str, str]) -> None:
    first = api(ada).post("/api/v1/sessions/", asked, format="json")
    second = api(ada).post("/api/v1/sessions/", asked, format="json")

    session = LabSession.objects.get()
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"] == str(session.public_id)
    assert first.json()["status"] == "requested"


def test_a_refusal_has_a_reason_and_a_sentence(
    ada: User, asked: dict[str, str], enrolment: Enrolment
) -> None:
    enrolment.cohort.factory.hub.delete()

    response = api(ada).post("/api/v1/sessions/", asked, format="json")

    assert response.status_code == 409
    assert response.json()["reason"] == "no_hub"
    assert response.json()["detail"].startswith("This factory has no lab service yet.")


def test_a_learner_lists_and_reads_their_own_sessions(ada: User, session: LabSession) -> None:
    (listed,) = api(ada).get("/api/v1/sessions/").json()["results"]

    assert listed == api(ada).get(f"/api/v1/sessions/{session.public_id}/").json()
    assert listed["lab"] == "practise"
    assert listed["factory"] == "kajaani"
    assert listed["open_url"] == f"http://testserver/labs/sessions/{session.public_id}/open"


def test_stopping_twice_is_stopping_once(ada: User, session: LabSession) -> None:
    for _ in range(2):
        response = api(ada).post(f"/api/v1/sessions/{session.public_id}/stop/")
        assert response.status_code == 202
        assert response.json()["status"] == "stopping"

    assert session.events.count() == 1


def test_one_key_is_one_submission(ada: User, asked: dict[str, str], session: LabSession) -> None:
    key = {"press_key": str(uuid4())}

    ids = {
        api(ada).post("/api/v1/submissions/", {**asked, **key}, format="json").json()["id"] for _ in range(2)
    }

    assert ids == {str(Submission.objects.get().public_id)}


def test_a_key_is_made_up_where_there_is_none(ada: User, asked: dict[str, str], session: LabSession) -> None:
    assert api(ada).post("/api/v1/submissions/", asked, format="json").status_code == 202


def test_a_submission_comes_with_its_cells(ada: User, submission: Submission) -> None:
    found = api(ada).get(f"/api/v1/submissions/{submission.public_id}/").json()

    assert found["grading"]["score"] == 3.0
    assert [(cell["grade_id"], cell["score"]) for cell in found["cells"]] == [("mean", 3.0)]


def test_no_evidence_and_no_test_is_answered_to_anybody(ada: User, ben: User, submission: Submission) -> None:
    run = submission.runs.get()
    run.evidence = [
        {"notebook": "lab", "grade_id": "mean", "expected": "expected-secret", "altered": "altered-secret"}
    ]
    run.save()
    run.cells.update(is_tampered=True, comment="Nearly")

    for person in (ada, ben):
        for path in ("/api/v1/submissions/", f"/api/v1/submissions/{submission.public_id}/"):
            answer = api(person).get(path).content.decode()
            assert "-secret" not in answer
            assert "is_tampered" not in answer
    assert "Nearly" in answer


def test_a_teacher_lists_the_submissions_of_a_cohort(
    ben: User, staff: User, cohort: Cohort, submission: Submission
) -> None:
    for teacher in (ben, staff):
        (listed,) = (
            api(teacher).get("/api/v1/submissions/", {"cohort": str(cohort.public_id)}).json()["results"]
        )
        assert listed["learner"] == str(submission.enrolment.learner.public_id)
        assert "cells" not in listed


def test_a_check_of_ones_own_work_is_no_submission(ada: User, enrolment: Enrolment) -> None:
    check = make.CheckFactory.create(enrolment=enrolment)

    assert api(ada).get("/api/v1/submissions/").json()["count"] == 0
    assert api(ada).get(f"/api/v1/submissions/{check.public_id}/").status_code == 404


def test_lists_cost_the_same_however_long_they_are(
    ada: User,
    enrolment: Enrolment,
    lab_unit: LabUnit,
    cohort: Cohort,
    django_assert_max_num_queries: Any,
) -> None:
    for submission in make.SubmissionFactory.create_batch(5, enrolment=enrolment, release=lab_unit.release):
        make.GradingRunFactory.create(submission=submission)
    make.LabSessionFactory.create_batch(
        5, enrolment=enrolment, release=lab_unit.release, status=SessionStatus.STOPPED
    )
    client = api(ada)

    with django_assert_max_num_queries(4):
        client.get("/api/v1/submissions/", {"cohort": str(cohort.public_id)})
    with django_assert_max_num_queries(2):
        client.get("/api/v1/sessions/")


def test_a_stranger_finds_nothing(
    eve: User, cohort: Cohort, session: LabSession, submission: Submission, asked: dict[str, str]
) -> None:
    client = api(eve)

    assert client.get("/api/v1/sessions/").json()["results"] == []
    assert client.get("/api/v1/submissions/").json()["results"] == []
    for response in (
        client.get("/api/v1/submissions/", {"cohort": str(cohort.public_id)}),
        client.get(f"/api/v1/sessions/{session.public_id}/"),
        client.post(f"/api/v1/sessions/{session.public_id}/stop/"),
        client.get(f"/api/v1/submissions/{submission.public_id}/"),
        client.post("/api/v1/sessions/", asked, format="json"),
        client.post("/api/v1/submissions/", asked, format="json"),
    ):
        assert response.status_code == 404
    session.refresh_from_db()
    assert session.status == SessionStatus.READY


def test_a_teacher_does_not_act_as_the_learner(ben: User, session: LabSession, asked: dict[str, str]) -> None:
    assert api(ben).get(f"/api/v1/sessions/{session.public_id}/").status_code == 404
    assert api(ben).post(f"/api/v1/sessions/{session.public_id}/stop/").status_code == 404
    assert api(ben).post("/api/v1/submissions/", asked, format="json").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "sessions/"),
        ("post", "sessions/"),
        ("get", f"sessions/{MISSING}/"),
        ("post", f"sessions/{MISSING}/stop/"),
        ("get", "submissions/"),
        ("post", "submissions/"),
        ("get", f"submissions/{MISSING}/"),
    ],
)
def test_nobody_in_particular_is_turned_away(method: str, path: str) -> None:
    assert getattr(APIClient(), method)(f"/api/v1/{path}").status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("delete", "sessions/"),
        ("put", f"sessions/{MISSING}/"),
        ("get", f"sessions/{MISSING}/stop/"),
        ("delete", f"submissions/{MISSING}/"),
        ("patch", f"submissions/{MISSING}/"),
    ],
)
def test_only_the_right_methods_are_answered(ada: User, method: str, path: str) -> None:
    assert getattr(api(ada), method)(f"/api/v1/{path}").status_code == 405


@pytest.mark.parametrize("asked", [{}, {"cohort": "x", "unit": "practise"}, {"cohort": str(MISSING)}, []])
@pytest.mark.parametrize("path", ["sessions/", "submissions/"])
def test_a_request_that_makes_no_sense_is_a_bad_request(ada: User, path: str, asked: object) -> None:
    assert api(ada).post(f"/api/v1/{path}", asked, format="json").status_code == 400


def test_a_filter_that_makes_no_sense_is_a_bad_request(ada: User) -> None:
    assert api(ada).get("/api/v1/submissions/", {"cohort": "x"}).status_code == 400


def test_the_schema_has_no_warnings_about_labs(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    call_command("spectacular", "--file", str(tmp_path / "schema.yml"), "--validate")

    assert "labs" not in capsys.readouterr().err
