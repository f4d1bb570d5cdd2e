"""What the runner is asked and answers. JupyterHub says whose requests these are, before a byte of a body is read.

`PUT executions/<id>` begins one (202; 429 while all boxes are taken), `GET` waits for its answer for at most
`wait` seconds (200: `status` is running, finished or failed), `DELETE` ends it. The id is the asker's own, so that a
question that was lost can be asked again without a second execution. An id that is not known is 404.
"""

import json
from http import HTTPStatus
from typing import Any, Final

from jupyterhub import __version__
from jupyterhub.services.auth import HubAuth, HubAuthenticated
from tornado import web

from labs.box.orders import MAX_ORDER_BYTES
from labs.box.runner.executions import Executions

LONGEST_WAIT: Final = 20.0
_RUNNING: Final = json.dumps({"status": "running"}).encode()


class RunnerHandler(HubAuthenticated, web.RequestHandler):
    """Lets in whom the hub lets reach this one server, by a token in the header; no cookie, no form, no log-in."""

    def initialize(self, executions: Executions, hub_auth: HubAuth) -> None:
        self.executions = executions
        self.hub_auth = hub_auth

    async def prepare(self) -> None:
        await self.hub_auth.get_user(
            self, sync=False
        )  # asks the hub, and leaves the loop to others meanwhile
        if self.current_user is None:
            raise web.HTTPError(HTTPStatus.FORBIDDEN)
        self.settings["note_activity"]()

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("X-JupyterHub-Version", __version__)  # else the hub's log calls it too old
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        self.finish(json.dumps({"status": "refused", "code": status_code}))


class RootHandler(RunnerHandler):
    """Whether somebody answers here."""

    async def get(self) -> None:
        self.finish(json.dumps({"status": "ready"}))


@web.stream_request_body
class ExecutionHandler(RunnerHandler):
    async def prepare(self) -> None:
        await super().prepare()
        self._body = bytearray()
        if self.request.method == "PUT":
            self.request.connection.set_max_body_size(MAX_ORDER_BYTES)  # type: ignore[union-attr]

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        # Tornado ends a connection of which it has not read the body. A proxy that is not told uses it once more.
        self.set_header("Connection", "close")
        super().write_error(status_code, **kwargs)

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    async def put(self, key: str) -> None:
        is_begun = self.executions.begin(key, bytes(self._body))
        self.set_status(HTTPStatus.ACCEPTED if is_begun else HTTPStatus.TOO_MANY_REQUESTS)
        self.finish(_RUNNING if is_begun else json.dumps({"status": "busy"}))

    async def get(self, key: str) -> None:
        try:
            answer = await self.executions.find(key, seconds=self._read_wait())
        except LookupError:
            raise web.HTTPError(HTTPStatus.NOT_FOUND) from None
        self.finish(answer or _RUNNING)

    async def delete(self, key: str) -> None:
        await self.executions.end(key)
        self.set_status(HTTPStatus.NO_CONTENT)

    def _read_wait(self) -> float:
        try:
            return min(max(float(self.get_argument("wait", "0")), 0.0), LONGEST_WAIT)
        except ValueError:
            raise web.HTTPError(HTTPStatus.BAD_REQUEST) from None
