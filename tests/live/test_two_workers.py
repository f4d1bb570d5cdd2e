"""Grading workers on hosts of their own share the database, Redis and the storage, and nothing else."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from celery import Celery
from django.core.files.uploadedfile import SimpleUploadedFile

from courses.models import Cohort
from deploy.development.place import ROOT, Place
from deploy.development.programs import CELERY_READY, worker
from labs.blobs import read_blob
from labs.models import GradingRun, LabUnit, Submission
from labs.services.uploads import submit_upload
from labs.states import GradingStatus
from tests.factories.courses import EnrolmentFactory
from tests.live import small_course
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(300), pytest.mark.xdist_group("stack")]

AT_ONCE = 6
ROUNDS = 3


@dataclass
class Host:
    """A worker with a data folder of its own, as it would have on another machine."""

    data: Path
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return CELERY_READY.search(self.log.read_bytes()) is not None

    @property
    def processes(self) -> set[str]:
        root = psutil.Process(self.process.pid)
        return {str(each.pid) for each in (root, *root.children(recursive=True))}


@pytest.fixture
def hosts(stack: Stack, tmp_path: Path) -> Iterator[list[Host]]:
    """Two of them, while the Paja's own worker does nothing."""
    with stack.paused("worker-grading"):
        found = [start_worker(stack, tmp_path / name) for name in ("north", "south")]
        try:
            wait_until(lambda: all(host.is_ready for host in found), "both workers listen", seconds=120)
            yield found
        finally:
            for host in found:
                stop(host)


def start_worker(stack: Stack, data: Path) -> Host:
    data.mkdir()
    log = data.with_suffix(".log")
    argv = worker(Place(stack.place.port, data), {}, f"grading-{data.name}", "prefork", 1, ["grading"]).argv
    own = {"PAJA_DATA": str(data), "TMPDIR": str(data)}
    shared = {
        "PAJA_DATABASE_URL": f"sqlite:///{stack.place.data / 'db.sqlite3'}",
        "PAJA_STORAGE": str(stack.place.data / "media"),
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv, cwd=ROOT, env={**stack.environment, **shared, **own}, stdout=out, stderr=out
        )
    return Host(data, log, process)


def stop(host: Host) -> None:
    """Ask it to end, and end what is then left of it. May be called again."""
    if host.process.poll() is not None:
        return
    root = psutil.Process(host.process.pid)
    family = [root, *root.children(recursive=True)]
    host.process.terminate()
    _gone, left = psutil.wait_procs(family, timeout=30)
    for process in left:
        process.kill()
    host.process.wait(timeout=30)


def hand_in(cohort: Cohort, lab: LabUnit) -> dict[int, int]:
    """Several learners' work, right and wrong in turn: the points that it is worth, by submission."""
    released = read_blob(lab.release.learner_files[small_course.NOTEBOOK])
    right = small_course.solve(released)
    worth = {}
    for number in range(AT_ONCE):
        learner = EnrolmentFactory.create(cohort=cohort, learner__email=f"ada-{uuid4()}@example.org")
        content = right if number % 2 else right.replace(b"first + second", b"first - second")
        file = SimpleUploadedFile(small_course.NOTEBOOK, content)
        submission = submit_upload(learner, lab, [file], press_key=uuid4(), actor=learner.learner)
        worth[submission.pk] = 3 if number % 2 else 0
    return worth


def wake_workers(stack: Stack) -> None:
    with Celery(broker=f"redis+socket://{stack.place.runtime / 'redis.sock'}") as app:
        for _ in range(AT_ONCE):
            app.send_task("labs.tasks.grade_next", queue="grading")


def test_two_workers_on_data_folders_of_their_own_grade_one_queue(
    stack: Stack, small_cohort: Cohort, small_lab: LabUnit, hosts: list[Host]
) -> None:
    """Each takes some, every mark is right, and neither folder holds anything of a run."""
    worth: dict[int, int] = {}
    runs = GradingRun.objects.none()
    for _ in range(ROUNDS):
        worth |= hand_in(small_cohort, small_lab)
        wake_workers(stack)
        runs = GradingRun.objects.filter(submission__in=worth, status=GradingStatus.FINISHED)
        wait_until(lambda: runs.count() == len(worth), "everything is graded", seconds=120)  # noqa: B023
        graders = {run.worker.rpartition(":")[2] for run in runs}
        shares = [len(graders & host.processes) for host in hosts]
        if all(shares):
            break

    assert all(shares), f"one of the workers graded nothing: {graders}"
    assert dict(runs.values_list("submission", "score")) == worth
    assert Submission.objects.filter(pk__in=worth, runs__feedback__isnull=False).count() == len(worth)
    assert all(read_blob(run.feedback.content) for run in runs)
    for host in hosts:
        stop(host)
        assert list(host.data.rglob("*")) == []
