"""`python -m labs.box.runner`: the command of a grader's named server. What it is told is in JupyterHub's environment
and in PAJA_RUNNER_LAB_PYTHON, PAJA_RUNNER_BOXES, PAJA_RUNNER_DEVICES and PAJA_RUNNER_MOUNTS (deploy/README.md).
"""

import asyncio
import json
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubAuth
from tornado import web
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer

from labs.box.runner.executions import Executions
from labs.box.runner.service import ExecutionHandler, RootHandler

logger = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 5.0
TELL_EVERY: Final = 60.0
TOKEN_CACHE_SECONDS: Final = 60  # a hub that is started anew is not noticed by a run under way
SMALL_BODY: Final = 64 * 1024
BODY_SECONDS: Final = 120


@dataclass
class Activity:
    """When somebody last asked for something, for the hub to know."""

    noted_at: datetime | None = None

    def note(self) -> None:
        self.noted_at = datetime.now(UTC)

    async def tell(self) -> None:
        """Tell the hub, once; one that does not answer hears it the next time."""
        if self.noted_at is None:
            return
        noted_at = self.noted_at
        at = noted_at.isoformat()
        server = {os.environ["JUPYTERHUB_SERVER_NAME"]: {"last_activity": at}}
        try:
            await AsyncHTTPClient().fetch(
                os.environ["JUPYTERHUB_ACTIVITY_URL"],
                method="POST",
                headers={"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"},
                body=json.dumps({"servers": server, "last_activity": at}),
            )
        except Exception as error:
            logger.info("the hub was not told: %s", type(error).__name__)
            return
        if self.noted_at == noted_at:
            self.noted_at = None


def make_application(
    prefix: str, executions: Executions, hub_auth: HubAuth, activity: Activity
) -> web.Application:
    own = {"executions": executions, "hub_auth": hub_auth}
    return web.Application(
        [(prefix, RootHandler, own), (rf"{prefix}executions/([0-9a-f]{{32}})", ExecutionHandler, own)],
        note_activity=activity.note,
    )


async def run() -> None:
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    executions = Executions(int(os.environ.get("PAJA_RUNNER_BOXES") or 1))
    activity = Activity()
    application = make_application(
        os.environ["JUPYTERHUB_SERVICE_PREFIX"],
        executions,
        HubAuth(cache_max_age=TOKEN_CACHE_SECONDS),
        activity,
    )
    server = HTTPServer(application, max_body_size=SMALL_BODY, body_timeout=BODY_SECONDS)
    if descriptor := os.environ.pop("PAJA_LISTEN_FD", ""):
        server.add_socket(take_listener(int(descriptor)))
    else:
        server.listen(address.port or 0, address.hostname or "127.0.0.1")
    await executions.prepare()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    keeping = [
        asyncio.create_task(repeat(executions.end_abandoned, SWEEP_SECONDS)),
        asyncio.create_task(repeat(activity.tell, TELL_EVERY)),
    ]
    await ending.wait()
    for task in keeping:
        task.cancel()
    await executions.close()


def take_listener(descriptor: int) -> socket.socket:
    """What was opened before this program, so that nobody else on the node could take the port meanwhile."""
    listener = socket.socket(fileno=descriptor)
    listener.set_inheritable(False)
    listener.setblocking(False)
    return listener


async def repeat(act: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await act()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run())
