"""A server as a Slurm job: submitted once, found again, told its port by Slurm's word, ended."""

import asyncio
from collections.abc import Sequence

import pytest
from jupyterhub.apihandlers import default_handlers
from tornado import web

from deploy.jupyterhub.slurm.callback import Heard
from deploy.jupyterhub.slurm.spawner import JobEndedError, PajaSlurmSpawner, is_starting
from tests.deploy.jupyterhub.slurm.spawners import ADA, EVE, LEASE, Watching, make_spawner, run, start, until
from tests.fakes.scheduler import (
    FakeScheduler,
    LosingScheduler,
    RefusingScheduler,
    SlowScheduler,
    UnavailableScheduler,
    a_job,
)

NAME = "paja-s-0000ada1"


def test_a_server_is_a_job_that_tells_its_port_and_slurm_its_node(watching: Watching) -> None:
    scheduler = FakeScheduler()
    watch, spawner = watching(scheduler), make_spawner()

    url = run(start(spawner, watch))

    job = scheduler.find(NAME)
    assert job is not None
    assert url == f"http://{job.node}:40001"
    assert (job.request.unix_account, job.request.minutes, job.request.gres) == ("train01", 240, "gpu:1")
    assert spawner.orm_spawner.state["token"] == "token-of-s-0000ada1"
    assert run(spawner.poll()) is None


def test_batchspawners_own_callback_is_not_mounted() -> None:
    assert not [route for route in default_handlers if "batchspawner" in route[0]]


def test_no_command_of_batchspawners_runs(watching: Watching) -> None:
    watching(FakeScheduler())
    spawner = make_spawner()

    for method in (spawner.run_command, spawner.submit_batch_script, spawner.cancel_batch_job):
        with pytest.raises(RuntimeError, match="shell"):
            run(method("id"))


def test_a_start_waits_in_the_queue_and_asks_slurm_nothing(watching: Watching) -> None:
    scheduler = FakeScheduler({"small-g": 0})
    watch, spawner = watching(scheduler), make_spawner()

    async def wait() -> bool:
        starting = asyncio.ensure_future(spawner.start())
        await until(lambda: scheduler.find(NAME) is not None and bool(spawner.job_id), watch)
        before = scheduler.questions.copy()
        for _ in range(20):
            assert await spawner.poll() is None
            assert spawner.hear_port(40_001) is Heard.LATER
            await asyncio.sleep(0)
        assert scheduler.questions == before
        is_waiting = not starting.done()
        starting.cancel()
        return is_waiting

    assert run(wait())
    assert is_starting(spawner.orm_spawner.state)


def test_a_hub_that_was_killed_while_a_job_waited_goes_on_with_it_and_its_token(watching: Watching) -> None:
    scheduler = FakeScheduler({"small-g": 0})
    watch, before = watching(scheduler), make_spawner()

    async def restart() -> PajaSlurmSpawner:
        starting = asyncio.ensure_future(before.start())
        await until(lambda: bool(before.job_id), watch)
        starting.cancel()  # as kill -9 does: nothing is cleaned up
        after = make_spawner(state=before.orm_spawner.state)
        after.clear_state()  # as JupyterHub does, before it starts a server
        after.api_token = "another"
        scheduler.gpus["small-g"] = 8
        scheduler._start_waiting()
        await start(after, watch)
        return after

    after = run(restart())

    assert len(scheduler.jobs) == 1
    assert after.api_token == "token-of-s-0000ada1"


def test_a_watch_that_has_forgotten_a_job_is_told_of_it_again(watching: Watching) -> None:
    scheduler = FakeScheduler({"small-g": 0})
    watch, before = watching(scheduler), make_spawner()

    async def restart() -> str:
        starting = asyncio.ensure_future(before.start())
        await until(lambda: bool(before.job_id), watch)
        starting.cancel()
        scheduler.gpus["small-g"] = 8
        scheduler._start_waiting()
        return await start(make_spawner(state=before.orm_spawner.state), watching(scheduler))

    assert run(restart()).endswith(":40001")
    assert len(scheduler.jobs) == 1


