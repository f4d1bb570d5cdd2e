"""An own account is tried out by a job: what it says is told, and it is no server."""

import asyncio
from typing import Any

import pytest
from tornado import web

from deploy.jupyterhub.slurm.callback import Heard
from tests.deploy.jupyterhub.slurm.spawners import Watching, make_spawner, run, start, until
from tests.fakes.scheduler import FakeScheduler, RefusingScheduler

CHECK: dict[str, Any] = {
    "server": "v-0000ada1", "kind": "check", "unix_account": "lumiada", "lease": "", "code": "ABCD-EFGH-JKLM"
}  # fmt: skip


def test_a_check_passes_when_its_job_says_so_and_is_no_server(watching: Watching) -> None:
    scheduler = FakeScheduler()
    watch = watching(scheduler)
    spawner = make_spawner(**CHECK)

    async def check() -> None:
        starting = asyncio.ensure_future(spawner.start())
        await until(lambda: spawner.hear_check("") is Heard.TAKEN, watch)
        assert spawner.hear_check("code_wrong") is Heard.TAKEN  # the first word counts
        assert spawner.hear_port(40_001) is Heard.REFUSED
        await starting

    with pytest.raises(web.HTTPError):
        run(check())
    assert [(told.body["unix_account"], told.body["outcome"]) for told in watch.list_told("checked")] == [
        ("lumiada", "passed")
    ]


def test_a_check_whose_account_does_not_have_the_code_has_failed(watching: Watching) -> None:
    watch = watching(FakeScheduler())
    spawner = make_spawner(**CHECK)

    async def check() -> None:
        starting = asyncio.ensure_future(spawner.start())
        await until(lambda: spawner.hear_check("code_missing") is Heard.TAKEN, watch)
        await starting

    with pytest.raises(web.HTTPError):
        run(check())
    (told,) = watch.list_told("checked")
    assert (told.body["outcome"], told.body["reason"]) == ("failed", "code_missing")


def test_the_code_goes_with_the_script_and_nowhere_else(watching: Watching) -> None:
    scheduler = FakeScheduler()
    watch = watching(scheduler)
    spawner = make_spawner(**CHECK)

    async def check() -> None:
        starting = asyncio.ensure_future(spawner.start())
        await until(lambda: spawner.hear_check("") is Heard.TAKEN, watch)
        with pytest.raises(web.HTTPError):
            await starting

    run(check())
    job = scheduler.find("paja-v-0000ada1")
    assert job is not None
    assert CHECK["code"] in job.script
    assert CHECK["code"] not in repr(job.request)


def test_a_check_that_is_refused_has_failed_for_that_reason(watching: Watching) -> None:
    watch = watching(RefusingScheduler("account_invalid"))
    spawner = make_spawner(**CHECK)

    with pytest.raises(web.HTTPError):
        run(spawner.start())

    (told,) = watch.list_told("checked")
    assert (told.body["outcome"], told.body["reason"]) == ("failed", "account_invalid")


def test_a_session_says_nothing_of_a_check(watching: Watching) -> None:
    watch, spawner = watching(FakeScheduler()), make_spawner()
    run(start(spawner, watch))

    assert spawner.hear_check("") is Heard.REFUSED
    assert not watch.list_told("checked")
