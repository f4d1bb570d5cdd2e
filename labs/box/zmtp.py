"""The client's half of ZeroMQ's wire protocol over a Unix socket, with a ceiling on what it ever holds.

libzmq takes in a message of any number of frames before anybody may look at it, so a hostile kernel could fill
the worker's memory with one that never ends. Version 3.0 with the NULL mechanism (https://rfc.zeromq.org/spec/23/)
is little enough to speak here.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Final

from labs.box.limits import MEBIBYTE

MAX_MESSAGE_BYTES: Final = 16 * MEBIBYTE
_MAX_FRAMES: Final = 1024
# Small, so that a kernel that sends as fast as it can leaves the reader time to look at its clock.
_READ_BYTES: Final = 65536
_CONNECT_SECONDS: Final = 10

_SIGNATURE: Final = b"\xff" + bytes(8) + b"\x7f"
_GREETING: Final = _SIGNATURE + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
_MORE, _LONG, _COMMAND = 1, 2, 4
_SUBSCRIBE_TO_ALL: Final = b"\x01"


class OversizedMessageError(Exception):
    """A message larger than anything that is worth reading."""


class Connection:
    """One connection to a kernel's socket. When it has ended it stays so.

    It `is_ready` when the other side has taken it and said so.
    """

    def __init__(self, path: str, kind: str) -> None:
        """`kind` is DEALER or SUB; the latter hears everything. Raises OSError when nobody listens at the path."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._incoming = bytearray()
        self._outgoing = bytearray(_GREETING + _frame(_ready(kind), _COMMAND))
        self._frames: list[bytes] = []
        self._frames_size = 0
        self._is_greeted = False
        # libzmq takes a message that comes before its own half of the handshake is done for a fault.
        self._waiting = bytearray()
        self.is_ready = False
        self.is_ended = False
        self.received_bytes = 0
        try:
            self._socket.settimeout(_CONNECT_SECONDS)
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        if kind == "SUB":
            self.send([_SUBSCRIBE_TO_ALL])

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self.is_ended = True
        self._socket.close()

    @property
    def wants_to_write(self) -> bool:
        return bool(self._outgoing) and not self.is_ended

    def send(self, frames: list[bytes]) -> None:
        """Leave a message to be written as the kernel takes it; never waits."""
        written = self._outgoing if self.is_ready else self._waiting
        for place, content in enumerate(frames):
            written += _frame(content, _MORE if place < len(frames) - 1 else 0)
        self.write()

    def write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                while self.wants_to_write:
                    written = self._socket.send(self._outgoing)
                    del self._outgoing[:written]
            except (BrokenPipeError, ConnectionError):
                self.is_ended = True

    def read(self) -> Iterator[list[bytes]]:
        """The messages that one read completed. Raises OversizedMessageError; then there is no reading on."""
        try:
            content = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if not content:
            self.is_ended = True
            return
        self._incoming += content
        self.received_bytes += len(content)
        if not self._is_greeted:
            if len(self._incoming) < len(_GREETING):
                return
            del self._incoming[: len(_GREETING)]
            self._is_greeted = True
        yield from self._split()

    def _split(self) -> Iterator[list[bytes]]:
        place = 0
        while (frame := _find_frame(self._incoming, place)) is not None:
            flags, start, end = frame
            self._check_size(end - start, len(self._frames) + 1)
            if end > len(self._incoming):
                break
            place = end
            if flags & _COMMAND:
                self._start_sending()
                continue
            self._frames.append(bytes(self._incoming[start:end]))
            self._frames_size += end - start
            if not flags & _MORE:
                message, self._frames, self._frames_size = self._frames, [], 0
                yield message
        del self._incoming[:place]

    def _start_sending(self) -> None:
        """At the kernel's READY, the only command that a peer of version 3.0 sends."""
        self.is_ready = True
        self._outgoing += self._waiting
        self._waiting.clear()
        self.write()

    def _check_size(self, size: int, frames: int) -> None:
        if self._frames_size + size > MAX_MESSAGE_BYTES or frames > _MAX_FRAMES:
            self.close()
            raise OversizedMessageError(f"{frames} frames of {self._frames_size + size} bytes and more")


def _find_frame(content: bytearray, place: int) -> tuple[int, int, int] | None:
    """Flags, start and end of the frame that begins at `place`, as soon as its head is there."""
    if len(content) < place + 2:
        return None
    flags = content[place]
    if not flags & _LONG:
        return flags, place + 2, place + 2 + content[place + 1]
    if len(content) < place + 9:
        return None
    return flags, place + 9, place + 9 + struct.unpack_from(">Q", content, place + 1)[0]


def _frame(content: bytes, flags: int) -> bytes:
    if len(content) > 255:
        return bytes([flags | _LONG]) + struct.pack(">Q", len(content)) + content
    return bytes([flags, len(content)]) + content


def _ready(kind: str) -> bytes:
    properties = b"".join(
        bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
        for name, value in ((b"Socket-Type", kind.encode()),)
    )
    return b"\x05READY" + properties
