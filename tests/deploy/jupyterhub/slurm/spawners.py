"""Spawners as JupyterHub makes them, without a hub, over a scheduler of the tests."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar

from jupyterhub import orm

from deploy.jupyterhub.slurm.callback import Heard
from deploy.jupyterhub.slurm.spawner import PajaSlurmSpawner
from deploy.jupyterhub.slurm.watching import QueueWatch
from tests.fakes.scheduler import FakeScheduler

T = TypeVar("T")
Watching = Callable[[FakeScheduler], QueueWatch]
ADA, EVE = "p-0000ada1", "p-0000eee1"
LEASE = "1f00ba12-0000-4000-8000-000000000001"
ASKED = {
    "kind": "session",
    "partition": "small-g",
    "flavour": "gcd-1",
    "minutes": 240,
    "account": "project_465000001",
    "unix_account": "train01",
    "lease": LEASE,
}


class PlainSpawner(PajaSlurmSpawner):
    """What JupyterHub would tell a server, without a hub."""

    def get_env(self) -> dict[str, str]:
        return {
            "JUPYTERHUB_API_TOKEN": self.api_token,
            "JUPYTERHUB_USER": self.user.name,
            "JUPYTERHUB_SERVICE_PREFIX": f"/user/{self.user.name}/{self.name}/",
        }


def make_spawner(
    user: str = ADA, server: str = "s-0000ada1", *, state: dict[str, Any] | None = None, **options: Any
) -> PajaSlurmSpawner:
    row = orm.Spawner(name=server, state=state)
    spawner = PlainSpawner(user=SimpleNamespace(name=user), orm_spawner=row, grader="p-grader")
    spawner.load_state(state or {})
    spawner.user_options = {**ASKED, **options}
    spawner.api_token = spawner.api_token or f"token-of-{server}"
    return spawner


async def until(is_so: Callable[[], bool], watch: QueueWatch) -> None:
    """Ask Slurm again and again until something is so."""
    for _ in range(200):
        if is_so():
            return
        await watch.ask()
        await asyncio.sleep(0.01)
    raise AssertionError("it never was")


async def start(spawner: PajaSlurmSpawner, watch: QueueWatch, port: int = 40_001) -> str:
    """As far as the server's being there: the job tells its port as soon as it is heard."""
    starting = asyncio.ensure_future(spawner.start())
    await until(lambda: starting.done() or spawner.hear_port(port) is Heard.TAKEN, watch)
    return await starting


def run(doing: Awaitable[T]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(doing, timeout=30)

    return asyncio.run(bounded())
