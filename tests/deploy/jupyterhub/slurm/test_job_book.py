"""Which jobs are the hub's own, who ended them, and what of them outlives a restart."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError
from tests.deploy.jupyterhub.slurm.watches import (
    NAME,
    ask,
    make_submission,
    make_watch,
    stage_of,
    state_of,
    submit,
)
from tests.fakes.scheduler import FakeScheduler, LosingScheduler, NoAccounting, a_job

MINUTE = timedelta(minutes=1)


# --- Who ended it ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_stopped", "state", "by_hub", "by_other"),
    [
        (True, "CANCELLED", True, False),
        (False, "CANCELLED", False, True),
        (True, "TIMEOUT", False, False),
        (True, "NODE_FAIL", False, False),
        (True, "COMPLETED", True, False),
        (False, "FAILED", False, False),
    ],
)
def test_who_ended_a_job_is_told(
    tmp_path: Path, is_stopped: bool, state: str, by_hub: bool, by_other: bool
) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    job = submit(watch)
    ask(watch)
    if is_stopped:
        watch.note_stopping(NAME)

    scheduler.end(job.job_id, state, cancelled_by="root")
    ask(watch)

    (ended,) = watch.list_ended(None, 10)
    assert ended.ending is not None
    assert (ended.ending.is_by_hub, ended.ending.is_by_other) == (by_hub, by_other)


def test_a_stop_of_a_job_that_had_ended_already_has_not_ended_it(tmp_path: Path) -> None:
    scheduler = NoAccounting()
    watch = make_watch(scheduler, tmp_path)
    job = submit(watch)
    ask(watch)
    scheduler.end(job.job_id, "CANCELLED", cancelled_by="root")
    ask(watch)

    watch.note_stopping(NAME)  # the hub tidies up after the server that is gone
    scheduler.is_down = False
    ask(watch)

    (ended,) = watch.list_ended(None, 10)
    assert ended.ending is not None
    assert ended.ending.is_by_other


# --- Lost answers and borrowed names ---------------------------------------------------------------


def test_a_job_whose_submission_lost_its_answer_is_found_by_its_name(tmp_path: Path) -> None:
    scheduler = LosingScheduler()
    watch = make_watch(scheduler, tmp_path)
    watch.note_submitting(NAME, make_submission())
    with pytest.raises(SchedulerUnavailableError):
        asyncio.run(scheduler.submit(a_job(NAME), ""))
    assert watch.find(NAME) is None

    ask(watch)

    found = watch.find(NAME)
    assert found is not None
    assert found.submission.user == "p-0000ada1"
    assert not watch.list_strangers()


def test_a_job_under_a_borrowed_name_is_nobodys(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    own = submit(watch)
    borrowed = scheduler.add(a_job(NAME, unix_account="train02"))
    other = scheduler.add(a_job("paja-s-00000009", unix_account="train02"))
    watch.note_submitting("paja-s-00000009", make_submission("s-00000009", unix_account="train01"))

    ask(watch)

    found = watch.find(NAME)
    assert found is not None
    assert found.job_id == own.job_id
    assert watch.find("paja-s-00000009") is None
    assert [job.job_id for job in watch.list_strangers()] == [borrowed.job_id, other.job_id]


def test_a_job_is_ours_whatever_its_owner_calls_it(tmp_path: Path) -> None:
    """Else it would run on, and its account would be the next person's meanwhile."""
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    own, anothers = submit(watch), submit(watch, "paja-s-00000002", unix_account="train02")
    ask(watch)
    for name in ("vasp", "paja-s-00000002"):
        own.request = replace(own.request, name=name)
        ask(watch, 6)

        assert stage_of(watch) == "running"
        found = watch.find("paja-s-00000002")
        assert found is not None
        assert found.job_id == anothers.job_id
        assert not watch.list_strangers()

    scheduler.end(own.job_id)
    ask(watch)

    assert state_of(watch) == "COMPLETED"
    assert stage_of(watch, "paja-s-00000002") == "running"


