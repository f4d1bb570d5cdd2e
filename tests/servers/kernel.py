"""Code in a kernel of a learner's server, as the notebook would run it, and what it prints."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

SECONDS = 60


def run_code(server: str, headers: Mapping[str, str], code: str) -> str:
    """What `code` prints in a new kernel of the server at that address, errors included.

    Code that ends its own server prints nothing after that.
    """
    kernels = f"{server.rstrip('/')}/api/kernels"
    started = httpx.post(kernels, headers=headers, json={"name": "python3"}, timeout=SECONDS)
    assert started.status_code == 201, started.text
    kernel = f"{kernels}/{started.json()['id']}"
    # In a thread of its own: where a browser is open, this one has Playwright's loop.
    with ThreadPoolExecutor(1) as thread:
        printed = thread.submit(asyncio.run, converse(f"{kernel}/channels", headers, code)).result()
    try:
        httpx.delete(kernel, headers=headers, timeout=SECONDS)
    except httpx.HTTPError:
        return printed
    return printed


async def converse(channels: str, headers: Mapping[str, str], code: str) -> str:
    request = HTTPRequest(channels.replace("http", "ws", 1), headers=dict(headers))
    socket = await websocket_connect(request)
    number = secrets.token_hex(8)
    asked = {"msg_id": number, "msg_type": "execute_request", "version": "5.3", "session": "s"}
    message = {
        "header": asked,
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False},
        "channel": "shell",
    }
    await socket.write_message(json.dumps(message))
    printed = ""
    while (said := await asyncio.wait_for(socket.read_message(), SECONDS)) is not None:
        answer: Any = json.loads(said)
        if answer["msg_type"] == "stream":
            printed += answer["content"]["text"]
        elif answer["msg_type"] == "error":
            printed += f"{answer['content']['ename']}: {answer['content']['evalue']}"
        # Not the reply: that comes by another channel, and may overtake what was printed.
        elif answer["parent_header"].get("msg_id") == number and is_idle(answer):
            socket.close()
            break
    return printed


def is_idle(message: Any) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")
