"""Jupyter's messages to and from a kernel in a box; everything that comes back is hostile.

Written for this one use instead of jupyter_client: a learner's code can put any bytes on these sockets, and must
be able to make the worker neither wait, nor grow, nor fail. The protocol is that of
https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

import contextlib
import hashlib
import hmac
import json
import math
import select
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from labs.box.zmtp import Connection, OversizedMessageError

_DELIMITER: Final = b"<IDS|MSG>"
# An envelope is a few hundred bytes. Read before anything else, it must not cost what a flood of output may.
_ENVELOPE_BYTES: Final = 65536
# Sixteen megabytes of empty lists would become half a gigabyte of them here.
_MAX_PARTS: Final = 200_000
_PROTOCOL_VERSION: Final = "5.4"

# The order of ports that a kernel's connection file gives; over ipc they become `<ip>-1` … `<ip>-5`.
_PORTS: Final = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}
_CHANNELS: Final = {"shell": "DEALER", "control": "DEALER", "iopub": "SUB"}


class BrokenMessageError(Exception):
    """Frames that are no message of Jupyter's protocol."""


@dataclass(frozen=True)
class Message:
    """One message of a kernel: its envelope, and its content still as bytes, not yet looked into."""

    channel: str
    kind: str
    parent_id: str
    size: int
    raw_content: bytes = field(repr=False)

    def read_content(self) -> dict[str, object]:
        return _read_object(self.raw_content)


class Channels:
    """The shell, control and iopub sockets of one kernel. They connect once and never again."""

    def __init__(self) -> None:
        self._key = uuid.uuid4().hex
        self._session = uuid.uuid4().hex
        self._connections: dict[str, Connection] = {}
        self.received_messages = 0
        self.is_flooded = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections.values():
            connection.close()

    @property
    def connection(self) -> dict[str, object]:
        """What the kernel's connection file has to say, without the place of the sockets (`ip`)."""
        return {**_PORTS, "transport": "ipc", "key": self._key, "signature_scheme": "hmac-sha256"}

    @property
    def is_cut(self) -> bool:
        """Whether a connection ended, as they do when the kernel is gone."""
        return any(connection.is_ended for connection in self._connections.values())

    @property
    def ready(self) -> set[str]:
        """The channels whose connection the kernel has taken."""
        return {name for name, connection in self._connections.items() if connection.is_ready}

    @property
    def received_bytes(self) -> int:
        return sum(connection.received_bytes for connection in self._connections.values())

    def connect(self, open_socket: Callable[[int], AbstractContextManager[str]]) -> None:
        """Connect all of them, given what opens a path to a port. Raises OSError where no kernel listens."""
        for channel, kind in _CHANNELS.items():
            with open_socket(_PORTS[f"{channel}_port"]) as path:
                self._connections[channel] = Connection(path, kind)

    def send(self, channel: str, kind: str, content: Mapping[str, object]) -> str:
        """Ask the kernel for something, without ever waiting for it to take the message; returns the message id."""
        message_id = uuid.uuid4().hex
        header = {
            "msg_id": message_id,
            "msg_type": kind,
            "username": "box",
            "session": self._session,
            "date": datetime.now(UTC).isoformat(),
            "version": _PROTOCOL_VERSION,
        }
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        signature = hmac.new(self._key.encode(), b"".join(parts), hashlib.sha256).hexdigest().encode()
        self._connections[channel].send([_DELIMITER, signature, *parts])
        return message_id

    def receive(self, seconds: float) -> Iterator[Message]:
        """What one read of each channel brought, waiting at most so long; broken messages are counted and dropped."""
        poll = select.poll()
        listening = {each.fileno(): name for name, each in self._connections.items() if not each.is_ended}
        for descriptor, channel in listening.items():
            wants_to_write = self._connections[channel].wants_to_write
            poll.register(descriptor, select.POLLIN | (select.POLLOUT if wants_to_write else 0))
        for descriptor, events in poll.poll(max(0.0, seconds) * 1000):
            channel = listening[descriptor]
            if events & select.POLLOUT:
                self._connections[channel].write()
            if events & ~select.POLLOUT:
                yield from self._take(channel)

    def _take(self, channel: str) -> Iterator[Message]:
        try:
            for frames in self._connections[channel].read():
                self.received_messages += 1
                with contextlib.suppress(BrokenMessageError):
                    yield read_message(channel, frames)
        except OversizedMessageError:
            self.is_flooded = True


def read_message(channel: str, frames: list[bytes]) -> Message:
    """Raises BrokenMessageError for frames that are none."""
    if _DELIMITER not in frames[:2]:
        raise BrokenMessageError("no delimiter")
    parts = frames[frames.index(_DELIMITER) + 1 :]
    if len(parts) < 5:
        raise BrokenMessageError("too few parts")
    if len(parts[1]) + len(parts[2]) > _ENVELOPE_BYTES:
        raise BrokenMessageError("too long an envelope")
    header, parent = _read_object(parts[1]), _read_object(parts[2])
    kind, parent_id = header.get("msg_type"), parent.get("msg_id", "")
    if not isinstance(kind, str) or not isinstance(parent_id, str):
        raise BrokenMessageError("no type")
    return Message(channel, kind, parent_id, len(parts[4]), parts[4])


def _read_float(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _read_object(raw: bytes) -> dict[str, object]:
    if raw.count(b"[") + raw.count(b"{") > _MAX_PARTS:
        raise BrokenMessageError("too many parts")
    try:
        # JSON has no NaN or infinities; Python's reader takes them, databases do not.
        read = json.loads(raw, parse_constant=lambda _: None, parse_float=_read_float)
    except (ValueError, RecursionError) as error:
        raise BrokenMessageError("no JSON") from error
    if not isinstance(read, dict):
        raise BrokenMessageError("no object")
    return read
