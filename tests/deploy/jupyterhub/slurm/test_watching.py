"""The one question: what an answer or a missing one makes of jobs, and how often Slurm is asked."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.jobs import PartitionState, QueuedJob
from deploy.jupyterhub.slurm.watching import pause_after
from tests.deploy.jupyterhub.slurm.watches import (
    NAME,
    ask,
    make_watch,
    stage_of,
    state_of,
    submit,
)
from tests.fakes.scheduler import FakeScheduler, NoAccounting, UnavailableScheduler

MINUTE = timedelta(minutes=1)


# --- What an answer says ---------------------------------------------------------------------------


def test_a_job_is_pending_until_slurm_has_started_it_and_ended_when_it_is_gone(tmp_path: Path) -> None:
    scheduler = FakeScheduler({"small-g": 0})
    watch = make_watch(scheduler, tmp_path)
    job = submit(watch)
    ask(watch)
    assert (stage_of(watch), state_of(watch)) == ("pending", "PENDING")

    scheduler.gpus["small-g"] = 1
    scheduler._start_waiting()
    ask(watch)
    found = watch.find(NAME)
    assert found is not None
    assert (found.stage, found.state, found.nodes) == ("running", "RUNNING", (job.node,))
    assert found.ends_at == scheduler.now + 60 * MINUTE

    scheduler.advance(61 * MINUTE)
    ask(watch)
    found = watch.find(NAME)
    assert found is not None
    assert (found.stage, found.state) == ("ended", "TIMEOUT")
    assert found.ending is not None
    assert found.ending.ended_at == job.ended_at
    assert (found.ending.is_by_hub, found.ending.is_by_other) == (False, False)


def test_a_job_that_is_younger_than_the_last_answer_is_pending(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    ask(watch)

    submit(watch)

    assert stage_of(watch) == "pending"


def test_a_job_that_was_submitted_while_the_question_was_under_way_is_pending(tmp_path: Path) -> None:
    class Meanwhile(FakeScheduler):
        async def read_queue(self) -> list[QueuedJob]:
            answer = await super().read_queue()
            if "submitted" not in self.held:
                self.held["submitted"] = ""
                submit(watch)
            return answer

    scheduler = Meanwhile()
    watch = make_watch(scheduler, tmp_path)

    ask(watch)
    assert stage_of(watch) == "pending"
    ask(watch)
    assert stage_of(watch) == "running"


def test_a_job_that_a_later_answer_lacks_has_ended_before_anybody_knows_how(tmp_path: Path) -> None:
    scheduler = NoAccounting()
    watch = make_watch(scheduler, tmp_path)
    job = submit(watch)
    ask(watch)
    scheduler.advance(MINUTE)
    scheduler.end(job.job_id, "OUT_OF_MEMORY")

    ask(watch)
    assert (stage_of(watch), state_of(watch)) == ("ended", "ENDED")
    assert not watch.list_ended(None, 10)
    ask(watch, 3)
    assert state_of(watch) == "UNKNOWN"
    (unknown,) = watch.list_ended(None, 10)
    assert unknown.ending is not None
    assert unknown.ending.started_at == job.started_at

    scheduler.is_down = False
    scheduler.advance(2 * timedelta(days=1))
    ask(watch)
    assert state_of(watch) == "OUT_OF_MEMORY"
    (known,) = watch.list_ended(unknown.ending.learnt_at, 10)
    assert known.ending is not None
    assert known.ending.ended_at == job.ended_at
    ask(watch)
    assert not watch.list_ended(known.ending.learnt_at, 10)


def test_an_ending_that_comes_late_into_the_accounting_is_found(tmp_path: Path) -> None:
    class Late(FakeScheduler):
        knows = False

        async def read_ended(self, since):  # type: ignore[no-untyped-def]
            answer = await super().read_ended(since)
            return answer if self.knows else []

    scheduler = Late()
    watch = make_watch(scheduler, tmp_path)
    job = submit(watch)
    ask(watch)
    scheduler.end(job.job_id, "NODE_FAIL")
    for _ in range(30):
        ask(watch)
        scheduler.advance(MINUTE)
    scheduler.knows = True
    ask(watch)

    # Half an hour ago: the accounting is asked again about the time in which something is not known.
    assert state_of(watch) == "NODE_FAIL"


def test_a_job_that_the_site_puts_back_into_the_queue_lives_again(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    job = submit(watch)
    ask(watch)
    scheduler.end(job.job_id, "NODE_FAIL")
    ask(watch)
    assert stage_of(watch) == "ended"

    job.ended_at, job.state, job.started_at = None, "PENDING", None
    ask(watch)

    assert stage_of(watch) == "pending"
    assert not watch.list_ended(None, 10)


# --- Slurm is silent -------------------------------------------------------------------------------


def test_hours_without_an_answer_move_nothing(tmp_path: Path) -> None:
    scheduler = UnavailableScheduler({"small-g": 1})
    scheduler.is_down = False
    watch = make_watch(scheduler, tmp_path)
    submit(watch)
    submit(watch, "paja-s-00000002", unix_account="train02")
    ask(watch)
    answered_at = watch.answered_at
    before = [watch.find(NAME), watch.find("paja-s-00000002")]
    scheduler.is_down = True
    for _ in range(100):
        scheduler.now += 2 * MINUTE
        ask(watch)

    assert [watch.find(NAME), watch.find("paja-s-00000002")] == before
    assert (stage_of(watch), stage_of(watch, "paja-s-00000002")) == ("running", "pending")
    assert (watch.is_answering, watch.answered_at) == (False, answered_at)
    assert not watch.list_ended(None, 10)

    scheduler.is_down = False
    ask(watch)
    assert stage_of(watch, "paja-s-00000002") == "pending"
    assert watch.is_answering


def test_one_question_without_an_answer_leaves_the_others(tmp_path: Path) -> None:
    class NoPartitions(FakeScheduler):
        is_broken = False

        async def read_partitions(self) -> list[PartitionState]:
            if self.is_broken:
                raise ValueError("nonsense by the test")
            return await super().read_partitions()

    scheduler = NoPartitions()
    watch = make_watch(scheduler, tmp_path)
    ask(watch)
    before = watch.answers.partitions
    scheduler.is_broken = True
    submit(watch)

    ask(watch)

    assert watch.answers.partitions == before
    assert watch.is_answering
    assert stage_of(watch) == "running"


# --- The pace --------------------------------------------------------------------------------------


@pytest.mark.parametrize("learners", [1, 128])
def test_slurm_is_asked_as_often_for_many_as_for_one(tmp_path: Path, learners: int) -> None:
    watch = make_watch(FakeScheduler({"small-g": 64}), tmp_path)
    for number in range(learners):
        submit(watch, f"paja-s-{number:08x}")

    ask(watch, 3)
    for number in range(learners):
        assert watch.find(f"paja-s-{number:08x}")

    assert watch.questions == 12


@pytest.mark.parametrize(("took", "pause"), [(0.0, 15.0), (5.0, 10.0), (15.0, 15.0), (100.0, 15.0)])
def test_there_is_never_more_than_one_round_in_a_pace(took: float, pause: float) -> None:
    assert pause_after(took, 15.0) == pause


def test_the_rounds_after_an_outage_come_no_faster(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path, pace_seconds=0.2)

    async def watch_a_while() -> float:
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        asking = asyncio.create_task(watch.run())
        while watch.revision < 3:
            await watch.changed()
        asking.cancel()
        return loop.time() - begun_at

    assert asyncio.run(asyncio.wait_for(watch_a_while(), 30)) >= 0.4
    assert watch.questions == 12


def test_a_round_that_fails_for_us_is_followed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = make_watch(FakeScheduler(), tmp_path, pace_seconds=0.01)
    take_queue, rounds = watch.book.take_queue, []

    def fail_once(*jobs: object, **named: object) -> None:
        rounds.append(named)
        if len(rounds) == 1:
            raise OSError("no space left, by the test")
        take_queue(*jobs, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(watch.book, "take_queue", fail_once)

    async def watch_a_while() -> None:
        asking = asyncio.create_task(watch.run())
        await watch.next_answer()
        asking.cancel()

    asyncio.run(asyncio.wait_for(watch_a_while(), 30))
    assert len(rounds) == 2


def test_the_next_answer_is_one_to_a_question_that_was_asked_later(tmp_path: Path) -> None:
    scheduler = UnavailableScheduler()
    scheduler.is_down = False
    watch = make_watch(scheduler, tmp_path)

    async def wait() -> list[bool]:
        await watch.ask()
        waiting = asyncio.create_task(watch.next_answer())
        await asyncio.sleep(0)
        seen = [waiting.done()]
        scheduler.is_down = True
        await watch.ask()
        await asyncio.sleep(0)
        seen.append(waiting.done())
        scheduler.is_down = False
        await watch.ask()
        await asyncio.wait_for(waiting, 5)
        return seen

    assert asyncio.run(wait()) == [False, False]
