"""Pausing the grading of a lab: one pause at a time, and a row of who did what."""

from collections.abc import Callable
from typing import Any

import pytest

from courses.models import Cohort, Enrolment, User
from labs import tasks
from labs.exceptions import QueueDownError
from labs.models import GradingPause, GradingRun, Lab, LabRelease, LabUnit
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
        assert resume_grading(lab, actor=actor) == 0
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
        assert resume_grading(lab, actor=actor) == 0
    assert find_open_pause(lab) is None


def test_what_is_not_paused_cannot_go_on(lab: Lab, actor: User, woken: list[str]) -> None:
    ended = pause_grading(lab, note="", actor=actor)
    resume_grading(lab, actor=actor)
    assert resume_grading(lab, actor=make_courses.UserFactory.create()) is None
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


@pytest.fixture
def mended(cohort: Cohort) -> LabRelease:
    """The release of a lab that `cohort` has now."""
    release: LabRelease = LabUnit.objects.get(unit__release=cohort.release).release
    return release


def wait(enrolment: Enrolment, release: LabRelease, **fields: Any) -> GradingRun:
    fields = {"status": GradingStatus.QUEUED, "outcome": "", "finished_at": None, **fields}
    run: GradingRun = make.GradingRunFactory.create(
        submission__enrolment=enrolment, submission__release=release, **fields
    )
    return run


def older(release: LabRelease) -> LabRelease:
    found: LabRelease = make.LabReleaseFactory.create(lab=release.lab)
    return found


def go_on(lab: Lab, actor: User) -> int | None:
    pause_grading(lab, note="", actor=actor)
    return resume_grading(lab, actor=actor)


def test_what_waited_is_graded_by_the_release_that_its_cohort_has_by_then(
    enrolment: Enrolment, mended: LabRelease, actor: User
) -> None:
    wrong = older(mended)
    run = wait(enrolment, wrong)
    check = wait(enrolment, wrong, submission=make.CheckFactory.create(enrolment=enrolment, release=wrong))
    place = run.in_line_since
    assert go_on(mended.lab, actor) == 2
    for each in (run, check):
        each.refresh_from_db()
        assert each.release == mended
        event = each.events.get()
        assert (event.before, event.after) == (GradingStatus.QUEUED, GradingStatus.QUEUED)
        assert (event.reason, event.actor) == ("release_renewed", actor)
    assert run.in_line_since == place


def test_what_has_begun_and_what_is_of_other_labs_keeps_its_release(
    enrolment: Enrolment, mended: LabRelease, actor: User
) -> None:
    wrong = older(mended)
    kept = [
        wait(enrolment, wrong, status=GradingStatus.RUNNING),
        wait(enrolment, wrong, status=GradingStatus.FINISHED),
        wait(enrolment, mended),
        wait(make_courses.EnrolmentFactory.create(), wrong),  # of a cohort that has no release of it
        wait(enrolment, make.LabReleaseFactory.create()),
    ]
    releases = [run.release for run in kept]
    assert go_on(mended.lab, actor) == 0
    assert [GradingRun.objects.get(pk=run.pk).release for run in kept] == releases
    assert not any(run.events.exists() for run in kept)


def test_a_lab_that_has_no_grade_cells_any_more_grades_nothing(
    enrolment: Enrolment, mended: LabRelease, actor: User
) -> None:
    run = wait(enrolment, older(mended))
    LabRelease.objects.filter(pk=mended.pk).update(grade_cells=[])
    assert go_on(mended.lab, actor) == 0
    assert GradingRun.objects.get(pk=run.pk).release == run.release


@pytest.mark.parametrize("gpus", [0, 1])
def test_who_runs_the_notebooks_is_decided_by_the_release_that_grades(
    gpus: int, enrolment: Enrolment, mended: LabRelease, actor: User
) -> None:
    factory = enrolment.cohort.factory
    run = wait(enrolment, older(mended), factory=None if gpus else factory)
    LabRelease.objects.filter(pk=mended.pk).update(needs={"gpus": gpus})
    assert go_on(mended.lab, actor) == 1
    assert GradingRun.objects.get(pk=run.pk).factory == (factory if gpus else None)


def test_the_number_of_queries_does_not_grow_with_what_waits(
    enrolment: Enrolment, mended: LabRelease, actor: User, count_queries: Callable[[Any], int]
) -> None:
    wrong = older(mended)
    wait(enrolment, wrong)
    few = count_queries(lambda: go_on(mended.lab, actor))
    cohort = enrolment.cohort
    for learner in make_courses.EnrolmentFactory.create_batch(3, cohort=cohort):
        wait(learner, wrong)
    wait(make_courses.EnrolmentFactory.create(cohort__release=cohort.release), wrong)
    assert count_queries(lambda: go_on(mended.lab, actor)) == few
