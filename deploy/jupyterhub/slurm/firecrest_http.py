"""One question to FirecREST: with a token, within a time and a size, and to no other address than the one asked."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError

ASK_SECONDS = 60.0  # FirecREST itself waits for an SSH connection and a command
CONNECT_SECONDS = 10.0
ANSWER_BYTES = 128 * 1024 * 1024  # all jobs of a large machine, with their steps
TOKEN_BYTES = 64 * 1024
TOKEN_SPARE_SECONDS = 30.0
STDERR = "std_err:"


@dataclass(frozen=True)
class Secret:
    """What is never shown: not in a log, a traceback or a debugger's list of variables."""

    value: str

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    body: object  # what its JSON says; None where it is none

    def slurm_error(self) -> str:
        """What Slurm's command complained of, which FirecREST hands on within its own message; "" for nothing.

        The rest of a message is left alone: it may repeat what was sent, and with it the secrets of a script.
        """
        message = self.body.get("message") if isinstance(self.body, dict) else None
        return message.partition(STDERR)[2].strip() if isinstance(message, str) else ""


class FirecrestHttp:
    """Asks as one client of the site's identity provider; its token is fetched when it is needed and kept."""

    def __init__(
        self,
        *,
        url: str,
        token_url: str,
        client_id: str,
        client_secret: str,
        questions: Counter[str],
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        answer_bytes: int = ANSWER_BYTES,
        seconds: float = ASK_SECONDS,
    ) -> None:
        self._url = url.rstrip("/")
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = Secret(client_secret)
        self._questions = questions
        self._clock = clock
        self._answer_bytes = answer_bytes
        self._seconds = seconds
        self._token: Secret | None = None
        self._token_until = 0.0
        self._token_lock = asyncio.Lock()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> HttpAnswer:
        """The answer with its status, whatever it is. A token that is refused is fetched anew, once.

        SchedulerUnavailableError: no answer, one that is too long, 404, 408, 425, 429, or no token.
        A redirect is followed nowhere.
        """
        token = await self._find_token(None)
        for is_last in (False, True):
            request = self._client.build_request(
                method,
                f"{self._url}{path}",
                params=params,
                json=json,
                headers={"Authorization": f"Bearer {token.value}"},
            )
            answer = await self._send(request, self._answer_bytes)
            if answer.status != 401:
                break
            if is_last:
                raise SchedulerUnavailableError("FirecREST refused its token twice")
            token = await self._find_token(token)
        if answer.status in {404, 408, 425, 429}:
            if answer.status == 404 and method == "DELETE":
                return answer
            raise SchedulerUnavailableError(f"FirecREST answered {answer.status}")
        return answer

    async def _find_token(self, refused: Secret | None) -> Secret:
        """The one that is kept, unless it is the refused one or at its end; many who need one wait for one."""
        async with self._token_lock:
            if self._token is None or self._token == refused or self._clock() >= self._token_until:
                self._token = await self._fetch_token()
            return self._token

    async def _fetch_token(self) -> Secret:
        self._questions["token"] += 1
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.value,
        }
        answer = await self._send(self._client.build_request("POST", self._token_url, data=form), TOKEN_BYTES)
        body = answer.body if isinstance(answer.body, dict) else {}
        token, seconds = body.get("access_token"), body.get("expires_in", 60)
        if (
            answer.status != 200
            or not isinstance(token, str)
            or not token.isascii()
            or not token.isprintable()
        ):
            raise SchedulerUnavailableError(f"no token: the identity provider answered {answer.status}")
        if not isinstance(seconds, int | float):
            raise SchedulerUnavailableError("no token: its end makes no sense")
        self._token_until = self._clock() + seconds - min(TOKEN_SPARE_SECONDS, seconds / 2)
        return Secret(token)

    async def _send(self, request: httpx.Request, most: int) -> HttpAnswer:
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._client.send(request, stream=True)
                try:
                    kept = bytearray()
                    async for piece in response.aiter_bytes():
                        kept += piece
                        if len(kept) > most:
                            raise SchedulerUnavailableError(f"FirecREST said more than {most} bytes")
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise SchedulerUnavailableError(f"FirecREST: {type(error).__name__}") from None
        return HttpAnswer(response.status_code, await asyncio.to_thread(parse_json, bytes(kept)))


def parse_json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
