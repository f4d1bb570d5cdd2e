"""What Paja relies on, asked of the fakes and, marked live, of a real hub and a real single-user server."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from labs.exceptions import HubUnavailableError, ServerAnswerError, SpawnRejectedError
from labs.jupyterhub import HubClient, Listing, QueueAnswer, ServerClient
from tests.fakes.hub import FakeHub, FakeServer, NeverReadyHub, UnavailableHub
from tests.servers import wait_for
from tests.servers.hub import RealHub

Server = ServerClient | FakeServer
HUBS = ["fake", pytest.param("real", marks=[pytest.mark.live, pytest.mark.xdist_group("hub")])]


@pytest.fixture(params=HUBS)
def hub(request: pytest.FixtureRequest) -> Iterator[HubClient | FakeHub]:
    if request.param == "fake":
        yield FakeHub(looks=2)
        return
    real: RealHub = request.getfixturevalue("real_hub")
    with real.client() as client:
        yield client


@pytest.fixture(params=HUBS, scope="module")
def contents(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "fake":
        yield FakeServer()
        return
    real: RealHub = request.getfixturevalue("real_hub")
    real.start_server("p-00c00001", "s-00000001")
    with real.client() as client:
        token = client.create_server_token("p-00c00001", "s-00000001", expires_in=300)
    with real.contents("p-00c00001", "s-00000001", token.token) as found:
        yield found
    real.stop_server("p-00c00001", "s-00000001")


def test_a_server_goes_from_nothing_to_ready_to_nothing(hub: HubClient | FakeHub) -> None:
    user, server = "p-00c00002", "s-0000000a"
    hub.ensure_user(user)
    hub.ensure_user(user)
    assert hub.find_server(user, server) is None
    assert (user, server) not in hub.list_servers()

    first = hub.ensure_server(user, server, {})
    assert (first.is_ready, first.pending) == (False, "spawn")
    assert (user, server) in hub.list_servers()
    again = hub.ensure_server(user, server, {})
    assert again.started_at == first.started_at

    def ready() -> bool:
        model = hub.find_server(user, server)
        return model is not None and model.is_ready

    wait_for(ready, seconds=90, what="ready")
    model = hub.ensure_server(user, server, {})
    assert (model.is_ready, model.pending) == (True, "")
    assert hub.list_servers()[user, server].url_path == f"/user/{user}/{server}/"

    wait_for(lambda: hub.ensure_stopped(user, server), seconds=30, what="stopped")
    assert hub.find_server(user, server) is None
    assert hub.ensure_stopped(user, server) is True


def test_a_start_can_be_taken_back_before_it_is_ready(hub: HubClient | FakeHub) -> None:
    user, server = "p-00c00002", "s-0000000b"
    hub.ensure_user(user)
    hub.ensure_server(user, server, {})

    wait_for(lambda: hub.ensure_stopped(user, server), seconds=30, what="stopped")
    assert hub.find_server(user, server) is None


def test_nothing_is_started_for_somebody_unknown(hub: HubClient | FakeHub) -> None:
    with pytest.raises(SpawnRejectedError):
        hub.ensure_server("p-00c00003", "s-0000000c", {})
    with pytest.raises(SpawnRejectedError):
        hub.create_server_token("p-00c00003", "s-0000000c", expires_in=60)


def test_a_token_can_be_revoked_twice(hub: HubClient | FakeHub) -> None:
    hub.ensure_user("p-00c00002")
    token = hub.create_server_token("p-00c00002", "s-0000000d", expires_in=60)

    hub.revoke_token("p-00c00002", token.id)
    hub.revoke_token("p-00c00002", token.id)


def test_anybody_can_be_signed_out_twice(hub: HubClient | FakeHub) -> None:
    hub.ensure_user("p-00c00002")

    hub.sign_out("p-00c00002")
    hub.sign_out("p-00c00002", seconds_ago=60)
    hub.sign_out("p-00c00003")


def test_a_hub_without_slurm_says_so(hub: HubClient | FakeHub) -> None:
    assert not hub.read_queue().has_slurm
    assert hub.read_queue(since=datetime(2026, 11, 22, 9, 0, tzinfo=UTC)) == QueueAnswer()


def test_files_are_put_once_and_read_back_byte_for_byte(contents: Server) -> None:
    notebook = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'

    assert contents.find_file("course/unit/lab.ipynb") is None
    assert contents.create_file("course/unit/lab.ipynb", notebook) is True
    assert contents.create_file("course/unit/lab.ipynb", b"other") is False
    assert contents.create_file("course/unit/data set/ä.bin", b"\xff\x00") is True
    assert contents.read_file("course/unit/lab.ipynb", max_bytes=1000) == notebook
    assert contents.read_file("course/unit/data set/ä.bin", max_bytes=1000) == b"\xff\x00"

    found = contents.find_file("course/unit/lab.ipynb")
    assert found is not None
    assert (found.size, found.is_folder) == (len(notebook), False)
    assert found.modified_at is not None
    unit = contents.find_file("course/unit")
    assert unit is not None
    assert unit.is_folder
    listing = contents.list_files("course", max_files=100, max_depth=4)
    assert [file.path for file in listing.files] == ["course/unit/data set/ä.bin", "course/unit/lab.ipynb"]
    assert contents.list_files("nothing", max_files=100, max_depth=4) == Listing([], [])


def test_a_file_can_be_replaced_and_deleted_and_a_folder_cannot(contents: Server) -> None:
    contents.replace_file("whole/new/lab.ipynb", b"first")
    contents.replace_file("whole/new/lab.ipynb", b"second")
    assert contents.read_file("whole/new/lab.ipynb", max_bytes=100) == b"second"

    for folder in ("whole/new", ""):
        for change in (partial(contents.replace_file, content=b""), contents.delete_file):
            with pytest.raises(ServerAnswerError) as caught:
                change(folder)
            assert caught.value.reason == "file_refused"

    contents.delete_file("whole/new/lab.ipynb")
    contents.delete_file("whole/new/lab.ipynb")
    assert contents.find_file("whole/new/lab.ipynb") is None


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a\0", "a\nb"])
def test_no_file_outside_the_workspace_is_touched(contents: Server, path: str) -> None:
    for change in (partial(contents.replace_file, content=b""), contents.delete_file):
        with pytest.raises(ServerAnswerError) as caught:
            change(path)
        assert caught.value.reason == "unsafe_name"


def test_a_name_with_any_space_goes_there_and_back(contents: Server) -> None:
    contents.create_file("names/my\u00a0own lab.ipynb", b"mine")

    listing = contents.list_files("names", max_files=9, max_depth=2)

    assert [file.path for file in listing.files] == ["names/my\u00a0own lab.ipynb"]
    assert contents.read_file("names/my\u00a0own lab.ipynb", max_bytes=9) == b"mine"


def test_a_notice_is_taken(contents: Server) -> None:
    contents.put_notice(
        {
            "language": "fi",
            "paja_url": "http://localhost:8000/labs/sessions/x/",
            "links": {"label": "Avaa istunto Pajassa", "close": "Sulje"},
            "words": {"left": "{time} jäljellä", "saved": "tallennettu Pajaan {time}"},
            "ends_at": "2026-11-22T12:00:00+00:00",
            "saved_at": None,
            "message": "",
            "level": "info",
        }
    )


def test_a_server_without_a_kernel_has_none(contents: Server) -> None:
    assert contents.list_kernels() == []


@pytest.mark.parametrize(
    ("max_files", "max_depth", "reason"), [(1, 9, "too_many_files"), (99, 2, "too_deep")]
)
def test_a_list_is_never_silently_short(
    contents: Server, max_files: int, max_depth: int, reason: str
) -> None:
    contents.create_file("long/one/two/a.txt", b"a")
    contents.create_file("long/b.txt", b"b")

    with pytest.raises(ServerAnswerError) as caught:
        contents.list_files("long", max_files=max_files, max_depth=max_depth)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("path", "max_bytes", "reason"), [("big.txt", 3, "file_too_large"), ("none.txt", 9, "file_missing")]
)
def test_a_file_that_cannot_be_had_says_why(contents: Server, path: str, max_bytes: int, reason: str) -> None:
    contents.create_file("big.txt", b"four")

    with pytest.raises(ServerAnswerError) as caught:
        contents.read_file(path, max_bytes=max_bytes)
    assert caught.value.reason == reason


def test_the_fakes_fail_as_they_are_called() -> None:
    never = NeverReadyHub()
    never.ensure_user("p-1")
    for _ in range(5):
        assert never.ensure_server("p-1", "s-1", {}).pending == "spawn"
    with pytest.raises(HubUnavailableError):
        UnavailableHub().list_servers()
