from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from courses.models import Cohort, Enrolment, User
from courses.states import EnrolmentStatus

SignIn = Callable[[User], Client]


def enrol_url(cohort: Cohort) -> str:
    return reverse("courses:enrol", args=[cohort.public_id])


def withdraw_url(cohort: Cohort) -> str:
    return reverse("courses:withdraw", args=[cohort.public_id])


def test_enrolling_leads_to_the_course_map(cohort: Cohort, ada: User, sign_in: SignIn) -> None:
    response = sign_in(ada).post(enrol_url(cohort))

    assert response["Location"] == reverse("courses:learn", args=[cohort.public_id])
    assert Enrolment.objects.get(learner=ada).status == EnrolmentStatus.ACTIVE


def test_pressing_twice_makes_one_enrolment(cohort: Cohort, ada: User, sign_in: SignIn) -> None:
    client = sign_in(ada)

    assert client.post(enrol_url(cohort)).status_code == client.post(enrol_url(cohort)).status_code == 302
    assert Enrolment.objects.count() == 1


def test_whoever_is_not_signed_in_logs_in_and_comes_back_to_the_course(
    client: Client, cohort: Cohort
) -> None:
    response = client.post(enrol_url(cohort))

    assert response["Location"] == f"{reverse('account_login')}?next=/courses/pipelines/"
    assert not Enrolment.objects.exists()


def test_a_full_cohort_says_that_the_learner_waits(enrolment: Enrolment, eve: User, sign_in: SignIn) -> None:
    Cohort.objects.update(capacity=1)

    response = sign_in(eve).post(enrol_url(enrolment.cohort), follow=True)

    assert "You are on its waiting list" in response.content.decode()


def test_a_refusal_is_a_sentence_on_the_courses_page(cohort: Cohort, ada: User, sign_in: SignIn) -> None:
    Cohort.objects.update(policy=Cohort.Policy.APPROVAL)

    response = sign_in(ada).post(enrol_url(cohort), follow=True)

    assert response.redirect_chain[-1][0] == "/courses/pipelines/"
    assert "This cohort is joined by approval" in response.content.decode()
    assert not Enrolment.objects.exists()


def test_withdrawing_leads_home(enrolment: Enrolment, ada: User, sign_in: SignIn) -> None:
    response = sign_in(ada).post(withdraw_url(enrolment.cohort))

    assert response["Location"] == reverse("courses:home")
    assert Enrolment.objects.get().status == EnrolmentStatus.WITHDRAWN


def test_the_units_are_closed_to_whoever_left(enrolment: Enrolment, ada: User, sign_in: SignIn) -> None:
    client = sign_in(ada)
    client.post(withdraw_url(enrolment.cohort))

    assert client.get(reverse("courses:learn", args=[enrolment.cohort.public_id])).status_code == 404


def test_a_course_that_is_completed_cannot_be_left(enrolment: Enrolment, ada: User, sign_in: SignIn) -> None:
    Enrolment.objects.update(status=EnrolmentStatus.COMPLETED)

    response = sign_in(ada).post(withdraw_url(enrolment.cohort), follow=True)

    assert "nothing to withdraw from" in response.content.decode()
    assert Enrolment.objects.get().status == EnrolmentStatus.COMPLETED


@pytest.mark.parametrize("url", [enrol_url, withdraw_url])
def test_a_link_alone_changes_nothing(
    enrolment: Enrolment, ada: User, sign_in: SignIn, url: Callable[[Cohort], str]
) -> None:
    assert sign_in(ada).get(url(enrolment.cohort)).status_code == 405
