"""`POST /hub/api/paja/listening`: a job tells its hub where its server listens, or how a check came out.

In the place of batchspawner's own callback. The token says which server it is, Slurm says which node; the post says a
port, or a word of a check, and nothing else.
"""

import hmac
import json
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.user import User
from tornado import web

MAX_BYTES: Final = 64
PORTS: Final = range(1024, 65_536)
CHECK_FAULTS: Final = {"code_missing", "code_wrong"}


class Heard(Enum):
    """What became of a job's post."""

    TAKEN = "taken"
    LATER = "later"  # Slurm has not said yet that the job runs: the job asks again
    REFUSED = "refused"


STATUSES: Final = {
    Heard.TAKEN: HTTPStatus.NO_CONTENT,
    Heard.LATER: HTTPStatus.CONFLICT,
    Heard.REFUSED: HTTPStatus.FORBIDDEN,
}


class WrongPostError(ValueError):
    """Not what a job says."""


def read_post(body: bytes) -> int | str:
    """The port that a job tells, or why a check failed, empty where it passed. Anything else is refused."""
    if len(body) > MAX_BYTES:
        raise WrongPostError(f"more than {MAX_BYTES} bytes")
    try:
        pairs = json.loads(body, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        raise WrongPostError("not JSON") from None
    match pairs if isinstance(pairs, tuple) else ():
        case [("checked", True)]:
            return ""
        case [("checked", False), ("reason", str(reason))] if reason in CHECK_FAULTS:
            return str(reason)
        case [("port", port)] if type(port) is int and port in PORTS:
            return int(port)
        case _:
            raise WrongPostError("neither a port nor a check")


class ListeningHandler(APIHandler):
    """Answers 204 when it is known, 409 when the job is to ask again, 403 to whoever is no job of this hub's."""

    _accept_cookie_auth = False

    @web.authenticated
    def post(self) -> None:
        try:
            told = read_post(self.request.body)
        except WrongPostError as error:
            raise web.HTTPError(HTTPStatus.BAD_REQUEST, str(error)) from error
        spawner = self._find_spawner()
        if spawner is None:
            raise web.HTTPError(HTTPStatus.FORBIDDEN)
        heard = spawner.hear_check(told) if isinstance(told, str) else spawner.hear_port(told)
        self.set_status(STATUSES[heard])

    def _find_spawner(self) -> Any:
        """The server whose own token this is: no browser's, no service's, no other server's."""
        user, token = self.current_user, self.get_auth_token()
        if not isinstance(user, User) or not token:
            return None
        return next(
            (
                spawner
                for spawner in user.spawners.values()
                if hasattr(spawner, "hear_port")
                and spawner.api_token
                and hmac.compare_digest(spawner.api_token.encode(), token.encode())
            ),
            None,
        )
