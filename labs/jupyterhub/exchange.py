"""One HTTP question and its answer, bounded in bytes and time. No redirects, proxies or compression."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx


class TooLargeError(Exception):
    """The answer did not end where it had to."""


class TooSlowError(Exception):
    """The answer was still coming when its time was up."""


@dataclass(frozen=True)
class Answer:
    """A complete answer. A redirect is an answer like any other and is never followed."""

    status: int
    body: bytes


class Asker:
    """Asks over one HTTP client, which is closed at the end of its `with`."""

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
        transport=transport,
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
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request and read its whole answer.

    The client's own time-outs start anew with every packet, so an answer that drips would never end:
    `seconds` bounds the whole. Raises TooLargeError, TooSlowError, or httpx.HTTPError.
    """
    deadline = time.monotonic() + seconds
    body = bytearray()
    with http.stream(method, path, params=params, json=json, headers=headers) as response:
        # Asked for "identity": compression would let a small answer grow without bound.
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise TooLargeError("compressed")
        for piece in response.iter_bytes():
            body += piece
            if len(body) > max_bytes:
                raise TooLargeError(f"more than {max_bytes} bytes")
            if time.monotonic() > deadline:
                raise TooSlowError(f"more than {seconds} s")
        return Answer(response.status_code, bytes(body))
