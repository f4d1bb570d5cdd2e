"""Jobs that nobody owns are cancelled after the grace, few at a time; whatever is not known protects them."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.factory_file import Robot, UnixAccounts
from deploy.jupyterhub.slurm.orphans import CANCELLED_MOST, TRIES_MOST, Orphan, OrphanSearch
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError
from deploy.jupyterhub.slurm.watching import QueueWatch
from tests.deploy.jupyterhub.slurm.watches import NAME, ask, make_submission, make_watch, state_of, submit
from tests.fakes.scheduler import FakeScheduler, UnavailableScheduler, a_job

PACE = timedelta(seconds=15)


def search(
    watch: QueueWatch, scheduler: FakeScheduler, owned: Collection[str] | None, rounds: int
) -> list[Orphan]:
    """What is cancelled in so many rounds at the pace."""
    orphans = OrphanSearch(watch, lambda: owned)
    found = []
    for _ in range(rounds):
        ask(watch)
        found += asyncio.run(orphans.look())
        scheduler.now += PACE
    return found


def test_a_job_without_a_server_is_cancelled_after_the_grace_as_ours(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    job = submit(watch)

    assert not search(watch, scheduler, set(), 4)
    assert job.ended_at is None
    assert [orphan.job_id for orphan in search(watch, scheduler, set(), 5)] == [job.job_id]
    ask(watch)

    assert state_of(watch) == "CANCELLED"
    found = watch.find(NAME)
    assert found is not None
    assert found.ending is not None
    assert found.ending.is_by_hub


def test_a_job_of_a_server_is_left_alone(tmp_path: Path) -> None:
    scheduler = FakeScheduler({"small-g": 1})
    watch = make_watch(scheduler, tmp_path)
    for name in ("paja-s-00000001", "paja-s-00000002"):  # one runs, the other waits
        submit(watch, name)

    assert not search(watch, scheduler, {"s-00000001", "s-00000002"}, 20)


def test_a_server_keeps_the_newest_of_its_jobs(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    first, second = submit(watch), submit(watch)

    assert [orphan.job_id for orphan in search(watch, scheduler, {"s-1f00ba12"}, 5)] == [first.job_id]
    assert second.ended_at is None


def test_jobs_under_our_names_in_our_accounts_that_we_do_not_know_are_cancelled(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    own = submit(watch)
    borrowed = scheduler.add(a_job(NAME, unix_account="train02"))  # its learner's own doing
    somebodys = scheduler.add(a_job("paja-s-00000002", unix_account="somebody"))
    others = scheduler.add(a_job("vasp", unix_account="csc00001"))  # nobody is ever lent it

    assert [orphan.job_id for orphan in search(watch, scheduler, {"s-1f00ba12"}, 5)] == [borrowed.job_id]
    assert {own.ended_at, somebodys.ended_at, others.ended_at} == {None}


def test_an_account_that_is_lent_has_no_jobs_but_ours(tmp_path: Path) -> None:
    """What its last holder left in the queue would run beside the next one's session, as the same Unix account."""
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    own = submit(watch)
    left = [scheduler.add(a_job("later", unix_account="train01")) for _ in range(CANCELLED_MOST + 5)]
    robots = scheduler.add(a_job("any", unix_account="robot1"))

    search(watch, scheduler, {"s-1f00ba12"}, 1)

    assert {job.cancelled_by for job in left} == {"train01"}
    assert robots.cancelled_by == "robot1"
    assert own.ended_at is None


def test_an_account_of_several_people_may_have_jobs_of_its_site(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    unix = UnixAccounts(own="", pool=(), robot=Robot("robot1", ("site-isolates",)), become=())
    watch = make_watch(scheduler, tmp_path, unix=unix)
    sites = scheduler.add(a_job("of-the-site", unix_account="robot1"))

    search(watch, scheduler, set(), 6)

    assert sites.ended_at is None


def test_a_job_whose_submission_has_no_answer_yet_is_not_a_stranger(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    watch.note_submitting(NAME, make_submission())
    job = scheduler.add(a_job(NAME))

    assert not search(watch, scheduler, {"s-1f00ba12"}, 20)
    assert job.ended_at is None


@pytest.mark.parametrize("is_slurm_silent", [True, False])
def test_while_slurm_or_the_hubs_database_is_unknown_nothing_is_cancelled(
    tmp_path: Path, is_slurm_silent: bool
) -> None:
    scheduler = UnavailableScheduler()
    scheduler.is_down = False
    watch = make_watch(scheduler, tmp_path)
    job = submit(watch)
    ask(watch)
    scheduler.is_down = is_slurm_silent

    assert not search(watch, scheduler, set() if is_slurm_silent else None, 50)
    assert job.ended_at is None


def test_an_answer_is_looked_at_once(tmp_path: Path) -> None:
    scheduler = UnavailableScheduler()
    scheduler.is_down = False
    watch = make_watch(scheduler, tmp_path)
    submit(watch)
    orphans = OrphanSearch(watch, set)
    for _ in range(5):
        ask(watch)
        scheduler.now += PACE
        scheduler.is_down = True  # for the cancellation
        asyncio.run(orphans.look())
        assert not asyncio.run(orphans.look())
        scheduler.is_down = False


def test_few_are_cancelled_at_once(tmp_path: Path) -> None:
    scheduler = FakeScheduler({"small-g": 64})
    watch = make_watch(scheduler, tmp_path)
    for number in range(CANCELLED_MOST + 10):
        submit(watch, f"paja-s-{number:08x}")

    assert len(search(watch, scheduler, set(), 5)) == CANCELLED_MOST


def test_a_hub_that_was_restarted_begins_the_grace_anew(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    before = make_watch(scheduler, tmp_path)
    submit(before)
    assert not search(before, scheduler, set(), 4)

    assert not search(make_watch(scheduler, tmp_path), scheduler, set(), 4)


def test_a_stranger_whom_slurm_keeps_is_soon_let_be_and_holds_nobody_up(tmp_path: Path) -> None:
    class Refusing(FakeScheduler):
        def __init__(self) -> None:
            super().__init__()
            self.asked: list[str] = []

        async def cancel(self, jobs: Sequence[tuple[str, str]]) -> None:
            self.asked += [job_id for job_id, _ in jobs]
            if any(unix_account == "train02" for _, unix_account in jobs):
                raise SchedulerUnavailableError("not allowed, by the test")
            await super().cancel(jobs)

    scheduler = Refusing()
    watch = make_watch(scheduler, tmp_path)
    own = submit(watch)
    kept = scheduler.add(a_job("paja-s-00000002", unix_account="train02"))

    search(watch, scheduler, set(), 30)

    assert own.ended_at is not None
    assert scheduler.asked.count(kept.job_id) == TRIES_MOST
