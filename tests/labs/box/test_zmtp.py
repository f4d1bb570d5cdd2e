"""The client's half of ZeroMQ's protocol, against a peer that says whatever it likes."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labs.box.zmtp import MAX_MESSAGE_BYTES, Connection, OversizedMessageError

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
_PROPERTIES = b"\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"
READY = bytes([4, len(_PROPERTIES)]) + _PROPERTIES


@contextmanager
def connect(folder: Path, kind: str = "DEALER") -> Iterator[tuple[Connection, socket.socket]]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "peer"))
        listener.listen()
        connection = Connection(str(folder / "peer"), kind)
        peer, _ = listener.accept()
        with peer:
            yield connection, peer
        connection.close()


def read_all(connection: Connection) -> list[list[bytes]]:
    """Everything there is to read, in as many reads as it takes."""
    messages: list[list[bytes]] = []
    seen = -1
    while seen != connection.received_bytes:
        seen = connection.received_bytes
        messages += connection.read()
    return messages


def test_nothing_is_sent_before_the_peer_is_ready(tmp_path: Path) -> None:
    with connect(tmp_path) as (connection, peer):
        connection.send([b"early", b"x" * 300])
        hello = peer.recv(65536)
        assert hello[:10] == GREETING[:10]
        assert b"DEALER" in hello
        assert b"early" not in hello
        peer.sendall(GREETING + READY)
        assert read_all(connection) == []
        assert peer.recv(65536) == b"\x01\x05early\x02" + struct.pack(">Q", 300) + b"x" * 300


def test_a_subscriber_hears_everything(tmp_path: Path) -> None:
    with connect(tmp_path, "SUB") as (connection, peer):
        peer.recv(65536)
        peer.sendall(GREETING + READY)
        assert read_all(connection) == []
        assert peer.recv(65536) == b"\x00\x01\x01"


def test_messages_come_whole_however_they_are_cut(tmp_path: Path) -> None:
    long = b"y" * 70_000
    stream = GREETING + READY + b"\x01\x01a\x00\x01b" + b"\x02" + struct.pack(">Q", len(long)) + long
    with connect(tmp_path) as (connection, peer):
        messages: list[list[bytes]] = []
        for place in range(0, len(stream), 4999):
            peer.sendall(stream[place : place + 4999])
            messages += read_all(connection)
        assert messages == [[b"a", b"b"], [long]]


@pytest.mark.parametrize(
    "frames",
    [
        b"\x02" + struct.pack(">Q", MAX_MESSAGE_BYTES + 1),
        b"\x03" + struct.pack(">Q", 2**63),
        b"\x06" + struct.pack(">Q", 2**40),
        b"\x01\x01x" * 2000,
    ],
    ids=["a frame", "an absurd frame", "a command", "frames without end"],
)
def test_what_is_too_large_is_refused_before_it_is_taken_in(tmp_path: Path, frames: bytes) -> None:
    with connect(tmp_path) as (connection, peer):
        peer.sendall(GREETING + READY + frames)
        with pytest.raises(OversizedMessageError):
            read_all(connection)
        assert connection.is_ended


def test_the_end_of_the_peer_is_the_end_of_the_connection(tmp_path: Path) -> None:
    with connect(tmp_path) as (connection, peer):
        peer.close()
        assert read_all(connection) == []
        assert connection.is_ended
        connection.send([b"nobody is there"])


def test_a_path_at_which_nobody_listens_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Connection(str(tmp_path / "nobody"), "SUB")
