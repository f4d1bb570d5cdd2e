"""Submitting and grading while things break: nothing lost, nothing doubled, and the learner knows."""

from concurrent.futures import ThreadPoolExecutor
from html import unescape
from uuid import UUID, uuid4

import httpx
import psutil
import pytest
from django.urls import reverse

from courses.models import Enrolment
from labs.blobs import read_blob
from labs.models import CellGrade, GradingRun, LabUnit, Submission
from labs.reasons import sentence_for
from labs.states import GradingOutcome, GradingStatus, SubmissionStatus
from tests.live import small_course
from tests.live.people import Visitor, save_work
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack")]


@pytest.fixture(autouse=True)
def _solved(learner: Enrolment, small_lab: LabUnit) -> None:
    """Ada has solved the lab in an earlier session."""
    released = read_blob(small_lab.release.learner_files[small_course.NOTEBOOK])
    save_work(learner, small_lab.release.lab, {small_course.NOTEBOOK: small_course.solve(released)})


def press_submit(visitor: Visitor, learner: Enrolment, key: UUID) -> httpx.Response:
    path = reverse("labs:submit", args=[learner.cohort.public_id, small_course.LAB])
    return visitor.press(path, press_key=str(key))


def page_of(visitor: Visitor, submission: Submission) -> str:
    return unescape(visitor.read(reverse("labs:submission", args=[submission.public_id])))


def wait_graded(learner: Enrolment, *, seconds: float = 60) -> GradingRun:
    """The learner's only finished run."""
    runs = GradingRun.objects.filter(submission__enrolment=learner, status=GradingStatus.FINISHED)
    wait_until(runs.exists, "the submission is graded", seconds=seconds)
    return runs.get()


def assert_graded_once(visitor: Visitor, learner: Enrolment) -> None:
    """One attempt with full marks, its points and the unit's score written once, and the page says so."""
    run = wait_graded(learner)
    assert (run.outcome, run.score, run.max_score) == (GradingOutcome.SCORED, 3, 3)
    assert CellGrade.objects.filter(run__submission__enrolment=learner).count() == 1
    assert Submission.objects.filter(enrolment=learner).exclude(attempt=None).count() == 1
    progress = learner.progress.get(unit_slug=small_course.LAB)
    assert (progress.score, progress.max_score) == (3, 3)
    assert "Your mark" in page_of(visitor, run.submission)


def test_submit_pressed_five_times_at_once_makes_one_submission(
    stack: Stack, visitor: Visitor, learner: Enrolment
) -> None:
    """Five pages of the lab, each with a key of its own."""
    with stack.paused("worker-visiting-kajaani"), ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: press_submit(visitor, learner, uuid4()), range(5)))
        submission = Submission.objects.get(enrolment=learner)

    page = reverse("labs:submission", args=[submission.public_id])
    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [(302, page)] * 5
    assert_graded_once(visitor, learner)

    press_submit(visitor, learner, uuid4())
    again = wait_until(
        Submission.objects.filter(enrolment=learner, status=SubmissionStatus.UNCHANGED).first,
        "the same work is not collected twice",
    )
    assert sentence_for("same_as_before") in page_of(visitor, again)
    assert_graded_once(visitor, learner)


def test_one_press_that_arrives_five_times_is_one_submission(visitor: Visitor, learner: Enrolment) -> None:
    key = uuid4()
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: press_submit(visitor, learner, key), range(5)))
    assert [answer.status_code for answer in answers] == [302] * 5

    assert_graded_once(visitor, learner)
    press_submit(visitor, learner, key)
    assert Submission.objects.filter(enrolment=learner).count() == 1


def test_a_grading_worker_killed_in_the_middle_of_a_run_is_replaced(
    stack: Stack, visitor: Visitor, learner: Enrolment
) -> None:
    press_submit(visitor, learner, uuid4())
    runs = GradingRun.objects.filter(submission__enrolment=learner)
    first = wait_until(runs.filter(status=GradingStatus.RUNNING).first, "a worker grades")
    boxes = stack.process("worker-grading").children(recursive=True)
    stack.kill("worker-grading")
    first.refresh_from_db()
    assert first.status == GradingStatus.RUNNING

    _gone, left = psutil.wait_procs(boxes, timeout=10)
    assert not left, "learners' code outlived its worker"
    wait_until(
        lambda: sentence_for("worker_lost") in page_of(visitor, first.submission),
        "the learner reads that the grading begins anew",
    )
    assert_graded_once(visitor, learner)
    assert list(runs.order_by("pk").values_list("status", "reason")) == [
        (GradingStatus.FAILED, "worker_lost"),
        (GradingStatus.FINISHED, "graded"),
    ]


def test_a_redis_killed_with_a_grading_in_it_loses_nothing(
    stack: Stack, visitor: Visitor, learner: Enrolment
) -> None:
    with stack.paused("worker-grading"):
        press_submit(visitor, learner, uuid4())
        wait_until(
            GradingRun.objects.filter(submission__enrolment=learner).exists, "the work waits to be graded"
        )
        stack.kill("redis")

    assert_graded_once(visitor, learner)


def test_work_is_checked_and_a_notebook_file_is_handed_in(
    visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    """The check uses no attempt and says nothing of hidden tests; the file is known by its cells."""
    place = [learner.cohort.public_id, small_course.LAB]
    answer = visitor.press(reverse("labs:check", args=place), press_key=str(uuid4()))
    check = Submission.objects.get(enrolment=learner)
    assert answer.headers["Location"] == reverse("labs:submission", args=[check.public_id])
    run = wait_graded(learner)
    assert (run.submission, check.purpose) == (check, Submission.Purpose.CHECK)
    assert list(run.cells.values_list("grade_id", "auto_score")) == [("test-add", 3)]
    assert not learner.progress.exclude(score=None).exists()
    unit = visitor.read(reverse("courses:unit", args=place))
    assert "1 of 1 visible test passes" in unescape(unit)
    run.delete()

    wrong = small_course.solve(read_blob(small_lab.release.learner_files[small_course.NOTEBOOK])).replace(
        b"first + second", b"3"
    )
    answer = visitor.send_file(reverse("labs:upload", args=place), "mine (1).ipynb", wrong)
    run = wait_graded(learner)
    assert answer.headers["Location"] == reverse("labs:submission", args=[run.submission.public_id])
    assert (run.submission.attempt, run.submission.source, run.score) == (1, Submission.Source.UPLOAD, 0)
    assert "Less than nothing adds up too." in page_of(visitor, run.submission)
    assert "-1, 1" not in page_of(visitor, run.submission)

    huge = visitor.send_file(reverse("labs:upload", args=place), "lab.ipynb", b" " * (80 * 1024 * 1024))
    assert huge.status_code == 413
