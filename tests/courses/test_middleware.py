"""What is sent with every page."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client

from courses.middleware import UnstoredPagesMiddleware
from courses.models import User


def test_a_page_of_somebody_who_is_logged_in_is_kept_by_no_browser(client: Client, ada: User) -> None:
    client.force_login(ada)

    assert set(client.get("/").headers["Cache-Control"].split(", ")) == {"private", "no-store"}


@pytest.mark.django_db
def test_a_page_for_everybody_may_be_kept(client: Client) -> None:
    assert "Cache-Control" not in client.get("/courses/").headers


def test_an_answer_that_says_how_it_is_kept_stays_so(ada: User) -> None:
    request = HttpRequest()
    request.user = ada
    answer = HttpResponse(headers={"Cache-Control": "max-age=60"})

    assert UnstoredPagesMiddleware(lambda _: answer)(request).headers["Cache-Control"] == "max-age=60"
