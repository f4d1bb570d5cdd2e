"""Bodies that are too large are refused by their length; what is not much too large is read and thrown away."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from config.bodies import DRAINED, BodySizeMiddleware, allow_body
from courses.models import User

pytestmark = pytest.mark.django_db

MOST = settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def show(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("shown")


class Stream:
    """A body that counts what was read of it."""

    readline = None

    def __init__(self, length: int) -> None:
        self.left = length
        self.read_count = 0

    def read(self, size: int) -> bytes:
        piece = min(size, self.left)
        self.left -= piece
        self.read_count += piece
        return b"x" * piece


def ask(length: int, user: Any, view: Callable[..., HttpResponse] = show) -> tuple[int, int]:
    """The status of the refusal, 0 where there is none, and how much of the body was read."""
    stream = Stream(length)
    environment: dict[str, Any] = {"CONTENT_LENGTH": str(length), "wsgi.input": stream}
    request = RequestFactory().generic("POST", "/", **environment)
    request.user = user
    refusal = BodySizeMiddleware(show).process_view(request, view, (), {})
    return (refusal.status_code if refusal else 0), stream.read_count


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, (0, 0)), (MOST, (0, 0)), (MOST + 1, (413, MOST + 1)), (DRAINED + 1, (413, 0))],
)
def test_a_body_is_refused_by_its_length(ada: User, length: int, expected: tuple[int, int]) -> None:
    assert ask(length, ada) == expected


def test_of_a_stranger_nothing_is_read() -> None:
    assert ask(MOST + 1, AnonymousUser()) == (413, 0)


def test_a_view_that_takes_files_may_take_more_of_those_who_are_signed_in(ada: User) -> None:
    view = allow_body(2 * MOST)(show)
    assert ask(2 * MOST, ada, view) == (0, 0)
    assert ask(2 * MOST + 1, ada, view) == (413, 2 * MOST + 1)
    assert ask(2 * MOST, AnonymousUser(), view) == (413, 0)


@pytest.mark.parametrize("length", ["", str(MOST), "many"])
def test_of_an_ordinary_request_nobody_asks_whose_it_is(length: str) -> None:
    request = RequestFactory().generic("POST", "/", CONTENT_LENGTH=length)
    assert not hasattr(request, "user")
    assert BodySizeMiddleware(show).process_view(request, show, (), {}) is None


def test_it_stands_before_whatever_reads_the_body() -> None:
    names = settings.MIDDLEWARE
    assert names.index("config.bodies.BodySizeMiddleware") < names.index(
        "django.middleware.csrf.CsrfViewMiddleware"
    )


def test_the_page_says_what_to_do(client: Client) -> None:
    answer = client.post("/settings/", headers={"content-length": str(MOST + 1)})
    assert answer.status_code == 413
    assert "clear its outputs" in answer.content.decode()
