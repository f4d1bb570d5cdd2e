"""A real hub on a real Slurm, either of them gone for a while: nothing is lost, doubled or called ready too early."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import pytest

from labs.jupyterhub import JobModel, QueueAnswer, ServerModel
from tests.servers import wait_for
from tests.servers.hub import RealHub, run_hub
from tests.servers.slurm import SLEEP, RealCluster

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(300)]

KAJAANI = "kajaani"
RUNNING, WAITING, LOST = (
    ("p-0000ada1", "s-0000ada1"),
    ("p-0000ada2", "s-0000ada2"),
    ("p-0000ada3", "s-0000ada3"),
)


@pytest.fixture(scope="module")
def slurm_hub(slurm: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with run_hub(
        tmp_path_factory.mktemp("hub"),
        write_factory_file=lambda address: slurm.write_factory_file(KAJAANI, address),
    ) as hub:
        yield hub
    slurm.clear()


@pytest.fixture
def hub(slurm_hub: RealHub, slurm: RealCluster) -> Iterator[RealHub]:
    """Without servers, before and after."""
    yield slurm_hub
    with slurm_hub.client() as client:
        for user, server in client.list_servers():
            slurm_hub.stop_server(user, server)
    slurm.clear()


def start(hub: RealHub, slurm: RealCluster, *servers: tuple[str, str]) -> None:
    accounts = slurm.learners(KAJAANI)
    with hub.client() as client:
        for user, server in servers:
            options = {
                "kind": "session", "tools": [], "partition": "small-g", "flavour": "1-gcd", "minutes": 30,
                "account": "project_465000001", "qos": "", "reservation": "", "lease": "",
                "unix_account": accounts[int(server[-1]) - 1],
            }  # fmt: skip
            client.ensure_user(user)
            client.ensure_server(user, server, options)


def read(hub: RealHub, since: datetime | None = None) -> QueueAnswer:
    with hub.client() as client:
        return client.read_queue(since)


def find_job(hub: RealHub, server: str) -> JobModel | None:
    return next((job for job in read(hub).jobs if job.server == server), None)


def wait_job(hub: RealHub, server: str, state: str, is_so: Callable[[JobModel], bool] = bool) -> JobModel:
    def look() -> JobModel | None:
        job = find_job(hub, server)
        return job if job and job.state == state and is_so(job) else None

    job = wait_for(look, seconds=60, what=f"the job of {server} is {state}")
    assert job is not None
    return job


def wait_ready(hub: RealHub, user: str, server: str) -> None:
    with hub.client() as client:
        wait_for(lambda: hub.is_ready(client, user, server), seconds=90, what=f"{server} is ready")


def model_of(hub: RealHub, user: str, server: str) -> ServerModel:
    with hub.client() as client:
        model = client.find_server(user, server)
    assert model is not None
    return model


def wait_answer(hub: RealHub, *, is_answering: bool) -> QueueAnswer:
    def look() -> QueueAnswer | None:
        answer = read(hub)
        return answer if answer.is_answering is is_answering else None

    answer = wait_for(look, seconds=60, what=f"Slurm {'answers' if is_answering else 'is silent'}")
    assert answer is not None
    return answer


def fill(slurm: RealCluster) -> list[str]:
    return slurm.hold_gpus(KAJAANI, "small-g", free_gpus(slurm))


def free_gpus(slurm: RealCluster) -> int:
    used = slurm.ask(KAJAANI, "squeue", "--noheader", "--states=R", "--partition=small-g", "--format=%b")
    total = 8 * len(slurm.plan(KAJAANI).kinds[:1]) * slurm.plan(KAJAANI).kinds[0].count
    return total - len(used.split())


def forget_submission(hub: RealHub, server: str) -> None:
    """As a hub leaves it that was killed before Slurm's answer to the submission came."""
    folder = hub.place.hub_data(hub.hub)
    with contextlib.closing(sqlite3.connect(folder / "jupyterhub.sqlite")) as rows:
        (state,) = rows.execute("SELECT state FROM spawners WHERE name = ?", (server,)).fetchone()
        rows.execute(
            "UPDATE spawners SET state = ? WHERE name = ?",
            (json.dumps({**json.loads(state), "job_id": ""}), server),
        )
        rows.commit()
    with contextlib.closing(sqlite3.connect(folder / "slurm.sqlite")) as rows:
        rows.execute("DELETE FROM jobs WHERE body LIKE ?", (f'%"{server}"%',))
        rows.commit()


def ours(slurm: RealCluster) -> Sequence[str]:
    lines = slurm.ask(KAJAANI, "squeue", "--noheader", "--format=%A %j").splitlines()
    return sorted(line for line in lines if " paja-" in line)


def test_a_killed_hub_goes_on_with_servers_that_run_and_starts_that_wait(
    hub: RealHub, slurm: RealCluster
) -> None:
    start(hub, slurm, RUNNING)
    wait_ready(hub, *RUNNING)
    held = fill(slurm)
    start(hub, slurm, WAITING, LOST)
    for _, server in (WAITING, LOST):
        wait_job(hub, server, "PENDING", lambda job: bool(job.reason))
    before, jobs = read(hub), ours(slurm)
    assert len(jobs) == 3
    assert [job.place for job in before.jobs] == [None, 1, 2]

    hub.kill("hub")
    forget_submission(hub, LOST[1])
    hub.start("hub")

    for user, server in (WAITING, LOST):
        model = model_of(hub, user, server)
        assert (model.is_ready, model.pending) == (False, "spawn")
    wait_ready(hub, *RUNNING)
    wait_job(hub, LOST[1], "PENDING")
    after = read(hub)
    assert ours(slurm) == jobs
    assert {(job.job_id, job.server, job.user, job.place) for job in after.jobs} == {
        (job.job_id, job.server, job.user, job.place) for job in before.jobs
    }
    known = {job.server: job.submitted_at for job in before.jobs}
    assert {job.submitted_at for job in after.jobs if job.server != LOST[1]} <= set(known.values())

    slurm.cancel_as_admin(KAJAANI, *held)
    for user, server in (WAITING, LOST):
        wait_ready(hub, user, server)
        token = token_of(hub, user, server)
        with hub.contents(user, server, token) as contents:
            assert contents.find_file("") is not None
    assert ours(slurm) == jobs


