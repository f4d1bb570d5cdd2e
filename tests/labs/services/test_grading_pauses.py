"""Pausing the grading of a lab: one pause at a time, and a row of who did what."""

import pytest

from courses.models import User
from labs import tasks
from labs.exceptions import QueueDownError
from labs.models import GradingPause, Lab
from labs.services.grading_pauses import find_open_pause, find_pauses, pause_grading, resume_grading
from labs.states import GradingStatus
from labs.work.grading_queue import claim_next_run
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab() -> Lab:
    return make.LabFactory.create()


@pytest.fixture
def actor() -> User:
    return make_courses.UserFactory.create()


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The wake-ups that were sent."""
    sent: list[str] = []
    monkeypatch.setattr(tasks, "send_grading", lambda: sent.append("woken"))
    return sent


def test_a_pause_says_who_began_it_and_why(lab: Lab, actor: User) -> None:
    pause = pause_grading(lab, note="The test is wrong.", actor=actor)
    assert (pause.lab, pause.note, pause.started_by, pause.ended_at) == (
        lab,
        "The test is wrong.",
        actor,
        None,
    )
    assert find_open_pause(lab) == pause


def test_pressing_twice_makes_one_pause(lab: Lab, actor: User) -> None:
    first = pause_grading(lab, note="First", actor=actor)
    second = pause_grading(lab, note="Second", actor=make_courses.UserFactory.create())
    assert second == first
    assert GradingPause.objects.get().note == "First"


def test_who_ends_a_pause_stands_in_it(
    lab: Lab, actor: User, woken: list[str], django_capture_on_commit_callbacks: object
) -> None:
    pause = pause_grading(lab, note="", actor=make_courses.UserFactory.create())
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert resume_grading(lab, actor=actor)
    pause.refresh_from_db()
    assert pause.ended_by == actor
    assert pause.ended_at is not None
    assert woken == ["woken"]
    assert find_open_pause(lab) is None


def test_a_queue_that_is_down_hinders_nobody_from_going_on(
    lab: Lab, actor: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object
) -> None:
    def refuse() -> None:
        raise QueueDownError

    monkeypatch.setattr(tasks, "send_grading", refuse)
    pause_grading(lab, note="", actor=actor)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert resume_grading(lab, actor=actor)
    assert find_open_pause(lab) is None


def test_what_is_not_paused_cannot_go_on(lab: Lab, actor: User, woken: list[str]) -> None:
    ended = pause_grading(lab, note="", actor=actor)
    resume_grading(lab, actor=actor)
    assert not resume_grading(lab, actor=make_courses.UserFactory.create())
    ended.refresh_from_db()
    assert ended.ended_by == actor


def test_a_lab_can_be_paused_again_and_every_pause_stays(lab: Lab, actor: User) -> None:
    first = pause_grading(lab, note="1", actor=actor)
    resume_grading(lab, actor=actor)
    second = pause_grading(lab, note="2", actor=actor)
    pause_grading(make.LabFactory.create(), note="3", actor=actor)
    assert find_pauses(Lab.objects.filter(pk=lab.pk), most=9) == [second, first]
    assert find_pauses(Lab.objects.filter(pk=lab.pk), most=1) == [second]


def test_an_open_pause_stands_before_newer_ones_that_are_over(actor: User) -> None:
    still_paused = pause_grading(make.LabFactory.create(), note="", actor=actor)
    over = make.LabFactory.create()
    pause_grading(over, note="", actor=actor)
    resume_grading(over, actor=actor)
    assert find_pauses(Lab.objects.all(), most=1) == [still_paused]


def test_no_run_of_a_paused_lab_begins_and_none_is_lost(lab: Lab, actor: User) -> None:
    run = make.GradingRunFactory.create(
        submission__release__lab=lab, status=GradingStatus.QUEUED, outcome="", finished_at=None
    )
    pause_grading(lab, note="", actor=actor)
    assert claim_next_run(factory=None, worker="host:1") is None
    resume_grading(lab, actor=actor)
    assert claim_next_run(factory=None, worker="host:1") == run
