"""HubClient: the few questions that Paja asks a factory's JupyterHub, by its REST API."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

import httpx

from labs.exceptions import HubUnavailableError, SpawnRejectedError
from labs.jupyterhub.exchange import Answer, Asker, TooLargeError, TooSlowError, ask, make_http
from labs.jupyterhub.queue_wire import QueueAnswer
from labs.jupyterhub.wire import (
    ServerModel,
    ServerToken,
    WrongShapeError,
    as_list,
    as_object,
    as_str,
    parse_json,
)

Wire = TypeVar("Wire")

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # what is safe in a path, a host name and a scope
REFUSED = re.compile(r"Refused: ([a-z_]{1,64})")  # deploy/jupyterhub/slurm/spawner.py
CALL_SECONDS = 15.0
MAX_BYTES = 8 * 1024 * 1024  # a page of 200 users is about 0.4 MB
PAGE_SIZE = 200  # JupyterHub's own api_page_max_limit
MAX_PAGES = 500
PAGINATION = {"Accept": "application/jupyterhub-pagination+json"}


class HubClient(Asker):
    """The hub of one factory, asked with the service token of the LMS.

    Every method is one logical call that may be repeated. No answer, 429, 5xx and nonsense are
    HubUnavailableError: nothing is known, nothing may be moved. Any other refusal is SpawnRejectedError.
    """

    def __init__(
        self, api_url: str, token: str, *, host: str = "", transport: httpx.BaseTransport | None = None
    ) -> None:
        super().__init__(make_http(api_url, token, host=host, seconds=10.0, transport=transport))

    def ensure_user(self, user: str) -> None:
        """A hub starts servers only for users it knows."""
        self._ask("POST", f"/users/{check_name(user)}", accept={201, 409})

    def ensure_server(self, user: str, server: str, user_options: Mapping[str, object]) -> ServerModel:
        """Ask for a named server and return at once; it may take hours to become ready.

        201 is running, 202 is under way. 400 is running already, on its way out, or refused: the server's own
        model tells which, and only a server that neither runs nor is pending was refused.
        """
        path = server_path(user, server)
        answer = self._ask("POST", path, json={"user_options": dict(user_options)}, accept={201, 202, 400})
        model = self.find_server(user, server)
        if model is not None and (model.is_ready or model.pending or answer.status != 400):
            return model
        if answer.status == 400:
            raise SpawnRejectedError(f"hub refused {user}/{server}", refusal=read_refusal(answer.body))
        raise HubUnavailableError(f"hub took {user}/{server} and no longer knows it", reason="hub_answer")

    def ensure_stopped(self, user: str, server: str) -> bool:
        """Ask the hub to stop and forget a server; True once it has. Until then ask again later."""
        model = self.find_server(user, server)
        if model is None:
            return True
        if model.pending == "stop":
            return False  # asking twice makes the hub remove it twice, which it does not survive well
        answer = self._ask(
            "DELETE", server_path(user, server), json={"remove": True}, accept={202, 204, 400, 404}
        )
        return answer.status in {204, 404}

    def find_server(self, user: str, server: str) -> ServerModel | None:
        """The server as the hub sees it, or None where the hub has none of that name."""
        answer = self._ask("GET", server_path(user, server), accept={200, 404})
        if answer.status == 404:
            return None
        return self._read(lambda wire: ServerModel.from_wire(wire, user=user), answer)

    def list_servers(self) -> dict[tuple[str, str], ServerModel]:
        """Every active named server (ready or pending) of everybody, by user and name; one logical call.

        A server that failed or stopped is absent; `find_server` tells more about a single one.
        """
        servers: dict[tuple[str, str], ServerModel] = {}
        for number in range(MAX_PAGES):
            params = {"state": "active", "offset": str(number * PAGE_SIZE), "limit": str(PAGE_SIZE)}
            answer = self._ask("GET", "/users", params=params, headers=PAGINATION, accept={200})
            models, is_last = self._read(read_page, answer)
            servers.update(((model.user, model.name), model) for model in models)
            if is_last:
                return servers
        raise HubUnavailableError("the hub's list of users does not end", reason="hub_answer")

    def create_server_token(self, user: str, server: str, *, expires_in: int) -> ServerToken:
        """A token that reaches this one server for `expires_in` seconds, and can do nothing else."""
        scope = f"access:servers!server={check_name(user)}/{check_name(server)}"
        answer = self._ask(
            "POST",
            f"/users/{user}/tokens",
            json={"scopes": [scope], "expires_in": expires_in, "note": "Paja: files of this session"},
            accept={201},
        )
        return self._read(ServerToken.from_wire, answer)

    def revoke_token(self, user: str, token_id: str) -> None:
        """Forget a token before its time; one that is gone already is fine."""
        self._ask("DELETE", f"/users/{check_name(user)}/tokens/{check_name(token_id)}", accept={204, 404})

    def sign_out(self, user: str, *, seconds_ago: float = 0) -> None:
        """End every browser's log-in of a person as of `seconds_ago`; their servers and our tokens go on.

        By our own handler at the hub; somebody whom the hub does not know has nothing to end there.
        """
        path = f"/paja/users/{check_name(user)}/sign-out"
        self._ask("POST", path, json={"seconds_ago": seconds_ago}, accept={204})

    def read_queue(self, since: datetime | None = None) -> QueueAnswer:
        """What the hub knows of its batch system: partitions, jobs, and those that ended after `since`.

        By our own handler at the hub, which never waits for Slurm. A hub that is older than it has no Slurm.
        """
        params = {"since": since.isoformat()} if since else None
        answer = self._ask("GET", "/paja/queue", params=params, accept={200, 404})
        return QueueAnswer() if answer.status == 404 else self._read(QueueAnswer.from_wire, answer)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        accept: set[int],
        params: Mapping[str, str] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        try:
            answer = ask(
                self._http,
                method,
                path,
                max_bytes=MAX_BYTES,
                seconds=CALL_SECONDS,
                params=params,
                json=json,
                headers=headers,
            )
        except (httpx.HTTPError, TooLargeError, TooSlowError) as error:
            raise HubUnavailableError(f"{method} {path}: {type(error).__name__}") from error
        if answer.status in accept:
            return answer
        if 400 <= answer.status < 500 and answer.status != 429:
            raise SpawnRejectedError(f"{method} {path}: {answer.status}")
        raise HubUnavailableError(f"{method} {path}: {answer.status}")

    @staticmethod
    def _read(from_wire: Callable[[object], Wire], answer: Answer) -> Wire:
        try:
            return from_wire(parse_json(answer.body))
        except WrongShapeError as error:
            raise HubUnavailableError(str(error), reason="hub_answer") from error


def check_name(name: str) -> str:
    """The name, where it is one that Paja makes; anything else would reach another address of the hub."""
    if not NAME.fullmatch(name):
        raise ValueError(f"not a name for a hub: {name!r}")
    return name


def server_path(user: str, server: str) -> str:
    return f"/users/{check_name(user)}/servers/{check_name(server)}"


def read_refusal(body: bytes) -> str:
    """The slug in our spawner's words `Refused: <slug>`; empty where the hub says anything else."""
    try:
        message = as_str(as_object(parse_json(body)).get("message"))
    except WrongShapeError:
        return ""
    found = REFUSED.fullmatch(message)
    return found[1] if found else ""


def read_page(value: object) -> tuple[list[ServerModel], bool]:
    """One page of the hub's users: their named servers, and whether it is the last page."""
    page = as_object(value)
    models = []
    for item in as_list(page.get("items")):
        user = as_object(item)
        for wire in as_object(user.get("servers")).values():
            model = ServerModel.from_wire(wire, user=as_str(user.get("name")))
            if model.name:  # the default server, which Paja never uses, has none
                models.append(model)
    return models, as_object(page.get("_pagination")).get("next") is None
