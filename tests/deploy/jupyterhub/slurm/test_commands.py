"""The questions and what a real Slurm answered to them: a hub's jobs among others', drained nodes, maintenance."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.jupyterhub.slurm.commands import Sbatch, Scancel, ShowReservations, Sinfo, Squeue
from deploy.jupyterhub.slurm.jobs import QueuedJob
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError
from tests.deploy.jupyterhub.slurm.recordings import MARK, read_recording
from tests.fakes.scheduler import a_job

PARTITIONS = ["small-g", "dev-g", "closed-g", "nowhere"]
QUEUE = Squeue(PARTITIONS, MARK)
NODES = Sinfo(PARTITIONS, MARK)
ONE_JOB = (
    f"7{MARK}PENDING{MARK}Priority{MARK}small-g{MARK}12{MARK}1795382141{MARK}N/A{MARK}N/A{MARK}{MARK}"
    f"gres/gpu=1{MARK}train01{MARK}project_465000001{MARK}paja-s-00000001{MARK}\n"
)
ONE_NODE = f"nid000001{MARK}idle{MARK}small-g{MARK}up{MARK}1:00:00{MARK}gpu:8{MARK}gpu:0{MARK}\n"
RESERVATION = (
    "ReservationName=day StartTime=1795468618 EndTime=1795495618 Nodes=nid000001 PartitionName=small-g "
    "Flags=FLEX Users=(null) Accounts=paja\n"
)


def queue() -> dict[str, QueuedJob]:
    return {job.job_id: job for job in QUEUE.parse(read_recording("squeue.txt"))}


def test_a_job_is_submitted_without_its_script_among_the_arguments() -> None:
    argv = Sbatch(a_job()).argv()

    assert argv[:3] == ["sbatch", "--parsable", "--no-requeue"]
    assert all(word.startswith("--") for word in argv[1:])


@pytest.mark.parametrize(("stdout", "job_id"), [("4711\n", "4711"), ("4711;lumi\n", "4711")])
def test_the_new_jobs_id_is_read(stdout: str, job_id: str) -> None:
    assert Sbatch(a_job()).parse(stdout) == job_id


@pytest.mark.parametrize(
    "stdout", ["", "Submitted batch job 4711\n", "0\n", "4711 4712\n", "4711\n4712\n", "-1\n", "٤\n"]
)
def test_what_is_no_id_is_no_answer(stdout: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        Sbatch(a_job()).parse(stdout)


def test_many_jobs_are_cancelled_at_once() -> None:
    assert Scancel(["1", "22"]).argv() == ["scancel", "1", "22"]


@pytest.mark.parametrize("job_id", ["", "--user=root", "1 2", "1,2", "0", "1\n", "4_1"])
def test_what_is_no_id_is_not_cancelled(job_id: str) -> None:
    with pytest.raises(SubmitRefusedError):
        Scancel(["1", job_id]).argv()


@pytest.mark.parametrize(
    ("stderr", "is_done"),
    [
        ("scancel: error: Kill job error on job id 1: Invalid job id specified\n", True),
        ("scancel: error: Kill job error on job id 1: Job/step already completing or completed\n", True),
        ("scancel: error: Kill job error on job id 1: Access/permission denied\n", False),
        ("scancel: error: Kill job error on job id 1: Unable to contact slurm controller (connect failure)\n", False),
        ("scancel: error: job 1: Invalid job id specified\nscancel: error: job 2: Access/permission denied\n", False),
        ("sudo: a password is required\n", False),
        ("", False),
    ],
)  # fmt: skip
def test_a_job_that_is_over_needs_no_cancelling(stderr: str, is_done: bool) -> None:
    assert Scancel(["1"]).is_done(stderr) is is_done


def test_one_question_is_about_all_jobs_of_all_partitions() -> None:
    argv = QUEUE.argv()

    assert argv[:3] == ["squeue", "--noheader", "--partition=small-g,dev-g,closed-g,nowhere"]
    assert argv[3].startswith(f"--Format=JobID:{MARK},State:{MARK}")


def test_a_running_job_is_read() -> None:
    assert queue()["42"] == QueuedJob(
        job_id="42",
        name="paja-s-10000005",
        user="train01",
        state="RUNNING",
        reason="",
        partition="small-g",
        partitions=("small-g",),
        priority=1,
        submitted_at=datetime(2026, 11, 22, 21, 27, 51, tzinfo=UTC),
        started_at=datetime(2026, 11, 22, 21, 27, 52, tzinfo=UTC),
        expected_start_at=None,
        ends_at=datetime(2026, 11, 22, 22, 27, 52, tzinfo=UTC),
        nodes=("nid000002",),
        gpus=1,
        account="project_465000001",
    )


@pytest.mark.parametrize(
    ("job_id", "reason", "is_expected"),
    [
        ("44", "BeginTime", True),
        ("25", "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", False),
        ("43", "JobHeldUser", False),
        ("27", "ReqNodeNotAvail, Reserved for maintenance", True),
        ("30", "ReqNodeNotAvail, May be reserved for other job", True),
        ("33", "AssocGrpGRESMinutes", False),
        ("26", "ReqNodeNotAvail, UnavailableNodes:nid000003", False),
        ("41", "JobArrayTaskLimit", False),
    ],
)  # fmt: skip
def test_a_waiting_job_has_its_reason_and_perhaps_an_expected_start(
    job_id: str, reason: str, is_expected: bool
) -> None:
    job = queue()[job_id]

    assert (job.state, job.reason, job.is_waiting) == ("PENDING", reason, True)
    assert (job.started_at, job.ends_at, job.nodes) == (None, None, ())
    assert (job.expected_start_at is not None) is is_expected


def test_a_job_for_several_partitions_and_of_an_array_is_one_job() -> None:
    jobs = queue()

    assert jobs["41"].partitions == ("small-g", "dev-g")
    assert jobs["41"].partition == "small-g"
    assert (jobs["45"].name, jobs["45"].state, jobs["45"].gpus) == ("array", "RUNNING", 2)


def test_a_name_with_separators_and_lines_makes_no_other_job() -> None:
    jobs = queue()

    assert jobs["37"].name == "two\nlines|99|paja-s-0|"
    assert jobs["38"].name == ""
    assert jobs["40"].name == "esc\x1b[31mred\x1f"
    assert "99" not in jobs
    assert len(jobs) == 17


def test_an_empty_queue_is_an_answer() -> None:
    assert QUEUE.parse("") == []


@pytest.mark.parametrize(
    "said",
    [
        "JOBID STATE\n",
        "slurm_load_jobs error: Unable to contact slurm controller\n",
        ONE_JOB[:-1].rpartition(MARK)[0],
        ONE_JOB[: len(ONE_JOB) // 2],
        ONE_JOB.replace("PENDING", "waiting"),
        ONE_JOB.replace("PENDING", ""),
        ONE_JOB.replace(f"7{MARK}", f"7_[1-3]{MARK}", 1),
        ONE_JOB.replace("1795382141", "2026-11-22T21:15:41"),
        ONE_JOB.replace(f"{MARK}12{MARK}", f"{MARK}high{MARK}"),
        ONE_JOB.replace("gres/gpu=1", "gres/gpu=one"),
        ONE_JOB.replace(MARK, "|"),
    ],
)
def test_a_queue_of_another_shape_is_no_answer(said: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        QUEUE.parse(ONE_JOB + said)


def test_partitions_are_told_with_the_gpus_that_somebody_can_have() -> None:
    small, dev, closed, nowhere = NODES.parse(read_recording("sinfo.txt"))

    assert (small.name, small.is_up, small.time_limit_minutes) == ("small-g", True, 4320)
    assert (small.nodes_total, small.nodes_idle, small.nodes_down) == (3, 0, 2)
    assert (small.gpus_total, small.gpus_used, small.gpus_free) == (24, 7, 1)
    assert (dev.time_limit_minutes, dev.gpus_total, dev.gpus_free, dev.nodes_down) == (180, 8, 0, 1)
    assert (closed.is_up, closed.time_limit_minutes, closed.gpus_used) == (False, None, 7)
    assert (nowhere.is_up, nowhere.nodes_total) == (False, 0)


@pytest.mark.parametrize(
    "said",
    [
        "PARTITION NODES\n",
        ONE_NODE.replace("idle", "?!"),
        ONE_NODE.replace(f"{MARK}up{MARK}", f"{MARK}perhaps{MARK}"),
        ONE_NODE.replace("1:00:00", "long"),
        ONE_NODE.replace("gpu:8", "gpu:eight"),
        ONE_NODE[:-20],
    ],
)
def test_nodes_of_another_shape_are_no_answer(said: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        NODES.parse(ONE_NODE + said)


def test_reservations_are_told_with_whom_they_are_for() -> None:
    day, maintenance, repair = ShowReservations().parse(read_recording("reservations.txt"))

    assert (day.name, day.partition, day.accounts) == ("course_day", "small-g", ("project_465000001",))
    assert day.starts_at == datetime(2026, 11, 23, 21, 16, 58, tzinfo=UTC)
    assert day.ends_at - day.starts_at == timedelta(hours=7.5)
    assert (day.is_maintenance, day.nodes) == (False, ("nid000001",))
    assert (maintenance.is_maintenance, maintenance.users, maintenance.partition) == (True, ("root",), "")
    assert maintenance.nodes == ("nid000001", "nid000002", "nid000003")
    assert repair.is_maintenance


def test_there_may_be_no_reservation() -> None:
    assert ShowReservations().parse("No reservations in the system\n") == []


@pytest.mark.parametrize(
    "said",
    [
        "slurm_load_reservations error\n",
        RESERVATION.replace("StartTime=1795468618", "StartTime=tomorrow"),
        RESERVATION.replace("EndTime=1795495618", "EndTime=N/A"),
        RESERVATION.replace("Flags=FLEX ", ""),
        RESERVATION.replace("Nodes=nid000001", "Nodes=nid[1"),
    ],
)
def test_reservations_of_another_shape_are_no_answer(said: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        ShowReservations().parse(RESERVATION + said)


def test_a_reservations_remark_changes_nothing_of_it() -> None:
    (found,) = ShowReservations().parse(
        RESERVATION.replace("\n", " Comment=see Accounts=others Flags=MAINT\n")
    )

    assert (found.accounts, found.is_maintenance) == (("paja",), False)