def test_a_submission_whose_answer_was_lost_is_found_by_name_and_not_doubled(watching: Watching) -> None:
    scheduler = LosingScheduler()
    watch, spawner = watching(scheduler), make_spawner()

    run(start(spawner, watch))

    assert len(scheduler.jobs) == 1
    assert spawner.job_id in scheduler.jobs


def test_a_slurm_that_does_not_answer_is_asked_again_and_moves_nothing(watching: Watching) -> None:
    scheduler = UnavailableScheduler()
    watch, spawner = watching(scheduler), make_spawner()

    async def outage() -> None:
        starting = asyncio.ensure_future(start(spawner, watch))
        for _ in range(10):
            await asyncio.sleep(0.005)
        assert not starting.done()
        scheduler.is_down = False
        await starting
        scheduler.is_down = True
        await watch.ask()
        assert await spawner.poll() is None

    run(outage())

    assert len(scheduler.jobs) == 1


def test_a_start_that_is_taken_back_while_slurm_is_asked_leaves_no_job(watching: Watching) -> None:
    scheduler = SlowScheduler()
    _watch, spawner = watching(scheduler), make_spawner()

    async def take_back() -> None:
        starting = asyncio.ensure_future(spawner.start())
        await asyncio.sleep(0.05)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        scheduler.go.set()
        while not any(job.state == "CANCELLED" for job in scheduler.jobs.values()):
            await asyncio.sleep(0.005)

    run(take_back())


def test_what_slurm_refuses_is_told_with_its_reason(watching: Watching) -> None:
    watch, spawner = watching(RefusingScheduler("quota_exceeded")), make_spawner()

    with pytest.raises(web.HTTPError, match="quota_exceeded"):
        run(spawner.start())

    assert [told.body["reason"] for told in watch.list_told("refused")] == ["quota_exceeded"]
    assert run(spawner.poll()) == 0


def test_what_the_file_does_not_offer_never_comes_to_slurm(watching: Watching) -> None:
    scheduler = FakeScheduler()
    watch = watching(scheduler)

    for options in ({"partition": "standard-g"}, {"cmd": "id"}, {"minutes": 10**9}):
        with pytest.raises(web.HTTPError):
            run(make_spawner(**options).start())

    assert not scheduler.questions
    assert len(watch.list_told("refused")) == 3


def test_an_account_that_another_person_works_in_is_refused(watching: Watching) -> None:
    scheduler = FakeScheduler()
    watch = watching(scheduler)
    run(start(make_spawner(), watch))

    with pytest.raises(web.HTTPError, match="unix_account_in_use"):
        run(make_spawner(EVE, "s-0000eee1").start())

    run(start(make_spawner(ADA, "s-0000ada2"), watch, 40_002))
    assert len(scheduler.jobs) == 2


class LingeringScheduler(FakeScheduler):
    """Jobs that are cancelled keep their nodes until `end`: their processes do not heed the first signal."""

    async def cancel(self, jobs: Sequence[tuple[str, str]]) -> None:
        for job_id, _ in jobs:
            self.jobs[job_id].state = "COMPLETING"


def test_an_account_whose_last_job_is_still_ending_is_waited_for(watching: Watching) -> None:
    """Its processes live until Slurm has ended them, and would be in the next person's account."""
    scheduler = LingeringScheduler()
    watch = watching(scheduler)
    ada, eve = make_spawner(), make_spawner(EVE, "s-0000eee1")
    run(start(ada, watch))

    async def hand_over() -> None:
        stopping = asyncio.ensure_future(ada.stop())
        await asyncio.sleep(0)
        starting = asyncio.ensure_future(start(eve, watch, 40_002))
        for _ in range(5):
            await asyncio.sleep(0.005)
            await watch.ask()
        assert not stopping.done()
        assert len(scheduler.jobs) == 1
        scheduler.end(ada.job_id, "CANCELLED")
        await until(lambda: stopping.done() and starting.done(), watch)
        await starting

    run(hand_over())

    assert len(scheduler.jobs) == 2


