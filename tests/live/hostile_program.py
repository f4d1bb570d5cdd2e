"""What a learner puts in place of their own Jupyter server. It runs in their session, on the standard library.

`hostile_program.py PID answer` ends the server PID and answers on its port, as the file `answer` beside it says,
which may change at any time: `{"kind": …}` by the names of ANSWERS. `hostile_program.py PID relay` starts that
server again on another port and passes everything on to it. Either notes in `seen` what it is asked.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
PIECE = 64 * 1024
Words = dict[str, str]


def main() -> None:
    pid, kind = int(sys.argv[1]), sys.argv[2]
    command = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    pairs = Path(f"/proc/{pid}/environ").read_text().rstrip("\0").split("\0")
    environment = dict(pair.split("=", 1) for pair in pairs)
    port = urlsplit(environment["JUPYTERHUB_SERVICE_URL"]).port or 0
    inner = find_port()
    if kind == "relay":
        environment["JUPYTERHUB_SERVICE_URL"] = environment["JUPYTERHUB_SERVICE_URL"].replace(
            f":{port}/", f":{inner}/"
        )
        subprocess.Popen(command, env=environment, cwd=Path.home())
        while not is_open(inner):
            time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    while is_open(port):
        time.sleep(0.01)
    if kind == "relay":
        asyncio.run(relay(port, inner))
    else:
        server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
        (HERE / "ready").touch()
        server.serve_forever()


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def note(data: bytes) -> None:
    with (HERE / "seen").open("ab") as file:
        file.write(data)


# --- Passing everything on -----------------------------------------------------------------------------


async def relay(port: int, inner: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner)
        await asyncio.gather(pump(reader, inner_writer, is_noted=True), pump(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    (HERE / "ready").touch()
    await server.serve_forever()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_noted: bool = False) -> None:
    try:
        while data := await reader.read(PIECE):
            if is_noted:
                note(data)
            writer.write(data)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()


# --- Answering badly -----------------------------------------------------------------------------------


class Answer(BaseHTTPRequestHandler):
    """Whatever is asked, the answer is of the kind that the file says."""

    def answer(self) -> None:
        note(f"{self.command} {self.path}\r\n{self.headers}".encode())
        words: Words = json.loads((HERE / "answer").read_text())
        try:
            for piece in ANSWERS[words["kind"]](self.path, words):
                self.wfile.write(piece)
        except OSError:
            return

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: `seen` has it."""


def head(status: str, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Connection: close", "X-JupyterHub-Version: 6"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def whole(value: object) -> Iterator[bytes]:
    yield head("200 OK", Content_Type="application/json") + json.dumps(value).encode()


def page(path: str, words: Words) -> Iterator[bytes]:
    """A file of the folder `pages`, which may do in a browser what a page of this origin may."""
    file = HERE / "pages" / Path(urlsplit(path).path).name
    if not file.is_file():
        yield head("404 Not Found", Content_Type="text/plain")
        return
    kind = "text/javascript" if file.suffix == ".js" else "text/html"
    yield head("200 OK", Content_Type=kind, Service_Worker_Allowed="/", Cache_Control="no-store")
    yield file.read_bytes()


def redirect(path: str, words: Words) -> Iterator[bytes]:
    yield head("302 Found", Location=words["to"] + path, Content_Length="0")


def endless(path: str, words: Words) -> Iterator[bytes]:
    yield head("200 OK", Content_Type="application/json")
    while True:
        yield b" " * PIECE


def drip(path: str, words: Words) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Drip: "
    while True:
        yield b"x"
        time.sleep(0.2)


def deep(path: str, words: Words) -> Iterator[bytes]:
    yield head("200 OK", Content_Type="application/json") + b"[" * 100_000


def many(path: str, words: Words) -> Iterator[bytes]:
    return whole({"content": [entry(f"{number}.txt") for number in range(100_000)]})


def names(path: str, words: Words) -> Iterator[bytes]:
    bad = [
        "..",
        "../../../stolen",
        "/etc/passwd",
        "a\0b",
        "a/b",
        "\\\\server\\c",
        "line\nbreak",
        "x" * 300,
        "",
    ]
    return whole({"content": [entry(name) for name in bad], "type": "directory"})


def wrong(path: str, words: Words) -> Iterator[bytes]:
    return whole({"content": {"name": 7}, "type": ["notebook"], "last_modified": "yesterday", "size": -1})


def entry(name: str) -> dict[str, object]:
    return {"name": name, "type": "file", "size": 1, "last_modified": "2026-11-22T12:00:00Z"}


ANSWERS = {
    "page": page,
    "redirect": redirect,
    "endless": endless,
    "drip": drip,
    "deep": deep,
    "many": many,
    "names": names,
    "wrong": wrong,
}

if __name__ == "__main__":
    main()
