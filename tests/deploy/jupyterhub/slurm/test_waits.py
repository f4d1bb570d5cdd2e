"""Expected waits on small made-up clusters: what is known is reckoned, what is not known is said to be."""

import asyncio
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.jupyterhub.slurm.access import open_scheduler
from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.jobs import PartitionState, QueuedJob, Reservation
from deploy.jupyterhub.slurm.waits import WAITING_MOST, expected_waits
from deploy.jupyterhub.slurm.watching import QueueWatch
from deploy.slurm.unix_accounts import sudo
from tests.deploy.jupyterhub.slurm.watches import ONE_GPU
from tests.servers import wait_for
from tests.servers.slurm import SLEEP, RealCluster

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WHOLE_NODE = replace(ONE_GPU, slug="node", gres="gpu:8", gpus=8)
NO_GPU = replace(ONE_GPU, slug="cores", gres="", gpus=0)


def partition(**changes: Any) -> PartitionState:
    """Two nodes of eight GPUs, of which nobody has any."""
    empty = PartitionState(
        name="small-g", is_up=True, time_limit_minutes=240, nodes_total=2, nodes_idle=2, nodes_down=0,
        gpus_total=16, gpus_used=0, gpus_free=16,
    )  # fmt: skip
    return replace(empty, **changes)


def used(gpus: int, **changes: Any) -> PartitionState:
    return partition(gpus_used=gpus, gpus_free=16 - gpus, **changes)


def running(gpus: int, *nodes: str, minutes: float = 60, **changes: Any) -> QueuedJob:
    job = QueuedJob(
        job_id="1", name="md", user="somebody", state="RUNNING", reason="", partition="small-g",
        partitions=("small-g",), priority=10, submitted_at=NOON - HOUR, started_at=NOON - HOUR,
        expected_start_at=None, ends_at=NOON + minutes * MINUTE, nodes=nodes or ("n1",), gpus=gpus, account="others",
    )  # fmt: skip
    return replace(job, **changes)


def waiting(gpus: int, **changes: Any) -> QueuedJob:
    job = running(gpus, state="PENDING", reason="Resources", started_at=None, ends_at=None)
    return replace(job, nodes=(), **changes)


def reservation(begins: timedelta, *nodes: str, **changes: Any) -> Reservation:
    kept = Reservation(
        name="course", starts_at=NOON + begins, ends_at=NOON + begins + HOUR, partition="small-g", nodes=nodes,
        accounts=("project_465000001",), users=(), is_maintenance=False,
    )  # fmt: skip
    return replace(kept, **changes)


def wait_of(
    state: PartitionState, *jobs: QueuedJob, kept: tuple[Reservation, ...] = (), flavour: Any = ONE_GPU
) -> timedelta | None:
    seconds = expected_waits(state, [flavour], jobs, kept, NOON)[flavour.slug]
    return None if seconds is None else timedelta(seconds=seconds)


NOW = timedelta(0)


def test_what_is_free_is_there_now() -> None:
    assert wait_of(partition()) == NOW
    assert wait_of(used(15), running(8, "n1"), running(7, "n2")) == NOW
    assert wait_of(partition(), flavour=WHOLE_NODE) == NOW
    assert wait_of(partition(), flavour=NO_GPU) == NOW


def test_free_gpus_on_several_nodes_are_no_whole_node() -> None:
    jobs = running(1, "n1", minutes=30), running(1, "n2", minutes=50)

    assert wait_of(used(2, nodes_idle=0), *jobs, flavour=WHOLE_NODE) == 30 * MINUTE
    assert wait_of(used(2, nodes_idle=0), *jobs) == NOW


def test_a_full_partition_is_free_when_the_first_job_must_end() -> None:
    jobs = running(8, "n1", minutes=90), running(8, "n2", minutes=25)

    assert wait_of(used(16), *jobs) == 25 * MINUTE


def test_a_job_over_two_nodes_holds_its_share_of_each() -> None:
    assert wait_of(used(16), running(16, "n1", "n2", minutes=45), flavour=WHOLE_NODE) == 45 * MINUTE


def test_those_in_front_come_first() -> None:
    jobs = running(8, "n1", minutes=90), running(8, "n2", minutes=25)
    others = [waiting(8, job_id="2"), waiting(8, job_id="3")]

    # At 25 and 90 minutes they begin, for the partition's four hours each.
    assert wait_of(used(16), *jobs, *others) == 25 * MINUTE + 240 * MINUTE


def test_a_big_job_in_front_is_passed_where_slurm_would_fill_the_gap() -> None:
    def jobs(minutes: float) -> list[QueuedJob]:
        big = waiting(16, expected_start_at=NOON + minutes * MINUTE)
        return [running(8, "n1", minutes=minutes), running(7, "n2", minutes=minutes), big]

    assert wait_of(used(15), *jobs(300)) == NOW
    # Not where it would hold the big one up.
    assert wait_of(used(15), *jobs(60)) == (60 + 240) * MINUTE


@pytest.mark.parametrize(
    "reason", ["JobHeldUser", "Dependency", "AssocGrpBillingMinutes", "QOSMaxJobsPerUserLimit"]
)
def test_who_waits_for_something_else_than_room_is_in_nobodys_way(reason: str) -> None:
    jobs = running(8, "n1", minutes=90), running(8, "n2", minutes=25)

    assert wait_of(used(16), *jobs, waiting(16, reason=reason)) == 25 * MINUTE


