"""Leaving Paja: which hubs are told, by which events, and that nobody waits for a hub or a broker."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.signals import user_logged_out
from django.test import Client
from django.urls import reverse
from kombu.exceptions import OperationalError

from courses.models import Enrolment, User
from labs import tasks
from labs.models import SignOut
from labs.services.signing_out import request_sign_out
from tests.factories import labs as make

Sent = list[tuple[int, str]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    sent: Sent = []
    monkeypatch.setattr(tasks, "send_sign_out", lambda number, factory: sent.append((number, factory)))
    return sent


@pytest.fixture
def world(enrolment: Enrolment) -> None:
    """Ada had a session at kajaani; there is another hub where she never was."""
    make.LabSessionFactory.create(enrolment=enrolment, status="stopped")
    make.HubFactory.create()


@pytest.mark.usefixtures("world")
def test_each_hub_where_a_person_had_a_session_is_told_on_commit(
    ada: User, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        request_sign_out(ada)
        assert sent == []

    assert [(row.user, row.hub.factory.slug) for row in SignOut.objects.all()] == [(ada, "kajaani")]
    assert sent == [(SignOut.objects.get().pk, "kajaani")]


@pytest.mark.usefixtures("world", "sent")
def test_a_second_log_out_renews_what_a_hub_has_not_heard_yet(ada: User) -> None:
    request_sign_out(ada)
    first = SignOut.objects.get()
    request_sign_out(ada)

    assert SignOut.objects.get().requested_at > first.requested_at


@pytest.mark.usefixtures("world", "sent")
def test_logging_out_of_paja_signs_out_of_the_hubs(ada: User, sign_in: Callable[[User], Client]) -> None:
    sign_in(ada).post(reverse("account_logout"))

    assert SignOut.objects.get().user == ada


@pytest.mark.usefixtures("world", "sent")
def test_a_new_password_signs_out_of_the_hubs(ada: User, sign_in: Callable[[User], Client]) -> None:
    ada.set_password("the-old-password-2026")
    ada.save()
    client = sign_in(ada)
    SignOut.objects.all().delete()
    new = "another-password-2026"

    client.post(
        reverse("account_change_password"),
        {"oldpassword": "the-old-password-2026", "password1": new, "password2": new},
    )

    ada.refresh_from_db()
    assert ada.check_password(new)
    assert SignOut.objects.get().user == ada


@pytest.mark.usefixtures("world", "sent")
def test_a_password_that_staff_set_signs_out_of_the_hubs(ada: User, admin_client: Client) -> None:
    new = "another-password-2026"

    admin_client.post(
        reverse("admin:auth_user_password_change", args=[ada.pk]), {"password1": new, "password2": new}
    )

    ada.refresh_from_db()
    assert ada.check_password(new)
    assert SignOut.objects.get().user == ada


@pytest.mark.usefixtures("world", "sent")
def test_somebody_who_is_deactivated_is_signed_out_and_nobody_else_who_is_saved(ada: User) -> None:
    ada.save()
    assert not SignOut.objects.exists()

    ada.is_active = False
    ada.save()

    assert SignOut.objects.get().user == ada


@pytest.mark.django_db
def test_logging_out_without_being_logged_in_is_nothing() -> None:
    user_logged_out.send(sender=User, request=None, user=None)

    assert not SignOut.objects.exists()


@pytest.mark.usefixtures("world")
def test_a_broker_that_is_down_lets_people_log_out(
    ada: User,
    sign_in: Callable[[User], Client],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("down")

    monkeypatch.setattr(tasks, "send_sign_out", fail)
    client = sign_in(ada)

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(reverse("account_logout"))

    assert answer.status_code == 302
    assert SignOut.objects.exists()
