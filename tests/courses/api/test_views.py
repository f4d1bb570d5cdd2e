from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from courses.models import Cohort, Enrolment, User
from courses.services.progress import record_score
from courses.services.tokens import renew_token
from courses.states import EnrolmentStatus
from tests.factories import courses as make

SignIn = Callable[[User], Client]


@pytest.fixture
def as_ada(ada: User) -> Callable[..., Any]:
    """Ask the API with ada's token."""
    client = Client(headers={"Authorization": f"Token {renew_token(ada)}"})

    def ask(path: str, data: dict[str, object] | None = None) -> Any:
        if data is None:
            return client.get(f"/api/v1/{path}")
        return client.post(f"/api/v1/{path}", data, content_type="application/json")

    return ask


def test_anybody_reads_the_catalogue(client: Client, cohort: Cohort) -> None:
    answer = client.get("/api/v1/courses/").json()

    (course,) = answer["results"]
    assert (course["slug"], course["title"], course["language"]) == ("pipelines", "Pipelines", "en")
    assert (course["hours"], course["level"], course["languages"]) == ("2.0", "introductory", ["en"])


def test_a_course_lists_its_modules_and_units(client: Client, cohort: Cohort) -> None:
    course = client.get("/api/v1/courses/pipelines/").json()

    (module,) = course["modules"]
    assert [(unit["slug"], unit["kind"], unit["title"]) for unit in module["units"]] == [
        ("read", "reading", "Read this"),
        ("check", "quiz", "Check yourself"),
        ("practise", "lab", "Practise"),
    ]


def test_cohorts_are_those_that_can_be_joined_and_ones_own(
    as_ada: Callable[..., Any], enrolment: Enrolment
) -> None:
    open_one = make.CohortFactory.create()
    make.CohortFactory.create(release__course__is_listed=False)
    enrolment.cohort.release.course.is_listed = False
    enrolment.cohort.release.course.save()

    cohorts = as_ada("cohorts/").json()["results"]

    assert {cohort["id"] for cohort in cohorts} == {
        str(enrolment.cohort.public_id),
        str(open_one.public_id),
    }


def test_enrolling_works_like_the_button_and_again_changes_nothing(
    as_ada: Callable[..., Any], cohort: Cohort, ada: User
) -> None:
    first = as_ada("enrolments/", {"cohort": str(cohort.public_id)})
    second = as_ada("enrolments/", {"cohort": str(cohort.public_id)})

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.json()["status"] == "active"
    assert Enrolment.objects.get().events.get().actor == ada


def test_a_refusal_has_a_reason_for_programs_and_a_sentence_for_people(
    as_ada: Callable[..., Any], cohort: Cohort
) -> None:
    Cohort.objects.update(policy=Cohort.Policy.CODE)

    answer = as_ada("enrolments/", {"cohort": str(cohort.public_id)})

    assert answer.status_code == 409
    assert answer.json()["reason"] == "needs_code"
    assert answer.json()["detail"].startswith("This cohort is joined with a code")


@pytest.mark.parametrize("data", [{}, {"cohort": "x"}, {"cohort": None}, {"cohort": ["a"]}])
def test_nonsense_is_a_400(as_ada: Callable[..., Any], data: dict[str, object]) -> None:
    assert as_ada("enrolments/", data).status_code == 400


def test_an_enrolment_shows_what_was_done(as_ada: Callable[..., Any], enrolment: Enrolment) -> None:
    record_score(enrolment, "practise", 4, 5, is_complete=True)

    answer = as_ada(f"enrolments/{enrolment.public_id}/").json()

    (progress,) = answer["progress"]
    assert (progress["unit"], progress["score"], progress["max_score"]) == ("practise", 4.0, 5.0)
    assert progress["completed_at"] is not None


def test_ones_own_enrolments_and_nobody_elses_are_listed(
    as_ada: Callable[..., Any], enrolment: Enrolment
) -> None:
    make.EnrolmentFactory.create(cohort=enrolment.cohort)

    (only,) = as_ada("enrolments/").json()["results"]

    assert only["id"] == str(enrolment.public_id)


def test_withdrawn_enrolments_are_still_ones_own(as_ada: Callable[..., Any], enrolment: Enrolment) -> None:
    Enrolment.objects.update(status=EnrolmentStatus.WITHDRAWN)

    assert as_ada("enrolments/").json()["results"][0]["status"] == "withdrawn"


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("path", ["courses/pipelines/", "cohorts/{cohort}/", "enrolments/{enrolment}/"])
def test_nothing_is_changed_or_deleted_over_the_api(
    enrolment: Enrolment, ada: User, sign_in: SignIn, method: str, path: str
) -> None:
    place = path.format(cohort=enrolment.cohort.public_id, enrolment=enrolment.public_id)

    assert getattr(sign_in(ada), method)(f"/api/v1/{place}").status_code == 405


@pytest.mark.parametrize(("path", "queries"), [("courses/", 4), ("cohorts/", 3), ("enrolments/", 4)])
@pytest.mark.parametrize("count", [1, 5])
def test_lists_take_the_same_number_of_queries_however_long(
    as_ada: Callable[..., Any],
    enrolment: Enrolment,
    ada: User,
    count: int,
    path: str,
    queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(count - 1):
        other = make.EnrolmentFactory.create(learner=ada)
        make.UnitProgressFactory.create(enrolment=other)

    with django_assert_num_queries(queries):
        assert len(as_ada(path).json()["results"]) == count


def test_the_document_describes_the_api_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())
