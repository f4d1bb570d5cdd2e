"""What of a box is reached from outside: a pretend root in a folder, in which learners' code was there first."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.box.bubblewrap import OWN_FOLDERS
from labs.box.root import SOCKETS, BoxRoot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for own in OWN_FOLDERS:
        (tmp_path / own.strip("/")).mkdir(parents=True)
    (tmp_path / "run" / "token.json").write_text("{}")
    return tmp_path


@pytest.fixture
def root(folder: Path) -> Iterator[BoxRoot]:
    descriptor = os.open(folder, os.O_PATH)
    found = BoxRoot(descriptor, "token")
    os.close(descriptor)
    yield found
    found.close()


def bind(folder: Path, *ports: int) -> list[socket.socket]:
    bound = []
    for port in ports:
        listener = socket.socket(socket.AF_UNIX)
        here = os.open(folder / "run", os.O_PATH)
        listener.bind(f"/proc/self/fd/{here}/token-{port}")  # names of sockets must be short
        os.close(here)
        listener.listen()
        bound.append(listener)
    return bound


def close(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def test_the_sockets_are_there_when_all_of_them_are(folder: Path, root: BoxRoot) -> None:
    bound = bind(folder, *SOCKETS[:-1])
    assert not root.has_sockets
    bound += bind(folder, SOCKETS[-1])
    assert root.has_sockets
    close(bound)


def test_a_socket_is_connected_to_under_a_path_that_leads_to_it(folder: Path, root: BoxRoot) -> None:
    (listener,) = bind(folder, 1)
    with root.open_socket(1) as path, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        listener.accept()[0].close()
    listener.close()


@pytest.mark.parametrize("what", ["link", "file", "nothing"])
def test_only_a_socket_is_followed(folder: Path, root: BoxRoot, tmp_path: Path, what: str) -> None:
    elsewhere = bind(folder, 2)
    name = folder / "run" / "token-1"
    if what == "link":
        name.symlink_to(folder / "run" / "token-2")
    elif what == "file":
        name.write_text("")
    with pytest.raises(OSError), root.open_socket(1):
        pass
    close(elsewhere)


def test_sockets_and_key_are_taken_away(folder: Path, root: BoxRoot) -> None:
    bound = bind(folder, *SOCKETS)
    (folder / "run" / "mine").write_text("")
    root.unlink_sockets()
    assert [path.name for path in (folder / "run").iterdir()] == ["mine"]
    close(bound)


def test_a_folder_that_is_a_link_is_no_part_of_a_box(folder: Path) -> None:
    (folder / "tmp").rmdir()
    (folder / "tmp").symlink_to("/tmp")
    descriptor = os.open(folder, os.O_PATH)
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError):
        BoxRoot(descriptor, "token")
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
    os.close(descriptor)


def test_a_machine_is_no_box() -> None:
    assert BoxRoot.find(os.getpid(), "token") is None


def test_files_are_counted(root: BoxRoot) -> None:
    assert root.count_files() >= len(OWN_FOLDERS)
