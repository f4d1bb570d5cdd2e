"""One HTTP question and its answer, bounded in bytes and time. No redirects, proxies or compression."""

import math
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Final, Self

import httpcore
import httpx

HEAD_BYTES: Final = 256 * 1024  # headers, and any early answers (1xx) before them
FRAME_BYTES: Final = 512 * 1024  # what frames a chunked body, beside the body itself
# A body in crumbs costs more time than a large one: so many pieces, and one more for each KiB.
MAX_PIECES: Final = 1000
LIMIT: Final = "paja_limit"


class TooLargeError(Exception):
    """The answer did not end where it had to."""


class TooSlowError(Exception):
    """The answer was still coming when its time was up."""


@dataclass(frozen=True)
class Answer:
    """A complete answer. A redirect is an answer like any other and is never followed."""

    status: int
    body: bytes


@dataclass
class Limit:
    """What one question may cost: the moment of `time.monotonic` when it is over, and the bytes that may come."""

    ends_at: float
    bytes_left: int

    def seconds_left(self, timeout: float | None = None) -> float:
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TooSlowError("its time is up")
        return left if timeout is None else min(left, timeout)

    def take(self, size: int) -> None:
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise TooLargeError("more bytes than the answer needs")


class Asker:
    """Asks over one HTTP client, which is closed at the end of its `with`. For one thread at a time."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()


@cache
def certificates() -> ssl.SSLContext:
    """Whom we believe on HTTPS; reading them takes longer than most questions."""
    return httpx.create_ssl_context(trust_env=False)


class TimedTransport(httpx.HTTPTransport):
    """Holds a conversation to `seconds` in all, and each question in it to the Limit that it brings.

    The time-outs of httpx start anew with every packet. A header that drips, early answers (1xx) without end and
    a server that reads an upload byte by byte would pass them, so the limit is kept where bytes are read and sent.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        super().__init__(verify=certificates(), trust_env=False)
        self._ends_at = time.monotonic() + seconds
        self._network = LimitedNetwork(Limit(self._ends_at, 0))
        # httpx takes no network of ours: this is the pool that it made, with one.
        self._pool = httpcore.ConnectionPool(
            ssl_context=certificates(), max_connections=1, network_backend=self._network
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        limit: Limit = request.extensions[LIMIT]
        limit.ends_at = min(limit.ends_at, self._ends_at)
        self._network.limit = limit
        return super().handle_request(request)


class LimitedNetwork(httpcore.SyncBackend):
    """Sockets that keep to the limit of the question that is being asked."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = self.limit.seconds_left(timeout)
        stream = super().connect_tcp(host, port, seconds, local_address, socket_options)
        return LimitedStream(stream, self)


class LimitedStream(httpcore.NetworkStream):
    """A connection whose every read and write has only the time and bytes that its question has left."""

    def __init__(self, stream: httpcore.NetworkStream, network: LimitedNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        limit = self._network.limit
        data = self._stream.read(max_bytes, limit.seconds_left(timeout))
        limit.take(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        connection: socket.socket = self._stream.get_extra_info("socket")
        rest = memoryview(buffer)
        while rest:
            connection.settimeout(self._network.limit.seconds_left(timeout))
            try:
                rest = rest[connection.send(rest) :]
            except TimeoutError as error:
                raise httpcore.WriteTimeout(error) from error
            except OSError as error:
                raise httpcore.WriteError(error) from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = self._network.limit.seconds_left(timeout)
        return LimitedStream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def make_http(
    base_url: str, token: str, *, host: str, seconds: float, transport: httpx.BaseTransport | None
) -> httpx.Client:
    """A client for one origin. `host` is the Host header where its name is not resolved on this side."""
    headers = {"Authorization": f"token {token}", "Accept-Encoding": "identity"}
    if host:
        headers["Host"] = host
    return httpx.Client(
        base_url=base_url.rstrip("/"),
        headers=headers,
        timeout=httpx.Timeout(seconds, connect=min(seconds, 3.0)),
        follow_redirects=False,
        trust_env=False,  # neither a proxy nor a .netrc of the machine may see the token
        transport=transport or TimedTransport(),
    )


def ask(
    http: httpx.Client,
    method: str,
    path: str,
    *,
    max_bytes: int,
    seconds: float,
    params: Mapping[str, str] | None = None,
    json: object = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request and read its whole answer, in `seconds` and `max_bytes` at most.

    Raises TooLargeError, TooSlowError, or httpx.HTTPError.
    """
    limit = Limit(ends_at=time.monotonic() + seconds, bytes_left=HEAD_BYTES)
    body = bytearray()
    with http.stream(
        method,
        path,
        params=params,
        json=json,
        content=content,
        headers=headers,
        extensions={LIMIT: limit},
    ) as response:
        # Asked for "identity": compression would let a small answer grow without bound.
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise TooLargeError("compressed")
        limit.bytes_left += max_bytes + FRAME_BYTES
        for number, piece in enumerate(response.iter_bytes()):
            body += piece
            if len(body) > max_bytes:
                raise TooLargeError(f"more than {max_bytes} bytes")
            if number > MAX_PIECES + len(body) // 1024:
                raise TooLargeError("in crumbs")
        return Answer(response.status_code, bytes(body))
