"""Jobs on the pretend sites: their limits, whole nodes, a course's own, and what the accounting says of an end."""

import subprocess

import pytest

from deploy.slurm.unix_accounts import sudo
from tests.servers import wait_for
from tests.servers.slurm import SLEEP, RealCluster

pytestmark = [pytest.mark.live, pytest.mark.timeout(300), pytest.mark.xdist_group("slurm")]

SMALL = ["--partition=small-g", "--account=project_465000001", "--cpus-per-task=7", "--mem=60G", "--time=10"]
GPU = [*SMALL, "--gres=gpu:1"]


def test_dev_g_runs_one_job_of_a_person_and_takes_two(idle_slurm: RealCluster) -> None:
    account = idle_slurm.learners("kajaani")[0]
    options = [*GPU, "--partition=dev-g"]
    running = idle_slurm.submit("kajaani", account, SLEEP, *options)
    waiting = idle_slurm.submit("kajaani", account, SLEEP, *options)
    third = submit_refused(idle_slurm, account, *options)

    idle_slurm.wait_for_state("kajaani", running, "RUNNING")
    assert "QOSMaxSubmitJobPerUserLimit" in third
    assert idle_slurm.state("kajaani", waiting) == "PENDING"
    wait_for(
        lambda: reason(idle_slurm, waiting) == "QOSMaxJobsPerUserLimit", seconds=20, what="the limit is named"
    )


def test_a_job_may_not_ask_for_more_time_than_its_partition_gives(idle_slurm: RealCluster) -> None:
    account = idle_slurm.learners("kajaani")[0]

    said = submit_refused(idle_slurm, account, *GPU, "--partition=dev-g", "--time=181")

    assert "time limit" in said.lower()


def test_a_project_whose_hours_are_used_up_lets_its_jobs_wait(idle_slurm: RealCluster) -> None:
    account = idle_slurm.learners("kajaani")[0]

    job = idle_slurm.submit("kajaani", account, SLEEP, *GPU, "--account=project_465000009")

    wait_for(
        lambda: reason(idle_slurm, job) == "AssocGrpBillingMinutes", seconds=20, what="the limit is named"
    )


def test_a_course_has_its_own_qos_and_reservation(idle_slurm: RealCluster) -> None:
    account = idle_slurm.learners("kajaani")[0]
    idle_slurm.reserve("kajaani", "AI_workshop_1", ["kajaani-g2"], "project_465000001", minutes=30)
    options = ["--qos=course", "--reservation=AI_workshop_1"]

    job = idle_slurm.submit("kajaani", account, SLEEP, *GPU, *options)
    idle_slurm.wait_for_state("kajaani", job, "RUNNING")
    shown = idle_slurm.ask("kajaani", "scontrol", "show", "job", job)
    idle_slurm.cancel_as_admin("kajaani", job)
    wait_for(lambda: not idle_slurm.list_jobs("kajaani"), seconds=30, what="its end")
    idle_slurm.ask("kajaani", "scontrol", "delete", "ReservationName=AI_workshop_1")

    assert "QOS=course" in shown
    assert "NodeList=kajaani-g2" in shown


def test_standard_g_gives_whole_nodes(idle_slurm: RealCluster) -> None:
    account = idle_slurm.learners("kajaani")[0]
    job = idle_slurm.submit("kajaani", account, SLEEP, *GPU, "--partition=standard-g")

    idle_slurm.wait_for_state("kajaani", job, "RUNNING")

    assert "gres/gpu=8" in idle_slurm.ask("kajaani", "scontrol", "show", "job", job)


def test_a_job_is_ended_when_its_time_is_over_and_the_accounting_says_why(idle_slurm: RealCluster) -> None:
    account = idle_slurm.learners("kajaani")[0]
    job = idle_slurm.submit("kajaani", account, SLEEP, *GPU)
    idle_slurm.wait_for_state("kajaani", job, "RUNNING")

    idle_slurm.end_walltime("kajaani", job)

    idle_slurm.wait_for_state("kajaani", job, "TIMEOUT", seconds=60)
    wait_for(lambda: accounted(idle_slurm, job) == "TIMEOUT", seconds=20, what="the accounting knows")


def test_a_lost_node_ends_its_jobs_and_comes_back(idle_slurm: RealCluster) -> None:
    account = idle_slurm.learners("athens")[0]
    options = ["--partition=gpu", "--account=training", "--gres=gpu:gh200:1", "--time=5", "--mem=1G"]
    job = idle_slurm.submit("athens", account, SLEEP, *options, "--nodelist=athens-g2")
    idle_slurm.wait_for_state("athens", job, "RUNNING")

    idle_slurm.lose_node("athens", "athens-g2")
    idle_slurm.wait_for_state("athens", job, "NODE_FAIL", seconds=90)

    idle_slurm.bring_node_back("athens", "athens-g2")


def submit_refused(slurm: RealCluster, account: str, *options: str) -> str:
    words = ["sbatch", f"--chdir={slurm.home(account)}", *options]
    done: subprocess.CompletedProcess[str] = sudo(
        account, words, {"SLURM_CONF": str(slurm.conf("kajaani"))}, SLEEP
    )
    assert done.returncode != 0, done.stdout
    return done.stderr


def reason(slurm: RealCluster, job: str) -> str:
    return slurm.ask("kajaani", "squeue", "--noheader", "--format=%r", f"--jobs={job}").strip()


def accounted(slurm: RealCluster, job: str) -> str:
    return slurm.ask("kajaani", "sacct", "-n", "-X", "-a", "-P", "--format=State", f"--jobs={job}").strip()