def test_an_account_is_not_lent_while_it_has_a_job_that_somebody_left_in_the_queue(
    watching: Watching,
) -> None:
    """It would begin beside the next person's session, and read their files."""
    scheduler = FakeScheduler()
    watch = watching(scheduler)
    left = scheduler.add(a_job("later", unix_account="train01"))
    scheduler.hold(left.job_id, "BeginTime")
    run(watch.ask())
    eve = make_spawner(EVE, "s-0000eee1")

    async def lend() -> None:
        starting = asyncio.ensure_future(start(eve, watch, 40_002))
        for _ in range(5):
            await asyncio.sleep(0.005)
            await watch.ask()
        assert len(scheduler.jobs) == 1
        scheduler.end(left.job_id, "CANCELLED")
        await until(starting.done, watch)
        await starting

    run(lend())

    assert len(scheduler.jobs) == 2


def test_two_people_who_start_at_once_do_not_get_one_account(watching: Watching) -> None:
    scheduler = SlowScheduler()
    _watch = watching(scheduler)

    async def both() -> None:
        first = asyncio.ensure_future(make_spawner().start())
        await asyncio.sleep(0)
        with pytest.raises(web.HTTPError, match="unix_account_in_use"):
            await make_spawner(EVE, "s-0000eee1").start()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

    run(both())


def test_a_job_that_ends_before_its_server_is_there_fails_the_start(watching: Watching) -> None:
    scheduler = FakeScheduler()
    watch, spawner = watching(scheduler), make_spawner()

    async def lose() -> None:
        starting = asyncio.ensure_future(spawner.start())
        await until(lambda: bool(spawner.job_id), watch)
        scheduler.end(spawner.job_id, "NODE_FAIL")
        await until(starting.done, watch)
        await starting

    with pytest.raises(JobEndedError):
        run(lose())
    assert run(spawner.poll()) is not None


def test_a_port_is_heard_once(watching: Watching) -> None:
    watch, spawner = watching(FakeScheduler()), make_spawner()
    run(start(spawner, watch))

    assert spawner.hear_port(40_001) is Heard.TAKEN
    assert spawner.hear_port(40_002) is Heard.REFUSED
    assert spawner.port == 40_001


def test_a_port_that_another_server_has_on_the_node_is_not_taken(watching: Watching) -> None:
    scheduler = FakeScheduler()
    watch, eve = watching(scheduler), make_spawner(EVE, "s-0000eee1", unix_account="train02")
    run(start(make_spawner(), watch))

    async def take_hers() -> list[Heard]:
        starting = asyncio.ensure_future(eve.start())
        await until(lambda: eve._find_running() is not None, watch)
        heard = [eve.hear_port(40_001), eve.hear_port(40_002)]
        await starting
        return heard

    assert run(take_hers()) == [Heard.LATER, Heard.TAKEN]


def test_a_stop_cancels_and_waits_for_slurms_word(watching: Watching) -> None:
    scheduler = FakeScheduler()
    watch, spawner = watching(scheduler), make_spawner()
    run(start(spawner, watch))

    async def stop() -> None:
        stopping = asyncio.ensure_future(spawner.stop())
        await until(stopping.done, watch)

    run(stop())

    job = scheduler.find(NAME)
    assert job is not None
    assert job.state == "CANCELLED"
    assert run(spawner.poll()) is not None


def test_a_stop_ends_also_where_slurm_does_not_answer(watching: Watching) -> None:
    scheduler = UnavailableScheduler()
    scheduler.is_down = False
    watch, spawner = watching(scheduler), make_spawner()
    run(start(spawner, watch))
    scheduler.is_down = True
    spawner.stop_seconds = 0.05

    run(spawner.stop())

    assert scheduler.questions["cancel"] == 0


def test_the_job_knows_the_lease_for_which_the_account_is_cleaned(watching: Watching) -> None:
    scheduler = FakeScheduler()
    watch = watching(scheduler)
    run(start(make_spawner(), watch))

    job = scheduler.find(NAME)
    assert job is not None
    assert LEASE in job.script
    assert "token-of-s-0000ada1" in job.script
    assert "token" not in repr(job.request)
