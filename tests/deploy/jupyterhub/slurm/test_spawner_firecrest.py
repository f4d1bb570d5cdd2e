"""A server as a job at a site that the hub reaches through FirecREST alone."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tornado import web

from deploy.jupyterhub.slurm.spawner import PajaSlurmSpawner
from deploy.jupyterhub.slurm.watching import QueueWatch
from tests.deploy.jupyterhub.slurm.factory_files import read_of_firecrest
from tests.deploy.jupyterhub.slurm.firecrests import firecrest
from tests.deploy.jupyterhub.slurm.spawners import EVE, make_spawner, run, start, until
from tests.servers.firecrest import ROBOT, FirecrestApi, error
from tests.servers.firecrest import slurm_error as refusal_of_slurms

NAME = "paja-s-0000ada1"
Watching = Callable[[FirecrestApi], QueueWatch]


@pytest.fixture
def watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    """The hub's watch through an API; again for a hub that is started again."""

    def make(api: FirecrestApi) -> QueueWatch:
        watch = QueueWatch(firecrest(api), read_of_firecrest(tmp_path), tmp_path, now=lambda: api.slurm.now)
        for module in ("spawner", "safe_spawner"):
            monkeypatch.setattr(f"deploy.jupyterhub.slurm.{module}.get_watch", lambda: watch)
        return watch

    yield make
    PajaSlurmSpawner._ports.clear()
    assert not PajaSlurmSpawner._submitting


def robots(**options: object) -> PajaSlurmSpawner:
    return make_spawner(**{"unix_account": ROBOT, **options})  # type: ignore[arg-type]


def test_a_server_starts_and_ends(watching: Watching) -> None:
    api, spawner = FirecrestApi(), robots()
    watch = watching(api)

    async def live() -> str:
        url = await start(spawner, watch)
        stopping = asyncio.ensure_future(spawner.stop())
        await until(stopping.done, watch)
        return url

    url = run(live())

    job = api.slurm.find(NAME)
    assert job is not None
    assert url == f"http://{job.node}:40001"
    assert (job.request.gres, job.request.minutes, job.state) == ("gpu:1", 240, "CANCELLED")
    (order,) = api.orders
    said = {name: value for name, value in order.items() if name != "script"}
    assert "token-of-s-0000ada1" not in str(said)
    assert not [value for value in (*said.values(), job.request.name) if "p-0000ada1" in value]


def test_a_hub_that_was_killed_goes_on_with_its_job(watching: Watching) -> None:
    api, before = FirecrestApi(), robots()
    api.slurm.gpus["small-g"] = 0
    watch = watching(api)

    async def begin() -> None:
        starting = asyncio.ensure_future(before.start())
        await until(lambda: bool(before.job_id), watch)
        starting.cancel()

    run(begin())
    state = before.orm_spawner.state
    for lost in ({}, {"job_id": ""}):  # the second: killed before the answer to its submission came
        PajaSlurmSpawner._ports.clear()
        again = robots(state={**state, **lost})
        watch = watching(api)
        api.slurm.gpus["small-g"] = 8
        api.slurm._start_waiting()
        url = run(start(again, watch))

        assert url.startswith("http://nid")
        assert (again.job_id, again.api_token) == (before.job_id, before.api_token)
    assert len(api.orders) == 1


def test_an_outage_ends_no_server_and_doubles_none(watching: Watching) -> None:
    api, running, started = FirecrestApi(), robots(), robots(user=EVE, server="s-0000eee1")
    watch = watching(api)
    url = run(start(running, watch))
    api.fault = error(503, "Slurm is away")

    for _ in range(20):
        run(watch.ask())
        assert run(running.poll()) is None
    assert not watch.is_answering
    api.fault = None
    run(watch.ask())

    assert (run(running.poll()), url) == (None, f"http://{running.address}:40001")
    with pytest.raises(web.HTTPError, match="unix_account_in_use"):
        run(start(started, watch))
    assert len(api.orders) == 1


def test_what_sbatch_refuses_is_told_with_its_reason(watching: Watching) -> None:
    api, spawner = FirecrestApi(), robots()
    watch = watching(api)

    async def refuse() -> None:
        await watch.ask()
        api.fault = refusal_of_slurms("sbatch: error: AssocGrpBillingMinutes")
        await spawner.start()

    with pytest.raises(web.HTTPError, match="quota_exceeded"):
        run(refuse())

    (told,) = watch.list_told("refused")
    assert (told.body["server"], told.body["reason"]) == ("s-0000ada1", "quota_exceeded")
    assert spawner.job_id == ""


@pytest.mark.parametrize("unix_account", ["train01", "lumiada", "root"])
def test_there_is_no_account_but_the_clients(unix_account: str, watching: Watching) -> None:
    api = FirecrestApi()
    watch = watching(api)

    with pytest.raises(web.HTTPError, match="unix_account_refused"):
        run(start(robots(unix_account=unix_account), watch))

    assert not api.orders
