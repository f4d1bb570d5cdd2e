from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from courses.models import Cohort, Course, CourseRelease, Enrolment, User
from courses.states import EnrolmentStatus
from tests.factories import courses as make

SignIn = Callable[[User], Client]


def page(client: Client, name: str, *arguments: object) -> str:
    response = client.get(reverse(name, args=arguments))
    assert response.status_code == 200
    return response.content.decode()


def test_the_front_page_shows_courses_and_factories_to_anybody(client: Client, cohort: Cohort) -> None:
    shown = page(client, "courses:home")

    assert "Pipelines" in shown
    assert "LUMI AI Factory" in shown
    assert reverse("account_login") in shown


def test_the_catalogue_shows_the_newest_release_of_each_listed_course(
    client: Client, release: CourseRelease
) -> None:
    make.CourseReleaseFactory.create(
        course=release.course, number=release.number + 1, texts__title="Pipelines, second edition"
    )
    make.CourseReleaseFactory.create(course__is_listed=False, texts__title="Hidden")

    shown = page(client, "courses:catalogue")

    assert shown.count('class="course-card"') == 1
    assert "Pipelines, second edition" in shown
    assert "Hidden" not in shown


def test_a_card_names_the_factories_whose_cohorts_are_not_over(client: Client, cohort: Cohort) -> None:
    over = make.CohortFactory.create(release=cohort.release, factory__city="Elsewhere")
    Cohort.objects.filter(pk=over.pk).update(
        ends_at=over.starts_at.replace(year=2000), starts_at="1999-01-01T00:00Z"
    )

    shown = page(client, "courses:catalogue")

    assert "Kajaani" in shown
    assert "Elsewhere" not in shown


def test_an_empty_catalogue_says_so(client: Client, db: None) -> None:
    assert "No courses yet" in page(client, "courses:catalogue")


@pytest.mark.parametrize("count", [1, 4])
def test_the_catalogue_takes_the_same_number_of_queries_however_long(
    client: Client, cohort: Cohort, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count - 1):
        make.CohortFactory.create()

    with django_assert_num_queries(4):
        page(client, "courses:catalogue")


def test_a_courses_page_says_what_it_teaches_and_where(client: Client, cohort: Cohort) -> None:
    shown = page(client, "courses:course", "pipelines")

    for words in ("Pipelines", "What it is about.", "More about it.", "Read this", "2 hours", "Introductory"):
        assert words in shown
    assert "LUMI AI Factory" in shown
    assert "Log in and enrol" in shown


def test_a_reader_who_is_signed_in_can_enrol_and_a_learner_can_go_on(
    enrolment: Enrolment, sign_in: SignIn, ada: User
) -> None:
    other = make.UserFactory.create()
    enrol = reverse("courses:enrol", args=[enrolment.cohort.public_id])

    assert enrol in page(sign_in(other), "courses:course", "pipelines")
    shown = page(sign_in(ada), "courses:course", "pipelines")

    assert enrol not in shown
    assert reverse("courses:learn", args=[enrolment.cohort.public_id]) in shown


def test_the_page_says_how_many_places_are_left_and_offers_the_waiting_list(
    enrolment: Enrolment, sign_in: SignIn
) -> None:
    client = sign_in(make.UserFactory.create())
    Cohort.objects.update(capacity=3)
    assert "2 places left" in page(client, "courses:course", "pipelines")

    Cohort.objects.update(capacity=1)
    assert "Join the waiting list" in page(client, "courses:course", "pipelines")


def test_whoever_waits_is_told_and_asked_no_more(enrolment: Enrolment, sign_in: SignIn, ada: User) -> None:
    Enrolment.objects.update(status=EnrolmentStatus.WAITLISTED)

    shown = page(sign_in(ada), "courses:course", "pipelines")

    assert "You are on the waiting list" in shown
    assert reverse("courses:enrol", args=[enrolment.cohort.public_id]) not in shown


def test_a_cohort_that_is_not_open_says_how_to_join(client: Client, cohort: Cohort) -> None:
    Cohort.objects.update(policy=Cohort.Policy.CODE)

    shown = page(client, "courses:course", "pipelines")

    assert "This cohort is joined with a code" in shown
    assert reverse("courses:enrol", args=[cohort.public_id]) not in shown


def test_a_course_outside_the_catalogue_has_no_page(client: Client, cohort: Cohort) -> None:
    Course.objects.update(is_listed=False)

    assert client.get(reverse("courses:course", args=["pipelines"])).status_code == 404


def test_a_text_in_another_language_says_so_to_a_screen_reader(client: Client, cohort: Cohort) -> None:
    client.cookies["paja_language"] = "fi"

    shown = page(client, "courses:course", "pipelines")

    assert '<html lang="fi"' in shown
    assert '<h1 lang="en"' in shown or 'lang="en">\n      <h1>' in shown


@pytest.mark.parametrize("name", ["courses:home", "courses:catalogue"])
def test_public_pages_take_no_post(client: Client, db: None, name: str) -> None:
    assert client.post(reverse(name)).status_code == 405
