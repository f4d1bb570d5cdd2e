"""Tokens, sizes, times, and answers that are none."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from deploy.jupyterhub.slurm.firecrest import FirecrestScheduler
from deploy.jupyterhub.slurm.firecrest_http import FirecrestHttp, Secret
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError
from tests.deploy.jupyterhub.slurm.firecrests import (
    URL,
    Clock,
    answering,
    firecrest,
    submit,
)
from tests.servers.firecrest import (
    CLIENT_SECRET,
    FirecrestApi,
)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("nonsense"),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"jobs": {}}),
        httpx.Response(200, json={"jobs": ["x"]}),
        httpx.Response(200, json={"jobs": [{"jobId": 1}]}),
        httpx.Response(200, json={"jobs": [{"jobId": 1, "status": {"state": "<b>"}, "time": {}}]}),
        httpx.Response(301, headers={"location": "http://127.0.0.1/"}),
        httpx.Response(500, json={"message": "x"}),
        httpx.Response(429),
    ],
)
def test_an_answer_that_makes_no_sense_is_no_empty_queue(answer: httpx.Response | Exception) -> None:
    with pytest.raises(SchedulerUnavailableError):
        asyncio.run(firecrest(transport=answering(answer)).read_queue())


def test_more_than_anybody_should_say_is_no_answer() -> None:
    async def ask() -> None:
        http = FirecrestHttp(
            url=URL, token_url=f"{URL}/token", client_id="a", client_secret="b", questions=firecrest().questions,
            transport=answering(httpx.Response(200, content=b"x" * 1001)), answer_bytes=1000,
        )  # fmt: skip
        await http.ask("GET", "/status")

    with pytest.raises(SchedulerUnavailableError, match="more than 1000 bytes"):
        asyncio.run(ask())


def test_who_takes_too_long_in_all_gives_no_answer() -> None:
    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            while True:
                await asyncio.sleep(0.01)
                yield b" "

    async def ask() -> None:
        http = FirecrestHttp(
            url=URL, token_url=f"{URL}/token", client_id="a", client_secret="b", questions=firecrest().questions,
            transport=answering(httpx.Response(200, stream=Dripping())), seconds=0.2,
        )  # fmt: skip
        await http.ask("GET", "/status")

    with pytest.raises(SchedulerUnavailableError, match="TimeoutError"):
        asyncio.run(ask())


async def read_twice(scheduler: FirecrestScheduler, between: Callable[[], None]) -> None:
    await scheduler.read_reservations()
    between()
    await scheduler.read_reservations()


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    api, clock = FirecrestApi(), Clock()
    scheduler = firecrest(api, clock=clock)
    asyncio.run(read_twice(scheduler, lambda: setattr(clock, "seconds", clock.seconds + 200)))
    assert len(api.tokens) == 1

    api = FirecrestApi()
    asyncio.run(
        read_twice(firecrest(api, clock=clock), lambda: setattr(clock, "seconds", clock.seconds + 280))
    )
    assert len(api.tokens) == 2


def test_a_token_that_is_refused_is_fetched_anew_once() -> None:
    api = FirecrestApi()
    asyncio.run(read_twice(firecrest(api), lambda: api.tokens.append("another's")))

    assert [token for token in api.tokens if token != "another's"] == ["token-0", "token-2"]


def test_a_token_that_is_refused_again_is_no_answer() -> None:
    scheduler = firecrest(transport=answering(httpx.Response(401)))
    with pytest.raises(SchedulerUnavailableError, match="twice"):
        asyncio.run(scheduler.read_queue())
    assert scheduler.questions["token"] == 2


def test_many_who_need_a_token_wait_for_one() -> None:
    api = FirecrestApi()

    async def ask() -> None:
        scheduler = firecrest(api)
        await asyncio.gather(*(scheduler.read_reservations() for _ in range(20)))

    asyncio.run(ask())
    assert len(api.tokens) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"error": "unauthorized_client"}),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"access_token": 7}),
        httpx.Response(200, json={"access_token": "a\r\nX-Other: b", "expires_in": 60}),
        httpx.Response(200, json={"access_token": "a", "expires_in": "soon"}),
        httpx.Response(200, content=b"x" * 100_000),
        httpx.Response(302, headers={"location": "http://127.0.0.1/"}),
        httpx.ConnectError("refused"),
    ],
)
def test_without_a_token_nothing_is_asked(answer: httpx.Response | Exception) -> None:
    asked = []

    def give(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(SchedulerUnavailableError):
        asyncio.run(firecrest(transport=httpx.MockTransport(give)).read_queue())
    assert asked == ["/token"]


def test_a_redirect_takes_the_token_nowhere() -> None:
    asked = []

    def lead(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "token", "expires_in": 300})
        if request.url.host != "elsewhere.example.org":
            return httpx.Response(307, headers={"location": "https://elsewhere.example.org/"})
        return httpx.Response(200, json={"jobs": []})

    with pytest.raises(SchedulerUnavailableError):
        asyncio.run(firecrest(transport=httpx.MockTransport(lead)).read_queue())
    assert "elsewhere.example.org" not in asked


def test_no_proxy_of_the_environment_sees_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    http = FirecrestHttp(
        url=URL, token_url=f"{URL}/token", client_id="a", client_secret="b", questions=Counter()
    )

    assert http._client._mounts == {}
    asyncio.run(http.close())


def test_secrets_are_shown_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api = FirecrestApi()
    scheduler = firecrest(api)
    submit(scheduler)

    shown = caplog.text + repr(vars(scheduler)) + repr(vars(scheduler._http)) + repr(Secret("token-0"))
    assert CLIENT_SECRET not in shown
    assert "token-0" not in shown
    assert "secret-of-the-script" not in caplog.text
