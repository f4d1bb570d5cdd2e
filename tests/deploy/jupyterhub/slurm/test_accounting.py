"""What a real Slurm's accounting answered: every way to end, others' jobs, refused submissions."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deploy.jupyterhub.slurm.commands import Sacct
from deploy.jupyterhub.slurm.jobs import EndedJob
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError
from tests.deploy.jupyterhub.slurm.recordings import MARK, read_recording

PARTITIONS = ["small-g", "dev-g", "closed-g", "nowhere"]
SINCE = datetime(2026, 11, 22, 21, tzinfo=UTC)
ENDED = Sacct(SINCE, "paja-", PARTITIONS, ["project_465000001"], MARK)
ONE_ENDED = (
    f"TIMEOUT{MARK}0:15{MARK}1795382141{MARK}1795382142{MARK}1795385742{MARK}nid000001{MARK}train01{MARK}"
    f"project_465000001{MARK}small-g{MARK}gres/gpu=1{MARK}gres/gpu=1{MARK}paja-s-00000001{MARK}7\n"
)


def ended() -> dict[str, EndedJob]:
    return {job.job_id: job for job in ENDED.parse(read_recording("sacct.txt"))}


def test_the_accounting_is_asked_once_for_our_accounts_since_a_time_in_utc() -> None:
    argv = replace(ENDED, since=SINCE.astimezone()).argv()

    assert argv[0] == "sacct"
    assert {"--allusers", "--allocations", "--starttime=2026-11-22T21:00:00"} <= set(argv)
    assert "--accounts=project_465000001" in argv
    assert not any(word.startswith("--accounts") for word in replace(ENDED, accounts=()).argv())


@pytest.mark.parametrize(
    ("job_id", "state", "exit_code", "cancelled_by", "has_run"),
    [
        ("1", "CANCELLED", 0, "0", True),
        ("6", "CANCELLED", 0, "0", False),
        ("21", "CANCELLED", 0, "5", True),
        ("28", "NODE_FAIL", 0, "", True),
        ("34", "TIMEOUT", 0, "", True),
        ("35", "FAILED", 3, "", True),
        ("36", "COMPLETED", 0, "", True),
    ],
)
def test_how_a_job_ended_is_told(
    job_id: str, state: str, exit_code: int, cancelled_by: str, has_run: bool
) -> None:
    job = ended()[job_id]

    assert (job.state, job.exit_code, job.cancelled_by) == (state, exit_code, cancelled_by)
    assert (job.started_at is not None, bool(job.nodes)) == (has_run, has_run)
    assert job.gpus is not None
    assert job.gpus >= 1


def test_who_ran_for_how_long_is_told_to_the_second() -> None:
    job = ended()["34"]

    assert (job.user, job.partition, job.account) == ("train03", "small-g", "project_465000001")
    assert job.submitted_at == job.started_at == datetime(2026, 11, 22, 21, 27, 51, tzinfo=UTC)
    assert job.ended_at == datetime(2026, 11, 22, 21, 29, 3, tzinfo=UTC)


def test_others_jobs_living_ones_and_refused_submissions_are_left_out() -> None:
    jobs = ended()

    assert all(job.name.startswith("paja-") for job in jobs.values())
    assert "3" not in jobs  # another's
    assert "25" not in jobs  # still waits
    assert "12" not in jobs  # refused: failed on no node
    assert jobs["39"].name == "paja-s-10000004\n"


def test_a_job_without_a_node_has_not_begun_whatever_some_versions_say_of_its_start() -> None:
    said = ONE_ENDED.replace("nid000001", "None assigned").replace("TIMEOUT", "CANCELLED by 0")
    (job,) = ENDED.parse(said)

    assert (job.started_at, job.nodes) == (None, ())


def test_those_who_ended_first_come_first() -> None:
    times = [job.ended_at for job in ended().values()]

    assert times == sorted(times)


def test_a_job_that_ended_in_the_very_second_is_told() -> None:
    moment = datetime(2026, 11, 22, 21, 29, 3, tzinfo=UTC)
    found = replace(ENDED, since=moment.replace(microsecond=700_000)).parse(read_recording("sacct.txt"))

    assert "34" in [job.job_id for job in found]
    assert all(job.ended_at >= moment for job in found)


@pytest.mark.parametrize(
    "said",
    [
        "Slurm accounting storage is disabled\n",
        ONE_ENDED.replace("TIMEOUT", "timed out"),
        ONE_ENDED.replace("0:15", "none"),
        ONE_ENDED.replace("1795385742", "yesterday"),
        ONE_ENDED.replace(f"{MARK}7\n", f"{MARK}7.batch\n"),
        ONE_ENDED[:-3],
    ],
)
def test_an_accounting_of_another_shape_is_no_answer(said: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        ENDED.parse(ONE_ENDED + said)
