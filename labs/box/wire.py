"""Jupyter's messages to and from a kernel in a box, over ZeroMQ; everything that comes back is hostile.

Written for this one use instead of jupyter_client: a learner's code can put any bytes on these sockets, and must
be able to make the worker neither wait, nor grow, nor fail. The protocol is that of
https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

import contextlib
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from labs.box.limits import MEBIBYTE

_DELIMITER: Final = b"<IDS|MSG>"
_PROTOCOL_VERSION: Final = "5.4"
# Together they bound what waits in the worker's memory per socket, whatever is sent.
_MAX_FRAME_BYTES: Final = 16 * MEBIBYTE
_MAX_WAITING: Final = 8
_MAX_FRAMES: Final = 64
_BATCH: Final = 32

# The order of ports that a kernel's connection file gives; over ipc they become `<ip>-1` … `<ip>-5`.
_PORTS: Final = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}


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
        self._context = zmq.Context()
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        self._monitors: dict[zmq.Socket[bytes], str] = {}
        self._poller = zmq.Poller()
        self.received_bytes = 0
        self.received_messages = 0
        self._cut: set[str] = set()

    @property
    def is_cut(self) -> bool:
        """Whether a connection ended: the kernel is gone, or sent more in one message than it is let to."""
        return bool(self._cut)

    @property
    def is_gone(self) -> bool:
        """Whether all of them ended, as they do when the kernel is gone."""
        return self._cut == set(self._sockets)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for socket in self._sockets.values():
            socket.disable_monitor()
        self._context.destroy(linger=0)

    @property
    def connection(self) -> dict[str, object]:
        """What the kernel's connection file has to say, without the place of the sockets (`ip`)."""
        return {**_PORTS, "transport": "ipc", "key": self._key, "signature_scheme": "hmac-sha256"}

    def connect(self, prefix: str) -> None:
        kinds = {"shell": zmq.DEALER, "control": zmq.DEALER, "iopub": zmq.SUB}
        for channel, kind in kinds.items():
            socket = self._context.socket(kind)
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RCVHWM, _MAX_WAITING)
            socket.setsockopt(zmq.SNDHWM, _MAX_WAITING)
            socket.setsockopt(zmq.MAXMSGSIZE, _MAX_FRAME_BYTES)
            socket.setsockopt(zmq.RECONNECT_IVL, -1)
            if kind == zmq.SUB:
                socket.setsockopt(zmq.SUBSCRIBE, b"")
            monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            socket.connect(f"ipc://{prefix}-{_PORTS[f'{channel}_port']}")
            self._sockets[channel] = socket
            self._monitors[monitor] = channel
            self._poller.register(socket, zmq.POLLIN)
            self._poller.register(monitor, zmq.POLLIN)

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
        with contextlib.suppress(zmq.Again):
            self._sockets[channel].send_multipart([_DELIMITER, signature, *parts], flags=zmq.NOBLOCK)
        return message_id

    def receive(self, seconds: float) -> Iterator[Message]:
        """What has come, waiting at most so long for the first; broken messages are counted and dropped.

        A batch ends after a few messages of each channel, so that the caller gets to look at its clock however
        fast a kernel sends.
        """
        ready = dict(self._poller.poll(int(max(0, seconds) * 1000)))
        for channel, socket in self._sockets.items():
            if socket in ready:
                yield from self._take(channel, socket)
        for monitor, channel in self._monitors.items():
            if monitor in ready:
                recv_monitor_message(monitor)
                self._cut.add(channel)

    def _take(self, channel: str, socket: "zmq.Socket[bytes]") -> Iterator[Message]:
        for _ in range(_BATCH):
            try:
                frames = socket.recv_multipart(flags=zmq.NOBLOCK)
            except zmq.Again:
                return
            size = sum(map(len, frames))
            self.received_bytes += size
            self.received_messages += 1
            try:
                yield read_message(channel, frames, size)
            except BrokenMessageError:
                continue


def read_message(channel: str, frames: list[bytes], size: int) -> Message:
    if _DELIMITER not in frames[:2] or len(frames) > _MAX_FRAMES:
        raise BrokenMessageError("no delimiter")
    parts = frames[frames.index(_DELIMITER) + 1 :]
    if len(parts) < 5:
        raise BrokenMessageError("too few parts")
    header, parent = _read_object(parts[1]), _read_object(parts[2])
    kind, parent_id = header.get("msg_type"), parent.get("msg_id", "")
    if not isinstance(kind, str) or not isinstance(parent_id, str):
        raise BrokenMessageError("no type")
    return Message(channel, kind, parent_id, size, parts[4])


def _read_object(raw: bytes) -> dict[str, object]:
    try:
        # JSON has no NaN or infinities; Python's reader takes them, databases do not.
        read = json.loads(raw, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise BrokenMessageError("no JSON") from error
    if not isinstance(read, dict):
        raise BrokenMessageError("no object")
    return read
