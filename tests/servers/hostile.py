"""A learner's server that means harm: a socket on loopback and one thread, each behaviour by its name.

What is JSON here is what the Contents API of a Jupyter server would be asked for.
"""

import base64
import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Behaviour = Callable[["Conversation"], None]

DRIP_SECONDS = 0.05


class Conversation:
    """One connection: what was asked on it, and what is sent back until the asker has had enough."""

    def __init__(self, connection: socket.socket, ending: threading.Event) -> None:
        self.connection = connection
        self.ending = ending
        self.sent = 0
        self.method, self.target = self._read_request()

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)
        self.sent += len(data)

    def answer(self, body: bytes, *headers: str, status: str = "200 OK") -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.send("\r\n".join(lines).encode() + body)

    def answer_json(self, value: object) -> None:
        self.answer(json.dumps(value).encode())

    def drip(self, byte: bytes) -> None:
        while not self.ending.wait(DRIP_SECONDS):
            self.send(byte)

    def _read_request(self) -> tuple[str, str]:
        """Only the head: what a body is sent with is left unread."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 65536:
            piece = self.connection.recv(1)
            if not piece:
                raise ConnectionError
            head += piece
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        return method, target


class HostileServer:
    """Answers everybody by one of BEHAVIOURS until the end of the `with`. `asked` lists methods and targets."""

    def __init__(self, behaviour: str) -> None:
        self._behave = BEHAVIOURS[behaviour]
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        self.sent = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(OSError, ValueError):
                connection, _ = self._listener.accept()
                with connection:
                    self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        while not self._ending.is_set():
            conversation = Conversation(connection, self._ending)
            self.asked.append(f"{conversation.method} {conversation.target}")
            try:
                self._behave(conversation)
            finally:
                self.sent += conversation.sent


def entry(name: str, kind: str = "file", **changes: object) -> dict[str, object]:
    """An entry of a folder as Jupyter writes it."""
    return {"name": name, "type": kind, "size": 3, "last_modified": "2026-11-22T09:00:00Z", **changes}


def folder(*entries: object) -> dict[str, object]:
    return {"type": "directory", "content": list(entries)}


def redirect(to: Conversation) -> None:
    to.answer(b"", "Location: http://127.0.0.1:1/secret", status="302 Found")


def endless_body(to: Conversation) -> None:
    to.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not to.ending.is_set():
        to.send(b" " * 65536)


def endless_chunks(to: Conversation) -> None:
    """Each byte of the body in six bytes of frame."""
    to.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not to.ending.is_set():
        to.send(b"1\r\n \r\n" * 10_000)


def endless_early_answers(to: Conversation) -> None:
    while not to.ending.is_set():
        to.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000)


def endless_headers(to: Conversation) -> None:
    to.send(b"HTTP/1.1 200 OK\r\n")
    while not to.ending.is_set():
        to.send(b"X-More: yes\r\n" * 1000)


def endless_header_line(to: Conversation) -> None:
    to.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not to.ending.is_set():
        to.send(b"x" * 65536)


def dripping_headers(to: Conversation) -> None:
    to.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    to.drip(b"x")


def dripping_early_answers(to: Conversation) -> None:
    to.drip(b"HTTP/1.1 102 Processing\r\n\r\n")


def dripping_body(to: Conversation) -> None:
    to.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    to.drip(b" ")


def silence(to: Conversation) -> None:
    """Also: a body that is never read."""
    to.ending.wait()


def cut_short(to: Conversation) -> None:
    to.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"content": "')
    to.connection.shutdown(socket.SHUT_RDWR)


def no_http(to: Conversation) -> None:
    to.send(b"\x00\xff\xfe" * 100 + b"\r\n\r\n")
    to.connection.shutdown(socket.SHUT_RDWR)


def switched_protocols(to: Conversation) -> None:
    to.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    to.drip(b"\x81\x00")


def page(to: Conversation) -> None:
    to.answer(b"<!doctype html><title>Log in</title>", "Content-Type: text/html")


def compressed(to: Conversation) -> None:
    to.answer(gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip")


def deep_json(to: Conversation) -> None:
    to.answer(b'{"content": ' + b"[" * 100_000)


def many_values(to: Conversation) -> None:
    to.answer(b'{"content": [' + b"{}," * 1_000_000 + b"{}]}")


def huge_number(to: Conversation) -> None:
    to.answer(b'{"content": [{"name": "a", "type": "file", "size": ' + b"9" * 1_000_000 + b"}]}")


def hundred_thousand_files(to: Conversation) -> None:
    to.answer_json(folder(*[entry(f"{number}.csv") for number in range(100_000)]))


def folders_in_a_circle(to: Conversation) -> None:
    to.answer_json(folder(entry("again", "directory")))


def same_names(to: Conversation) -> None:
    to.answer_json(folder(entry("a.csv"), entry("a.csv")))


def far_dates(to: Conversation) -> None:
    to.answer_json(folder(entry("a.csv", last_modified="0001-01-01T00:00:00+23:59")))


def odd_names(to: Conversation) -> None:
    names = ["..", "../../etc/passwd", "a\0b", "a\\b", "\ud800", "a\u202eb", "x" * 300, "kept.csv"]
    to.answer_json(folder(*[entry(name) for name in names]))


def wrong_types(to: Conversation) -> None:
    to.answer_json({"content": [{"name": ["a"], "type": 3, "size": "big", "last_modified": {}}]})


def larger_than_listed(to: Conversation) -> None:
    """The listing says three bytes; the file has three million."""
    if "type=directory" in to.target:
        to.answer_json(folder(entry("a.csv", size=3)))
    else:
        to.answer_json({"type": "file", "content": base64.b64encode(b"x" * 3_000_000).decode()})


BEHAVIOURS: dict[str, Behaviour] = {
    behave.__name__: behave
    for behave in (
        redirect,
        endless_body,
        endless_chunks,
        endless_early_answers,
        endless_headers,
        endless_header_line,
        dripping_headers,
        dripping_early_answers,
        dripping_body,
        silence,
        cut_short,
        no_http,
        switched_protocols,
        page,
        compressed,
        deep_json,
        many_values,
        huge_number,
        hundred_thousand_files,
        folders_in_a_circle,
        same_names,
        far_dates,
        odd_names,
        wrong_types,
        larger_than_listed,
    )
}
