"""Every Scheduler keeps the same promises: the one in memory, FirecREST's without and with a socket, Slurm's own."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deploy.jupyterhub.slurm.access import open_scheduler
from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.firecrest import FirecrestScheduler
from tests.deploy.jupyterhub.slurm.scheduler_contract import PROMISES, Site
from tests.fakes.scheduler import FakeScheduler, a_job
from tests.servers.firecrest import (
    CLIENT_ID,
    CLIENT_SECRET,
    ROBOT,
    SYSTEM,
    ApiTransport,
    FirecrestApi,
    FirecrestServer,
)
from tests.servers.slurm import RealCluster

JOB = a_job()
PARTITIONS = ["small-g", "dev-g"]

promises = pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
Promise = Callable[[Site], Awaitable[None]]


def firecrest(url: str, api: FirecrestApi, transport: ApiTransport | None = None) -> Site:
    scheduler = FirecrestScheduler(
        url=url,
        system=SYSTEM,
        token_url=f"{url}/token",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        unix_account=ROBOT,
        partitions=PARTITIONS,
        prefix="paja-",
        transport=transport,
    )
    job = replace(JOB, unix_account=ROBOT)
    return Site(scheduler, job, replace(job, gres="gpu:8"), 1, lambda: api.slurm.now, tells_gpus=False)


async def keep(promise: Promise, site: Site) -> None:
    try:
        await promise(site)
    finally:
        await site.scheduler.close()


@promises
def test_the_one_in_memory(promise: Promise) -> None:
    slurm = FakeScheduler()
    asyncio.run(keep(promise, Site(slurm, JOB, replace(JOB, gres="gpu:8"), 1, lambda: slurm.now)))


@promises
def test_firecrest(promise: Promise) -> None:
    api = FirecrestApi()
    asyncio.run(keep(promise, firecrest("http://firecrest.example.org", api, ApiTransport(api))))


@pytest.mark.live
@promises
def test_firecrest_over_http(promise: Promise) -> None:
    api = FirecrestApi()
    with FirecrestServer(api) as server:
        asyncio.run(keep(promise, firecrest(server.url, api)))


@pytest.fixture
def kajaani(slurm: RealCluster) -> Iterator[RealCluster]:
    yield slurm
    slurm.clear()


@pytest.mark.live
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("slurm")
@promises
def test_slurms_own_commands(promise: Promise, kajaani: RealCluster) -> None:
    path = kajaani.write_factory_file("kajaani", "http://127.0.0.1:9/hub/api")
    file = FactoryFile.read(path)
    partition = next(each for each in file.partitions if each.name == "small-g")
    flavour = next(each for each in partition.flavours if each.gpus == 1)
    job = replace(
        JOB,
        gres=flavour.gres,
        cores=flavour.cores,
        memory_gb=flavour.memory_gb,
        account=file.accounts[0],
        unix_account=kajaani.learners("kajaani")[0],
    )
    gres = f"{flavour.gres.rpartition(':')[0]}:8"
    whole = replace(job, gres=gres, cores=8 * flavour.cores, memory_gb=8 * flavour.memory_gb)

    def now() -> datetime:
        return datetime.now(UTC)

    asyncio.run(keep(promise, Site(open_scheduler(file), job, whole, 2, now)))
