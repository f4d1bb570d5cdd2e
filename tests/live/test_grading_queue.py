"""The grading queue with real workers: a pause, newer work in the place of older, and a grading once more."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from nbformat.v4 import new_markdown_cell

from courses.management.commands.load_demo import PASSWORD as DEMO_PASSWORD
from courses.models import Enrolment, UnitProgress
from labs.blobs import read_blob
from labs.models import GradingPause, GradingRun, LabUnit, Submission
from labs.states import GradingStatus
from tests.live import small_course
from tests.live.fixtures import INSTRUCTOR
from tests.live.people import Visitor, save_work
from tests.live.stack import Stack
from tests.live.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack")]

HandIn = Callable[[str], Submission]


def page_of(submission: Submission) -> str:
    return reverse("labs:submission", args=[submission.public_id])


@pytest.fixture
def hand_in(visitor: Visitor, learner: Enrolment, small_lab: LabUnit) -> HandIn:
    """Ada hands in the notebook with a cell of her own more; the attempt, once it was collected."""
    released = read_blob(small_lab.release.learner_files[small_course.NOTEBOOK])

    def hand_in(line: str) -> Submission:
        notebook = small_course.solve(released, new_markdown_cell(line))
        save_work(learner, small_lab.release.lab, {small_course.NOTEBOOK: notebook})
        pressed = visitor.press(
            reverse("labs:submit", args=[learner.cohort.public_id, small_course.LAB]), press_key=str(uuid4())
        )
        attempts = Submission.objects.filter(enrolment=learner, attempt__isnull=False)
        found = wait_until(
            lambda: next(
                (each for each in attempts.all() if page_of(each) == pressed.headers["Location"]), None
            ),
            "the work is collected",
        )
        assert isinstance(found, Submission)
        return found

    return hand_in


@pytest.fixture
def pause(small_lab: LabUnit) -> Iterator[GradingPause]:
    """The lab's grading, which other tests need too, is paused for one test at most."""
    pause = GradingPause.objects.create(lab=small_lab.release.lab, note="A test is being mended")
    yield pause
    pause.delete()


def wait_graded(submission: Submission) -> GradingRun:
    runs = GradingRun.objects.filter(submission=submission)
    wait_until(lambda: runs[0].status == GradingStatus.FINISHED, "the newest run is finished", seconds=60)
    return runs[0]


def test_what_waits_is_replaced_and_graded_when_the_pause_ends(
    visitor: Visitor, learner: Enrolment, pause: GradingPause, hand_in: HandIn
) -> None:
    older = hand_in("first")
    assert "A test is being mended" in visitor.read(page_of(older))
    newer = hand_in("second")
    assert f'href="{page_of(newer)}"' in visitor.read(page_of(older))
    assert not GradingRun.objects.filter(submission__enrolment=learner, claimed_at__isnull=False).exists()

    pause.ended_at = timezone.now()
    pause.save()
    run = wait_graded(newer)
    assert run.in_line_since == older.runs.get().in_line_since
    assert older.runs.get().status == GradingStatus.REPLACED
    assert UnitProgress.objects.get(enrolment=learner).score == 3


def test_a_team_has_an_attempt_graded_again(stack: Stack, visitor: Visitor, hand_in: HandIn) -> None:
    submission = hand_in("only")
    first = wait_graded(submission)
    answer = Visitor(stack, INSTRUCTOR, DEMO_PASSWORD).press(
        reverse("labs:submission-regrade", args=[submission.public_id])
    )
    assert answer.status_code == 302
    wait_until(lambda: submission.runs.count() == 2, "another run is queued")
    again = wait_graded(submission)
    assert (again.score, again.lane) == (first.score, GradingRun.Lane.REGRADES)
    assert again.phase_seconds["queued"] >= 0
    assert "Graded again at" in visitor.read(page_of(submission))
