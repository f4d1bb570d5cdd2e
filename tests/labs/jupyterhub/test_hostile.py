"""A server that means harm, on a real socket: every answer ends, in time and in memory, with a reason."""

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from labs.exceptions import ServerAnswerError
from labs.jupyterhub import ServerClient, TimedTransport
from tests.servers.hostile import BEHAVIOURS, HostileServer

pytestmark = pytest.mark.live

SECONDS = 1.0
MEGABYTE = 1024 * 1024
SLOW = {"dripping_headers", "dripping_early_answers", "dripping_body", "silence"}
# Not to be told from what a proxy that is killed leaves.
CUT = {"cut_short", "no_http", "switched_protocols", "endless_headers", "endless_header_line"}
REASONS = {
    "endless_body": {"answer_too_large"},
    "endless_chunks": {"answer_too_large"},
    "endless_early_answers": {"answer_too_large"},
    "compressed": {"answer_too_large"},
    "many_values": {"answer_too_large"},
    "hundred_thousand_files": {"answer_too_large"},
    "folders_in_a_circle": {"too_deep"},
    **{name: {"answer_too_slow"} for name in SLOW},
    **{name: {"server_unreachable"} for name in CUT},
}
HARMLESS = {"odd_names", "larger_than_listed"}  # there is a list to be had


@contextmanager
def client_of(server: HostileServer, seconds: float = SECONDS) -> Iterator[ServerClient]:
    transport = TimedTransport(seconds)
    with ServerClient(
        server.url, "/user/p-1/s-1/", "token", host="p-1.localhost", transport=transport
    ) as client:
        yield client


@pytest.mark.parametrize("name", sorted(BEHAVIOURS.keys() - HARMLESS))
def test_no_answer_is_followed_awaited_or_kept_without_end(name: str) -> None:
    with HostileServer(name) as server, client_of(server, SECONDS if name in SLOW else 20) as client:
        tracemalloc.start()
        started = time.monotonic()
        with pytest.raises(ServerAnswerError) as caught:
            client.list_files("demo", max_files=200, max_depth=5)
        seconds = time.monotonic() - started
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert caught.value.reason in REASONS.get(name, {"server_answer"})
    assert seconds < 10
    # The server's own memory is counted too: it makes its answers in this process.
    assert peak < 120 * MEGABYTE
    assert all(asked.startswith("GET /user/p-1/s-1/api/contents/demo") for asked in server.asked)
    assert len(server.asked) <= 5


@pytest.mark.parametrize(
    "name", ["endless_body", "endless_chunks", "endless_early_answers", "endless_headers"]
)
def test_what_never_ends_is_cut_off_soon_after_its_limit(name: str) -> None:
    with HostileServer(name) as server, client_of(server, 20) as client, pytest.raises(ServerAnswerError):
        client.list_kernels()

    assert server.sent < 16 * MEGABYTE  # what the sockets of both sides hold comes on top of the limit


def test_a_conversation_has_one_end_however_many_questions_it_has() -> None:
    with HostileServer("odd_names") as server, client_of(server, 0.5) as client:
        started = time.monotonic()
        with pytest.raises(ServerAnswerError) as caught:
            list_again_and_again(client, until=started + 10)

    assert caught.value.reason == "answer_too_slow"
    assert time.monotonic() - started < 5


def list_again_and_again(client: ServerClient, *, until: float) -> None:
    while time.monotonic() < until:
        client.list_files("demo", max_files=200, max_depth=5)


def test_an_upload_that_is_not_read_ends_in_time() -> None:
    with HostileServer("silence") as server, client_of(server) as client:
        started = time.monotonic()
        with pytest.raises(ServerAnswerError) as caught:
            client.put_notice({"message": "x" * 30 * MEGABYTE})

    assert caught.value.reason == "answer_too_slow"
    assert time.monotonic() - started < 5


def test_names_that_cannot_be_kept_do_not_hide_the_others() -> None:
    with HostileServer("odd_names") as server, client_of(server, 20) as client:
        listing = client.list_files("demo", max_files=200, max_depth=5)

    assert [file.path for file in listing.files] == ["demo/kept.csv"]
    assert len(listing.refused) == 7
    assert all(name.isprintable() and len(name) <= 120 for name in listing.refused)


def test_a_file_is_measured_and_not_believed() -> None:
    with HostileServer("larger_than_listed") as server, client_of(server, 20) as client:
        listing = client.list_files("demo", max_files=200, max_depth=5)
        with pytest.raises(ServerAnswerError) as caught:
            client.read_file(listing.files[0].path, max_bytes=MEGABYTE)

    assert listing.files[0].size == 3
    assert caught.value.reason == "answer_too_large"
