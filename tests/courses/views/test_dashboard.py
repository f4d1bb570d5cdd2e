from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from courses.services.progress import complete_unit
from courses.states import EnrolmentStatus
from tests.factories import courses as make

SignIn = Callable[[User], Client]
CountQueries = Callable[[Callable[[], object]], int]


def shown_to(client: Client) -> str:
    return client.get(reverse("courses:home")).content.decode()


def test_somebody_without_a_course_is_led_to_the_catalogue(sign_in: SignIn, ada: User) -> None:
    shown = shown_to(sign_in(ada))

    assert "You are in no course yet" in shown
    assert reverse("courses:catalogue") in shown


def test_a_course_shows_its_next_unit_as_the_one_thing_to_do(
    enrolment: Enrolment, sign_in: SignIn, ada: User
) -> None:
    complete_unit(enrolment, "read")

    shown = shown_to(sign_in(ada))

    assert reverse("courses:unit", args=[enrolment.cohort.public_id, "check"]) in shown
    assert shown.partition("<main")[2].partition("</main>")[0].count("btn-primary") == 1
    assert "1 of 3 units" in shown


def test_a_course_that_has_not_started_says_when_it_does(
    enrolment: Enrolment, sign_in: SignIn, ada: User
) -> None:
    Cohort.objects.update(starts_at=timezone.now() + timedelta(days=2))

    shown = shown_to(sign_in(ada))

    assert "Starts on" in shown
    assert reverse("courses:unit", args=[enrolment.cohort.public_id, "read"]) not in shown


def test_waiting_and_completed_courses_have_their_own_place(
    enrolment: Enrolment, sign_in: SignIn, ada: User
) -> None:
    make.EnrolmentFactory.create(learner=ada, status=EnrolmentStatus.WAITLISTED)
    Enrolment.objects.filter(pk=enrolment.pk).update(status=EnrolmentStatus.COMPLETED)

    shown = shown_to(sign_in(ada))

    assert "On the waiting list" in shown
    assert "Completed" in shown


def test_a_course_that_was_left_is_not_shown(enrolment: Enrolment, sign_in: SignIn, ada: User) -> None:
    Enrolment.objects.update(status=EnrolmentStatus.WITHDRAWN)

    assert "Pipelines" not in shown_to(sign_in(ada))


def test_what_was_worked_on_last_comes_first(enrolment: Enrolment, sign_in: SignIn, ada: User) -> None:
    make.EnrolmentFactory.create(learner=ada, cohort__release__texts__title="Other")
    complete_unit(enrolment, "read")

    shown = shown_to(sign_in(ada))

    assert shown.index("Pipelines") < shown.index(">Other<")


def test_it_takes_the_same_number_of_queries_however_many_courses(
    enrolment: Enrolment, sign_in: SignIn, ada: User, count_queries: CountQueries
) -> None:
    client = sign_in(ada)
    with_one = count_queries(lambda: shown_to(client))

    for _ in range(3):
        other = make.EnrolmentFactory.create(learner=ada)
        make.UnitFactory.create(module__release=other.cohort.release)

    assert count_queries(lambda: shown_to(client)) == with_one <= 15
