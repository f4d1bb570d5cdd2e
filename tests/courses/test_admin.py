"""Django's admin: for administrators, and read-only where a service writes."""

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from courses.models import CourseRelease, Enrolment, User

SignIn = Callable[[User], Client]
REGISTERED = [model for model in admin.site._registry if model._meta.app_label == "courses"]


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
def test_an_administrator_sees_every_list(administrator: User, sign_in: SignIn, model: type[User]) -> None:
    name = f"admin:courses_{model._meta.model_name}_changelist"

    assert sign_in(administrator).get(reverse(name)).status_code == 200


def test_an_administrator_makes_an_account_by_its_address(administrator: User, sign_in: SignIn) -> None:
    password = "correct horse battery"
    response = sign_in(administrator).post(
        reverse("admin:courses_user_add"),
        {
            "email": "new@example.org",
            "full_name": "New",
            "usable_password": "true",
            "password1": password,
            "password2": password,
        },
    )

    assert response.status_code == 302
    assert User.objects.get(email="new@example.org").check_password(password)


@pytest.mark.parametrize("action", ["add", "delete"])
def test_nobody_makes_or_deletes_by_hand_what_services_write(
    administrator: User, enrolment: Enrolment, release: CourseRelease, sign_in: SignIn, action: str
) -> None:
    client = sign_in(administrator)
    for row in (enrolment, release):
        arguments = [] if action == "add" else [row.pk]
        url = reverse(f"admin:courses_{row._meta.model_name}_{action}", args=arguments)
        assert client.post(url, {"post": "yes"}).status_code == 403


def test_others_are_not_let_in(ada: User, sign_in: SignIn) -> None:
    client = sign_in(ada)
    assert client.get(reverse("admin:index")).status_code == 302
    assert client.get(reverse("admin:login")).status_code == 403


@pytest.mark.django_db
def test_the_only_form_to_log_in_with_is_the_one_that_counts_attempts(client: Client) -> None:
    for name in ("admin:index", "admin:login"):
        assert (
            client.get(reverse(name), follow=True).redirect_chain[-1][0].startswith(reverse("account_login"))
        )
