"""A lab that needs a GPU on a running Paja: its factory starts a grader, which grades as a worker here would."""

from collections.abc import Iterator

import psutil
import pytest
from django.urls import reverse
from nbformat.v4 import new_code_cell

from courses.models import Enrolment
from labs.blobs import read_blob
from labs.models import Grader, GradingRun, LabRelease, LabUnit
from labs.states import GradingOutcome, GradingStatus, SessionStatus
from tests.live import small_course
from tests.live.people import Visitor, make_learner
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack"), pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _needs_gpu(small_lab: LabUnit) -> Iterator[None]:
    """The small lab needs a GPU for the length of a test."""
    releases = LabRelease.objects.filter(pk=small_lab.release_id)
    before = small_lab.release.needs
    releases.update(needs={**before, "gpus": 1})
    yield
    releases.update(needs=before)


def hand_in(stack: Stack, learner: Enrolment, content: bytes) -> None:
    visitor = Visitor(stack, learner.learner.email)
    path = reverse("labs:upload", args=[learner.cohort.public_id, small_course.LAB])
    assert visitor.send_file(path, small_course.NOTEBOOK, content).status_code == 302


def solve(lab: LabUnit, *cells: str) -> bytes:
    released = read_blob(lab.release.learner_files[small_course.NOTEBOOK])
    return small_course.solve(released, *(new_code_cell(cell) for cell in cells))


def wait_for_run(learner: Enrolment, status: GradingStatus) -> GradingRun:
    runs = GradingRun.objects.filter(submission__enrolment=learner, status=status)
    return wait_until(runs.last, f"a run is {status}", seconds=120)


def find_runners(stack: Stack) -> list[psutil.Process]:
    """The runners of this Paja, by the addresses of its hubs; not the bubblewraps that watch over them."""
    found = [process for process in stack.belongings() if process.name() != "bwrap"]
    return [process for process in found if process.cmdline()[-1:] == ["labs.box.runner"]]


def test_a_lab_that_needs_a_gpu_is_graded_on_its_factory_with_the_marks_that_it_has_here(
    stack: Stack, learner: Enrolment, small_lab: LabUnit
) -> None:
    """Full marks for the solution; nothing, with the author's words, for work that is wrong."""
    wrong = make_learner(learner.cohort, "Wrong")
    released = read_blob(small_lab.release.learner_files[small_course.NOTEBOOK])
    hand_in(stack, learner, solve(small_lab))
    hand_in(stack, wrong, small_course.solve(released).replace(b"first + second", b"3"))

    runs = [wait_for_run(each, GradingStatus.FINISHED) for each in (learner, wrong)]

    assert [(run.outcome, run.score, run.max_score) for run in runs] == [
        (GradingOutcome.SCORED, 3, 3), (GradingOutcome.SCORED, 0, 3),
    ]  # fmt: skip
    assert [run.factory for run in runs] == [learner.cohort.factory] * 2
    assert runs[1].cells.get().message == "Less than nothing adds up too."
    grader = Grader.objects.get(status=SessionStatus.READY)
    assert grader.hub.factory == learner.cohort.factory


def test_a_grader_killed_in_the_middle_of_a_run_costs_nobody_a_mark(
    stack: Stack, learner: Enrolment, small_lab: LabUnit
) -> None:
    hand_in(stack, learner, solve(small_lab, "import time; time.sleep(2)"))
    run = wait_for_run(learner, GradingStatus.RUNNING)
    [runner] = wait_until(lambda: find_runners(stack), "a grader runs")
    boxes = wait_until(lambda: runner.children(recursive=True)[1:], "the notebook is in its box")

    runner.kill()

    _gone, left = psutil.wait_procs(boxes, timeout=20)
    assert not left, "learners' code outlived its runner"
    finished = wait_for_run(learner, GradingStatus.FINISHED)
    assert (finished.outcome, finished.score) == (GradingOutcome.SCORED, 3)
    assert finished.pk == run.pk
    assert "grader_lost" in [event.reason for event in run.events.all()]
    assert Grader.objects.filter(status=SessionStatus.FAILED, reason="grader_lost").exists()
    assert learner.progress.get(unit_slug=small_course.LAB).score == 3
