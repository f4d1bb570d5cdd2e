"""ContentsClient against a server whose learner controls every byte of its answers."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.jupyterhub import ContentsClient

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> ContentsClient:
    return ContentsClient(
        "http://127.0.0.1:8010",
        "/user/p-1/s-1/",
        "token-of-this-server",
        host="p-1.kajaani.localhost:8010",
        transport=httpx.MockTransport(answer),
    )


def always(status: int, content: bytes = b"{}", **headers: str) -> ContentsClient:
    return client(lambda request: httpx.Response(status, content=content, headers=headers))


def file(name: str, kind: str = "file", **changes: object) -> dict[str, object]:
    return {"name": name, "type": kind, "size": 3, "last_modified": "2026-11-22T09:00:00Z", **changes}


def folder(*entries: dict[str, object]) -> bytes:
    return json.dumps({"type": "directory", "content": entries}).encode()


def test_the_learners_own_origin_is_named_and_only_the_proxy_is_reached() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (
            request.url
            == "http://127.0.0.1:8010/user/p-1/s-1/api/contents/lab.ipynb?content=0&no_track_activity=1"
        )
        assert request.headers["Host"] == "p-1.kajaani.localhost:8010"
        return httpx.Response(404)

    assert client(answer).find_file("lab.ipynb") is None


@pytest.mark.parametrize(
    "answer", [always(403), always(302), always(503), always(200, b"<html>"), always(200, b"[]")]
)
def test_an_answer_that_is_no_model_says_nothing_about_a_file(answer: ContentsClient) -> None:
    with pytest.raises(ServerAnswerError):
        answer.find_file("lab.ipynb")


@pytest.mark.parametrize(("status", "reason"), [(424, "server_unreachable"), (502, "server_unreachable")])
def test_what_stands_between_us_and_a_server_is_told_from_its_own_faults(status: int, reason: str) -> None:
    with pytest.raises(ServerAnswerError) as caught:
        always(status).find_file("lab.ipynb")
    assert caught.value.reason == reason
    with pytest.raises(ServerAnswerError) as caught:
        always(200, b"<html>").find_file("lab.ipynb")
    assert caught.value.reason != reason


@pytest.mark.parametrize("fault", [httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError])
def test_an_answer_that_was_cut_off_may_be_the_proxys_end(fault: type[httpx.TransportError]) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise fault("cut off")

    with pytest.raises(ServerAnswerError) as caught:
        client(answer).list_files("demo", max_files=9, max_depth=5)
    assert caught.value.reason == "server_unreachable"


def test_a_redirect_is_never_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": "http://127.0.0.1:8000/secret"})

    with pytest.raises(ServerAnswerError):
        client(answer).read_file("lab.ipynb", max_bytes=10)
    assert len(asked) == 1


def test_a_proxy_that_is_down_is_the_platforms_fault() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(HubUnavailableError):
        client(answer).find_file("lab.ipynb")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"[" * 100_000,
        b'{"content": ' + b"[" * 100_000,
        b'{"content": 3}',
        b'{"content": [3]}',
        b'{"content": [{"name": 3, "type": "file"}]}',
        folder(file("a", size=-1)),
        folder(file("a", size=True)),
        folder(file("a", size=10**40)),
        folder(file("a", last_modified="yesterday")),
        folder(file("a", last_modified="2026-11-22T09:00:00")),
        b'{"content": [{"name": "a", "type": "file", "size": ' + b"9" * 10_000 + b"}]}",
    ],
)
def test_a_list_of_the_wrong_shape_is_refused(content: bytes) -> None:
    with pytest.raises(ServerAnswerError):
        always(200, content).list_files("", max_files=10, max_depth=3)


@pytest.mark.parametrize("kind", ["file", "directory"])
@pytest.mark.parametrize("below", ["", "demo"])
@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "",
        "a/b",
        "../../etc/passwd",
        "demo/a",
        "a\0b",
        "a\\b",
        "a\nb",
        "\ud800",
        "\u202egnp",
        "ä" * 128,
    ],
)
def test_a_name_that_cannot_be_stored_is_left_out_and_said(name: str, below: str, kind: str) -> None:
    listing = always(200, folder(file(name, kind), file("kept.csv"))).list_files(
        below, max_files=10, max_depth=3
    )

    assert [found.path for found in listing.files] == [f"{below}/kept.csv".strip("/")]
    assert len(listing.refused) == 1
    assert listing.refused[0].isprintable()
    assert len(listing.refused[0]) <= 120


def test_a_path_that_is_too_long_in_all_is_left_out_and_said() -> None:
    below = "/".join(["x" * 200] * 5)
    listing = always(200, folder(file("y" * 20))).list_files(below, max_files=10, max_depth=3)

    assert (listing.files, len(listing.refused)) == ([], 1)


@pytest.mark.parametrize("name", ["my\u00a0lab.ipynb", "a\u3000b", "ä ö.csv", "λ.ipynb"])
def test_names_as_people_and_their_word_processors_write_them_are_kept(name: str) -> None:
    listing = always(200, folder(file(name))).list_files("", max_files=10, max_depth=3)

    assert ([found.path for found in listing.files], listing.refused) == ([name], [])


def test_two_files_of_one_name_are_no_folder() -> None:
    with pytest.raises(ServerAnswerError):
        always(200, folder(file("a"), file("a"))).list_files("", max_files=10, max_depth=3)


def test_the_name_counts_and_not_the_path_that_is_claimed() -> None:
    files = always(200, folder(file("a.csv", path="../../b.csv"))).list_files(
        "demo", max_files=10, max_depth=3
    )

    assert [found.path for found in files.files] == ["demo/a.csv"]


def test_folders_are_walked() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/contents/demo"):
            return httpx.Response(200, content=folder(file("b", "directory"), file("a.csv")))
        return httpx.Response(200, content=folder(file("c.csv")))

    files = client(answer).list_files("demo", max_files=10, max_depth=3)

    assert [found.path for found in files.files] == ["demo/a.csv", "demo/b/c.csv"]


def test_more_files_than_allowed_are_no_list() -> None:
    with pytest.raises(ServerAnswerError) as caught:
        always(200, folder(*[file(f"{number}") for number in range(3_000)])).list_files(
            "", max_files=1000, max_depth=3
        )
    assert caught.value.reason == "too_many_files"


def test_values_are_counted_before_any_is_built() -> None:
    content = b'{"content": [' + b"{}," * 150_000 + b"{}]}"

    with pytest.raises(ServerAnswerError) as caught:
        always(200, content).list_files("", max_files=1000, max_depth=3)
    assert caught.value.reason == "answer_too_large"


def test_folders_without_end_are_not_followed_to_the_end() -> None:
    with pytest.raises(ServerAnswerError) as caught:
        always(200, folder(file("again", "directory"))).list_files("", max_files=1000, max_depth=5)
    assert caught.value.reason == "too_deep"


def test_more_bytes_than_allowed_are_not_read() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 65536
            yield b" " * 65536

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=endless())

    with pytest.raises(ServerAnswerError) as caught:
        client(answer).read_file("lab.ipynb", max_bytes=1_000_000)
    assert caught.value.reason == "answer_too_large"
    assert read < 3_000_000


def test_a_file_larger_than_allowed_is_refused_though_its_answer_fits() -> None:
    content = json.dumps({"content": base64.b64encode(b"x" * 1001).decode()}).encode()

    with pytest.raises(ServerAnswerError) as caught:
        always(200, content).read_file("lab.ipynb", max_bytes=1000)
    assert caught.value.reason == "file_too_large"


def test_a_compressed_answer_is_refused() -> None:
    content = gzip.compress(b" " * 10_000_000)

    with pytest.raises(ServerAnswerError):
        client(
            lambda request: httpx.Response(
                200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(content)
            )
        ).read_file("lab.ipynb", max_bytes=1000)


def test_a_file_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(ServerAnswerError) as caught:
        always(404).read_file("lab.ipynb", max_bytes=10)
    assert caught.value.reason == "file_missing"


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/./b", "a\0", ""])
def test_a_path_of_ours_that_leaves_the_workspace_is_refused(path: str) -> None:
    with pytest.raises(ServerAnswerError):
        always(404).create_file(path, b"")


def test_a_file_that_exists_is_never_written_over() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, json=file("lab.ipynb"))

    assert client(answer).create_file("demo/lab.ipynb", b"new") is False


def test_a_new_file_gets_its_folders_and_its_own_bytes() -> None:
    put: list[tuple[str, dict[str, str]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(404)
        put.append((request.url.path, json.loads(request.content)))
        return httpx.Response(201)

    assert client(answer).create_file("demo/a b/lab.ipynb", b"\xff\x00") is True
    base = "/user/p-1/s-1/api/contents"
    assert put == [
        (f"{base}/demo", {"type": "directory"}),
        (f"{base}/demo/a b", {"type": "directory"}),
        (f"{base}/demo/a b/lab.ipynb", {"type": "file", "format": "base64", "content": "/wA="}),
    ]
