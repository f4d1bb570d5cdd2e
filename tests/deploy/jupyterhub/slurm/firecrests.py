"""A hub's way to FirecREST in tests: to an API in memory, or to answers one after the other."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import httpx

from deploy.jupyterhub.slurm.firecrest import FirecrestScheduler
from tests.fakes.scheduler import a_job
from tests.servers.firecrest import (
    CLIENT_ID,
    CLIENT_SECRET,
    ROBOT,
    SYSTEM,
    ApiTransport,
    FirecrestApi,
)

URL = "https://firecrest.example.org"
SCRIPT = "#!/usr/bin/python3 -I\nTOKEN = 'secret-of-the-script'\n"
JOB = a_job()
JOBS = f"GET /compute/{SYSTEM}/jobs"


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def firecrest(
    api: FirecrestApi | None = None,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], float] | None = None,
    secret: str = CLIENT_SECRET,
) -> FirecrestScheduler:
    return FirecrestScheduler(
        url=URL,
        system=SYSTEM,
        token_url=f"{URL}/token",
        client_id=CLIENT_ID,
        client_secret=secret,
        unix_account=ROBOT,
        partitions=["small-g", "dev-g"],
        prefix="paja-",
        transport=transport or ApiTransport(api or FirecrestApi()),
        clock=clock or Clock(),
    )


def submit(scheduler: FirecrestScheduler, **changes: object) -> str:
    job = replace(JOB, unix_account=ROBOT)
    return asyncio.run(scheduler.submit(replace(job, **changes), SCRIPT))  # type: ignore[arg-type]


def answering(*answers: httpx.Response | Exception, token: bool = True) -> httpx.MockTransport:
    """One answer after the other, the last for ever; before them a token for whoever asks."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        if token and request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "token", "expires_in": 300})
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    return httpx.MockTransport(answer)
