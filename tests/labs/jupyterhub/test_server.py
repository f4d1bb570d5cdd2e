"""ServerClient against a server whose learner controls every byte of its answers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from labs.exceptions import ServerAnswerError
from labs.jupyterhub import KernelModel, ServerClient

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> ServerClient:
    return ServerClient(
        "http://127.0.0.1:8010",
        "/user/p-1/s-1/",
        "token-of-this-server",
        host="p-1.kajaani.localhost:8010",
        transport=httpx.MockTransport(answer),
    )


def always(status: int, content: bytes = b"{}") -> ServerClient:
    return client(lambda request: httpx.Response(status, content=content))


def kernels(*wires: object) -> ServerClient:
    return always(200, json.dumps(wires).encode())


def kernel(**changes: object) -> dict[str, object]:
    return {"id": "k", "last_activity": "2026-11-22T09:00:00.5Z", "execution_state": "idle", **changes}


def test_kernels_say_when_they_last_did_something_and_whether_they_work() -> None:
    found = kernels(kernel(), kernel(execution_state="busy", last_activity=None)).list_kernels()

    assert found == [
        KernelModel(last_activity_at=datetime(2026, 11, 22, 9, 0, 0, 500_000, tzinfo=UTC), is_busy=False),
        KernelModel(last_activity_at=None, is_busy=True),
    ]


def test_looking_at_kernels_is_no_activity() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url == "http://127.0.0.1:8010/user/p-1/s-1/api/kernels?no_track_activity=1"
        return httpx.Response(200, content=b"[]")

    assert client(answer).list_kernels() == []


@pytest.mark.parametrize(
    "answer",
    [
        always(404),
        always(302),
        always(200, b"<html>"),
        always(200, b"{}"),
        kernels(3),
        kernels(kernel(execution_state=1)),
        kernels(kernel(last_activity="lately")),
        kernels(kernel(last_activity="2026-11-22T09:00:00")),
        kernels(kernel(last_activity="0001-01-01T00:00:00+14:00")),
        kernels(kernel(last_activity=1e300)),
        always(200, b'[{"execution_state": "idle", "last_activity": NaN}]'),
    ],
)
def test_an_answer_that_is_no_list_of_kernels_says_nothing(answer: ServerClient) -> None:
    with pytest.raises(ServerAnswerError):
        answer.list_kernels()


def test_more_kernels_than_anybody_runs_are_no_answer() -> None:
    with pytest.raises(ServerAnswerError) as caught:
        kernels(*[kernel() for _ in range(101)]).list_kernels()
    assert caught.value.reason == "too_many_kernels"


def test_the_notice_goes_to_our_own_extension() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("PUT", "/user/p-1/s-1/paja/notice")
        assert json.loads(request.content) == {"language": "fi", "message": "Terve"}
        return httpx.Response(204)

    client(answer).put_notice({"language": "fi", "message": "Terve"})


@pytest.mark.parametrize("status", [200, 302, 400, 404, 500])
def test_a_notice_that_was_not_taken_is_said(status: int) -> None:
    with pytest.raises(ServerAnswerError) as caught:
        always(status).put_notice({})
    assert caught.value.reason == "notice_refused"
