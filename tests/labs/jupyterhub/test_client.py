"""HubClient against answers that a hub can give, good and bad."""

import json
from collections.abc import Callable

import httpx
import pytest

from labs.exceptions import HubUnavailableError, SpawnRejectedError
from labs.jupyterhub import HubClient

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> HubClient:
    return HubClient(
        "http://127.0.0.1:8010/hub/api",
        "token-of-the-lms",
        host="kajaani.localhost:8010",
        transport=httpx.MockTransport(answer),
    )


def always(status: int, content: bytes = b"{}", **headers: str) -> HubClient:
    return client(lambda request: httpx.Response(status, content=content, headers=headers))


def model(name: str = "s-1", /, **changes: object) -> dict[str, object]:
    return {
        "name": name,
        "ready": True,
        "pending": None,
        "started": "2026-11-22T09:00:00.000000Z",
        "last_activity": None,
        "url": f"http://p-1.kajaani.localhost:8010/user/p-1/{name}/",
        **changes,
    }


def test_the_token_goes_to_the_hub_by_its_own_name() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404)

    assert client(answer).find_server("p-1", "s-1") is None
    assert seen[0].url == "http://127.0.0.1:8010/hub/api/users/p-1/servers/s-1"
    assert seen[0].headers["Host"] == "kajaani.localhost:8010"
    assert seen[0].headers["Authorization"] == "token token-of-the-lms"


@pytest.mark.parametrize("status", [302, 429, 500, 502, 503])
def test_an_answer_that_means_later_leaves_everything_unknown(status: int) -> None:
    with pytest.raises(HubUnavailableError):
        always(status, Location="http://elsewhere.example/").find_server("p-1", "s-1")


def test_no_answer_leaves_everything_unknown() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("nothing came")

    with pytest.raises(HubUnavailableError):
        client(answer).list_servers()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_any_other_refusal_is_not_asked_again(status: int) -> None:
    with pytest.raises(SpawnRejectedError):
        always(status).ensure_user("p-1")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"name": 3}',
        b"[" * 100_000,
        json.dumps(model(ready="yes")).encode(),
        json.dumps(model(url="http://[")).encode(),
    ],
)
def test_nonsense_from_the_hub_leaves_everything_unknown(content: bytes) -> None:
    with pytest.raises(HubUnavailableError):
        always(200, content).find_server("p-1", "s-1")


def test_an_answer_without_an_end_is_cut_off() -> None:
    with pytest.raises(HubUnavailableError):
        always(200, b" " * 9_000_000).list_servers()


def test_a_server_the_hub_does_not_know_is_none() -> None:
    assert always(404).find_server("p-1", "s-1") is None


def test_a_model_tells_state_and_path() -> None:
    found = always(200, json.dumps(model(ready=False, pending="spawn")).encode()).find_server("p-1", "s-1")

    assert found is not None
    assert (found.is_ready, found.pending, found.url_path) == (False, "spawn", "/user/p-1/s-1/")
    assert found.started_at is not None
    assert found.started_at.utcoffset() is not None


@pytest.mark.parametrize("now", [{"ready": True}, {"ready": False, "pending": "stop"}])
def test_a_start_refused_because_it_runs_or_ends_is_no_refusal(now: dict[str, object]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400) if request.method == "POST" else httpx.Response(200, json=model(**now))

    assert client(answer).ensure_server("p-1", "s-1", {}).name == "s-1"


@pytest.mark.parametrize("looked_up", [httpx.Response(404), httpx.Response(200, json=model(ready=False))])
def test_a_start_refused_while_nothing_runs_is_a_refusal(looked_up: httpx.Response) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400) if request.method == "POST" else looked_up

    with pytest.raises(SpawnRejectedError):
        client(answer).ensure_server("p-1", "s-1", {})


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"status": 400, "message": "Refused: quota_exceeded"}, "quota_exceeded"),
        ({"status": 400, "message": "Refused: <b>no</b>"}, ""),
        ({"status": 400, "message": f"Refused: {'a' * 65}"}, ""),
        ({"status": 400, "message": "p-1 is already running"}, ""),
        ({"status": 400, "message": 5}, ""),
        (["Refused: quota_exceeded"], ""),
    ],
)
def test_a_refusal_carries_our_spawners_slug_and_nothing_else_that_is_said(
    body: object, refusal: str
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json=body) if request.method == "POST" else httpx.Response(404)

    with pytest.raises(SpawnRejectedError) as caught:
        client(answer).ensure_server("p-1", "s-1", {})
    assert (caught.value.refusal, caught.value.reason) == (refusal, "spawn_rejected")


def test_options_travel_as_they_are() -> None:
    bodies: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            bodies.append(json.loads(request.content))
            return httpx.Response(202)
        return httpx.Response(200, json=model(ready=False, pending="spawn"))

    client(answer).ensure_server("p-1", "s-1", {"flavour": "development"})

    assert bodies == [{"user_options": {"flavour": "development"}}]


def test_a_server_that_is_stopping_is_not_told_twice() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, json=model(ready=False, pending="stop"))

    assert client(answer).ensure_stopped("p-1", "s-1") is False


def test_every_page_of_users_is_one_list() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        last = offset >= 400
        items = [{"name": f"p-{offset}", "servers": {"s-1": model(), "": model("")}}]
        return httpx.Response(
            200, json={"items": items, "_pagination": {"next": None if last else {"offset": offset + 200}}}
        )

    assert set(client(answer).list_servers()) == {("p-0", "s-1"), ("p-200", "s-1"), ("p-400", "s-1")}


def test_a_token_is_asked_for_one_server_only() -> None:
    bodies: list[dict[str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(201, json={"id": "a7", "token": "secret"})

    token = client(answer).create_server_token("p-1", "s-1", expires_in=60)

    assert bodies[0]["scopes"] == ["access:servers!server=p-1/s-1"]
    assert bodies[0]["expires_in"] == 60
    assert "secret" not in repr(token)


@pytest.mark.parametrize("name", ["", "..", "a/b", "p-1/servers/s-2", "p 1", "p\0", "P-1", "p?x=1"])
def test_a_name_that_would_reach_another_address_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        always(200).find_server("p-1", name)
    with pytest.raises(ValueError, match="not a name"):
        always(201).create_server_token(name, "s-1", expires_in=60)


def test_a_sign_out_says_how_long_ago_it_was_and_only_204_is_heard() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    client(answer).sign_out("p-1", seconds_ago=3.5)

    assert seen[0].method == "POST"
    assert seen[0].url.path == "/hub/api/paja/users/p-1/sign-out"
    assert json.loads(seen[0].content) == {"seconds_ago": 3.5}
    with pytest.raises(SpawnRejectedError):  # a hub without our handler knows no such address
        always(404).sign_out("p-1")
    with pytest.raises(HubUnavailableError):
        always(502).sign_out("p-1")