def test_what_slurm_expects_is_taken_from_slurm() -> None:
    jobs = running(8, "n1", minutes=10), running(8, "n2", minutes=600)
    expected = waiting(8, expected_start_at=NOON + 20 * MINUTE, ends_at=NOON + 50 * MINUTE)

    assert wait_of(used(16), *jobs, expected) == 50 * MINUTE


def test_nothing_is_begun_that_a_maintenance_would_end() -> None:
    soon = reservation(2 * HOUR, is_maintenance=True)
    late = reservation(5 * HOUR, is_maintenance=True)

    assert wait_of(partition(), kept=(soon,)) == 3 * HOUR
    assert wait_of(partition(), kept=(late,)) == NOW
    assert wait_of(partition(), kept=(replace(soon, partition="dev-g"),)) == NOW
    assert wait_of(partition(), kept=(soon,), flavour=replace(ONE_GPU, minutes_max=100)) == NOW


def test_reserved_nodes_are_left_to_those_they_are_kept_for() -> None:
    one = reservation(NOW, "n1")

    assert wait_of(partition(gpus_free=8), kept=(one,)) == NOW
    assert wait_of(partition(gpus_used=8, gpus_free=0), running(8, "n2", minutes=200), kept=(one,)) == HOUR


@pytest.mark.parametrize(
    ("state", "jobs"),
    [
        (partition(is_up=False), []),
        (partition(gpus_free=None), []),
        (partition(gpus_total=None), []),
        (partition(nodes_down=2), []),
        (used(16), [replace(running(16, "n1", "n2"), gpus=None)]),
        (used(16), [running(16, "n1", "n2", ends_at=None)]),
        (used(8), [running(8, "n1"), replace(waiting(1), gpus=None)]),
        (used(8), [running(8, "n1"), *[waiting(1)] * (WAITING_MOST + 1)]),
        (used(16), []),  # held by somebody of whom the answers do not tell
    ],
)
def test_what_is_not_known_is_not_guessed(state: PartitionState, jobs: list[QueuedJob]) -> None:
    assert wait_of(state, *jobs) is None


def test_jobs_of_another_partition_on_the_same_nodes_hold_their_gpus() -> None:
    other = running(8, "n1", minutes=15, partition="dev-g", partitions=("dev-g",))

    assert wait_of(used(16), other, running(8, "n2", minutes=50)) == 15 * MINUTE


def test_of_cores_only_an_idle_node_is_known() -> None:
    assert wait_of(partition(nodes_idle=0), flavour=NO_GPU) is None
    assert wait_of(partition(), waiting(1), flavour=NO_GPU) is None
    assert wait_of(partition(nodes_idle=1), kept=(reservation(NOW, "n1"),), flavour=NO_GPU) is None


def test_where_gpus_are_free_and_nobody_waits_the_size_of_the_site_does_not_matter() -> None:
    state = partition(nodes_total=2728, gpus_total=8 * 2728, gpus_used=8 * 2700, gpus_free=8 * 28)
    jobs = [running(8, f"n{number}", job_id=str(number)) for number in range(2700)]

    assert wait_of(state, *jobs, flavour=WHOLE_NODE) == NOW


def test_a_queue_as_lumis_is_reckoned_in_little_time() -> None:
    state = partition(nodes_total=3000, nodes_idle=0, gpus_total=24_000, gpus_used=24_000, gpus_free=0)
    jobs = [
        running(2 if number % 3 else 4, f"n{number % 3000}", minutes=10 + number % 999, job_id=str(number))
        for number in range(9000)
    ]
    others = [waiting(2 ** (number % 10), job_id=str(10_000 + number)) for number in range(1000)]
    begun_at = time.process_time()

    assert wait_of(state, *jobs, *others) is not None
    assert time.process_time() - begun_at < 5  # it is some 0.3 s


@pytest.mark.live
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("slurm")
def test_slurm_itself_expects_about_the_same(slurm: RealCluster, tmp_path: Path) -> None:
    file = FactoryFile.read(slurm.write_factory_file("kajaani", "http://127.0.0.1:9/hub/api"))
    learner = slurm.learners("kajaani")[0]
    options = ["--partition=small-g", "--account=project_465000001", "--gres=gpu:1", "--cpus-per-task=7", "--mem=60G",
               "--time=240"]  # fmt: skip

    def slurms() -> float:
        words = ["sbatch", "--test-only", f"--chdir={slurm.home(learner)}", *options]
        done = sudo(learner, words, {"SLURM_CONF": str(slurm.conf("kajaani")), "TZ": "UTC"}, SLEEP)
        found = re.search(r"to start at (\S+)", done.stderr)
        assert found, done.stderr
        start = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        return (start - datetime.now(UTC)).total_seconds()

    def ours() -> int | None:
        watch = QueueWatch(open_scheduler(file), file, tmp_path)
        asyncio.run(watch.ask())
        assert watch.answered_at
        answers = watch.answers
        (state,) = (each for each in answers.partitions if each.name == "small-g")
        flavours = file.partitions[0].flavours
        return expected_waits(state, flavours, answers.queue, answers.reservations, watch.answered_at)[
            "1-gcd"
        ]

    try:
        assert (ours(), slurms() < 30) == (0, True)
        slurm.hold_gpus("kajaani", "small-g", 16, each=2)  # for three hours
        expected = wait_for(ours, seconds=30, what="a wait")
        assert expected == pytest.approx(slurms(), abs=120)
        assert expected == pytest.approx(3 * 3600, abs=120)
    finally:
        slurm.clear()