def known(job: JobModel) -> tuple[object, ...]:
    """What Slurm does not think anew while a job waits."""
    return job.job_id, job.server, job.state, job.place, job.started_at, job.ended_at


def token_of(hub: RealHub, user: str, server: str) -> str:
    with hub.client() as client:
        return client.create_server_token(user, server, expires_in=60).token


def test_slurm_and_then_the_hub_may_be_gone_for_a_while(hub: RealHub, slurm: RealCluster) -> None:
    start(hub, slurm, RUNNING)
    wait_ready(hub, *RUNNING)
    held = fill(slurm)
    start(hub, slurm, WAITING)
    wait_job(hub, WAITING[1], "PENDING", lambda job: bool(job.reason))
    before, jobs = read(hub), ours(slurm)

    slurm.stop_controller(KAJAANI)
    try:
        silent = wait_answer(hub, is_answering=False)
        assert [known(job) for job in silent.jobs] == [known(job) for job in before.jobs]
        assert model_of(hub, *RUNNING).is_ready
        hub.kill("hub")
        hub.start("hub")
        assert read(hub).answered_at is None
        assert not read(hub).jobs
        waiting = model_of(hub, *WAITING)
        assert (waiting.is_ready, waiting.pending) == (False, "spawn")
    finally:
        slurm.start_controller(KAJAANI)

    wait_answer(hub, is_answering=True)
    wait_ready(hub, *RUNNING)
    assert ours(slurm) == jobs
    assert not read(hub, before.ended_until).ended
    slurm.cancel_as_admin(KAJAANI, *held)
    wait_ready(hub, *WAITING)
    assert ours(slurm) == jobs


def test_it_is_told_who_ended_a_job_and_what_nobody_owns_is_cancelled(
    hub: RealHub, slurm: RealCluster
) -> None:
    own = slurm.learners(KAJAANI)
    start(hub, slurm, RUNNING, WAITING)
    for user, server in (RUNNING, WAITING):
        wait_ready(hub, user, server)
    options = ["--partition=small-g", "--account=project_465000001", "--gres=gpu:1", "--cpus-per-task=1",
               "--mem=1G", "--time=10"]  # fmt: skip
    orphan = slurm.submit(KAJAANI, own[2], SLEEP, "--job-name=paja-s-0000000f", *options)
    others = slurm.submit(KAJAANI, own[2], SLEEP, "--job-name=training", *options)
    cancelled, since = find_job(hub, RUNNING[1]), read(hub).ended_until
    assert cancelled is not None

    slurm.cancel_as_admin(KAJAANI, cancelled.job_id)
    hub.stop_server(*WAITING)
    slurm.wait_for_state(KAJAANI, orphan, "CANCELLED")

    def endings() -> dict[str, JobModel] | None:
        found = {job.server: job for job in read(hub, since).ended}
        return found if {RUNNING[1], WAITING[1]} <= found.keys() else None

    ended = wait_for(endings, seconds=60, what="both endings are told")
    assert ended is not None
    by_other, by_hub = ended[RUNNING[1]], ended[WAITING[1]]
    assert (by_other.state, by_other.is_cancelled_by_other, by_other.is_ended_by_hub) == (
        "CANCELLED",
        True,
        False,
    )
    assert (by_hub.state, by_hub.is_cancelled_by_other, by_hub.is_ended_by_hub) == ("CANCELLED", False, True)
    assert slurm.state(KAJAANI, others) == "RUNNING"


def test_a_stop_under_way_is_not_undone_by_a_restart_and_a_start_gone_on_with_can_be_stopped(
    hub: RealHub, slurm: RealCluster
) -> None:
    fill(slurm)
    start(hub, slurm, WAITING, LOST)
    for _, server in (WAITING, LOST):
        wait_job(hub, server, "PENDING", lambda job: bool(job.reason))
    stopping, started = find_job(hub, WAITING[1]), find_job(hub, LOST[1])
    assert stopping is not None
    assert started is not None

    hub.kill("hub")
    note_stop(hub, stopping.job_id)
    hub.start("hub")

    slurm.wait_for_state(KAJAANI, stopping.job_id, "CANCELLED")
    assert slurm.state(KAJAANI, started.job_id) == "PENDING"
    assert model_of(hub, *LOST).pending == "spawn"
    hub.stop_server(*LOST)
    slurm.wait_for_state(KAJAANI, started.job_id, "CANCELLED")
    assert not ours(slurm)


def note_stop(hub: RealHub, job_id: str) -> None:
    """As a hub leaves it that was killed between noting a stop and asking Slurm for it."""
    with contextlib.closing(sqlite3.connect(hub.place.hub_data(hub.hub) / "slurm.sqlite")) as rows:
        (body,) = rows.execute("SELECT body FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        stopped = json.dumps({**json.loads(body), "is_stopped": True})
        rows.execute("UPDATE jobs SET body = ? WHERE job_id = ?", (stopped, job_id))
        rows.commit()