@pytest.mark.parametrize(
    "changes", [{"name": "vasp"}, {"unix_account": "somebody"}], ids=["another name", "another account"]
)
def test_a_later_job_of_the_same_id_is_not_ours(tmp_path: Path, changes: dict[str, str]) -> None:
    """A site that lost its state counts anew."""
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    own = submit(watch)
    ask(watch)

    own.request = replace(own.request, **changes)  # type: ignore[arg-type]
    own.submitted_at += timedelta(hours=1)
    ask(watch)

    assert stage_of(watch) == "ended"


def test_jobs_of_another_hub_at_the_same_site_are_not_looked_at(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    for name in ("pajatest-s-00000001", "paja-s-1", "xpaja-s-00000001", "vasp"):
        scheduler.add(a_job(name))

    ask(watch)

    assert not watch.list_strangers()
    assert not watch.list_open()


# --- A restart -------------------------------------------------------------------------------------


def test_a_restarted_hub_knows_its_jobs_and_learns_what_ended_meanwhile(tmp_path: Path) -> None:
    scheduler = FakeScheduler({"small-g": 2})
    before = make_watch(scheduler, tmp_path)
    jobs = [submit(before, f"paja-s-0000000{number}") for number in range(4)]
    ask(before)
    before.note_stopping("paja-s-00000001")
    scheduler.end(jobs[0].job_id, "CANCELLED", cancelled_by="root")
    scheduler.end(jobs[1].job_id, "CANCELLED", cancelled_by="train01")
    scheduler.advance(5 * MINUTE)

    after = make_watch(scheduler, tmp_path)
    assert after.find("paja-s-00000000") is not None
    assert after.answered_at is None
    ask(after)

    assert [stage_of(after, f"paja-s-0000000{number}") for number in range(4)] == [
        "ended", "ended", "running", "running",
    ]  # fmt: skip
    endings = [job.ending for job in after.list_ended(None, 10)]
    assert [(each.is_by_hub, each.is_by_other) for each in endings if each] == [(False, True), (True, False)]
    found = after.find("paja-s-00000002")
    assert found is not None
    assert found.submitted_at == jobs[2].submitted_at
    assert found.submission == make_submission("s-00000002")


def test_a_job_that_came_and_went_while_the_hub_was_away_is_its_servers(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    before = make_watch(scheduler, tmp_path)
    ask(before)
    job = scheduler.add(a_job(NAME))
    borrowed = scheduler.add(a_job("paja-s-00000002", unix_account="train02"))
    for each in (job, borrowed):
        scheduler.end(each.job_id, "TIMEOUT")
    scheduler.advance(30 * MINUTE)

    after = make_watch(scheduler, tmp_path)
    after.book.identify = make_submission
    ask(after)

    assert [each.job_id for each in after.list_ended(None, 10)] == [job.job_id]


def test_an_ended_job_under_a_borrowed_name_is_not_the_servers(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    watch.book.identify = make_submission
    own = submit(watch)
    ask(watch)
    scheduler.end(scheduler.add(a_job(NAME)).job_id)
    scheduler.advance(MINUTE)
    ask(watch)

    assert not watch.list_ended(None, 10)
    found = watch.find(NAME)
    assert found is not None
    assert found.job_id == own.job_id


def test_what_is_old_is_forgotten(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    job = submit(watch)
    scheduler.end(job.job_id)
    ask(watch)
    watch.note_refused("p-0000ada1", "s-00000001", "quota_exceeded")
    assert len(make_watch(scheduler, tmp_path).list_told("refused")) == 1
    scheduler.now += timedelta(days=8)
    ask(watch)

    assert watch.find(NAME) is None
    assert not watch.list_told("refused")
    assert make_watch(scheduler, tmp_path).find(NAME) is None
