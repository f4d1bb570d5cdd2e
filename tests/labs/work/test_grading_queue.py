"""The grading queue: courses by turns, learners before regrades, nobody twice and nobody starved."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from courses.models import Course, Factory
from labs.models import GradingPause, GradingRun
from labs.states import GradingStatus
from labs.transitions import UNSENT, move_grading
from labs.work.grading_queue import (
    OF_EACH_COURSE,
    REMEMBERED,
    WAKE_AFTER,
    WAKE_AT_ONCE,
    claim_next_run,
    claim_wake_ups,
    find_turns,
    name_worker,
    queue_run,
    replace_waiting,
)
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.racing import at_once, require_row_locks

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Lane = GradingRun.Lane

pytestmark = pytest.mark.django_db


def wait(course: Course, since: datetime = NOON, **fields: Any) -> GradingRun:
    """A run of a lab of that course that waits."""
    fields = {"submission__release__lab__course": course, "in_line_since": since, **fields}
    return make.GradingRunFactory.create(
        status=GradingStatus.QUEUED, outcome="", finished_at=None, score=None, **fields
    )


def claim(now: datetime, factory: Factory | None = None) -> GradingRun | None:
    return claim_next_run(factory=factory, worker="here:1", now=now)


def drain(now: datetime = NOON, *, is_finished: bool = True) -> list[GradingRun]:
    """All runs in the order in which one worker takes them, a second each."""
    taken = []
    while run := claim(now):
        now += SECOND
        if is_finished:
            move_grading(run, GradingStatus.FINISHED, finished_at=now)
        taken.append(run)
    return taken


def course_of(run: GradingRun) -> Course:
    return run.submission.lab.course


@pytest.fixture
def course() -> Course:
    course: Course = make_courses.CourseFactory.create()
    return course


def test_a_run_is_taken_once_and_says_by_whom(course: Course) -> None:
    run = wait(course)
    taken = claim(NOON)
    assert taken == run
    run.refresh_from_db()
    assert (run.status, run.worker, run.claimed_at, run.heartbeat_at) == ("running", "here:1", NOON, NOON)
    assert claim(NOON) is None


def test_within_a_course_whoever_waits_longest_goes_first(course: Course) -> None:
    late, early = wait(course, NOON + SECOND), wait(course, NOON)
    assert drain() == [early, late]


def test_a_course_that_fills_the_queue_takes_every_other_turn(course: Course) -> None:
    for number in range(4):
        wait(course, NOON + number * SECOND)
    other = make_courses.CourseFactory.create()
    single = wait(other, NOON + 99 * SECOND)
    assert drain()[1] == single


def test_a_run_that_is_graded_now_was_a_turn_too(course: Course) -> None:
    other = make_courses.CourseFactory.create()
    for number in range(2):
        wait(course, NOON + number * SECOND)
        wait(other, NOON + number * SECOND)
    taken = [course_of(run) for run in drain(is_finished=False)]
    assert taken == [course, other, course, other]


def test_learners_go_before_regrades_and_these_by_turns_of_their_own(course: Course) -> None:
    other = make_courses.CourseFactory.create()
    regrades = [wait(each, NOON, lane=Lane.REGRADES) for each in (course, course, other)]
    learner = wait(course, NOON + 9 * SECOND)
    assert drain() == [learner, regrades[0], regrades[2], regrades[1]]


@pytest.mark.parametrize("seed", range(8))
def test_courses_have_equal_shares_whatever_the_order_of_arrival(seed: int) -> None:
    """While all have runs in line their shares differ by one at most, and at last every run was taken."""
    chance = random.Random(seed)
    courses = [make_courses.CourseFactory.create() for _ in range(chance.randint(2, 4))]
    left = Counter({each.pk: chance.randint(1, 12) for each in courses})
    total = left.total()
    arrivals = [each for each in courses for _ in range(left[each.pk])]
    chance.shuffle(arrivals)
    for number, each in enumerate(arrivals):
        wait(each, NOON - number * SECOND)
    taken: Counter[int] = Counter({each.pk: 0 for each in courses})
    for number in range(total):
        run = claim(NOON + number * SECOND)
        assert run is not None
        if chance.random() < 0.8:
            move_grading(run, GradingStatus.FINISHED, finished_at=NOON + number * SECOND)
        has_all = min(left.values()) > 0
        taken[course_of(run).pk] += 1
        left[course_of(run).pk] -= 1
        assert not has_all or max(taken.values()) - min(taken.values()) <= 1
    assert left.total() == 0


def test_a_paused_lab_waits_and_keeps_its_place(course: Course) -> None:
    first, second = wait(course), wait(course, NOON + SECOND)
    pause = GradingPause.objects.create(lab=first.submission.lab)
    assert claim(NOON) == second
    pause.ended_at = NOON
    pause.save()
    assert claim(NOON) == first


def test_a_factorys_graders_take_its_runs_and_nobody_elses(course: Course, kajaani: Factory) -> None:
    here, there = wait(course), wait(course, factory=kajaani)
    wait(course, factory=make_courses.FactoryFactory.create())
    assert claim(NOON, kajaani) == there
    assert claim(NOON, kajaani) is None
    assert claim(NOON) == here


def test_a_run_that_somebody_else_takes_at_that_moment_is_left_to_them(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = wait(course), wait(course, NOON + SECOND)

    def see_both(_factory: Factory | None) -> list[int]:
        GradingRun.objects.filter(pk=first.pk).update(status=GradingStatus.RUNNING)
        return [first.pk, second.pk]

    monkeypatch.setattr("labs.work.grading_queue.find_turns", see_both)
    assert claim(NOON) == second


def test_a_long_queue_costs_no_more_queries_than_a_short_one(
    course: Course, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    other = make_courses.CourseFactory.create()
    for each in (course, other, course, other):
        wait(each)
    few = count_queries(lambda: claim(NOON))
    for _ in range(20):
        wait(course)
        wait(make_courses.CourseFactory.create())
    assert count_queries(lambda: claim(NOON + SECOND)) == few


def test_of_a_long_queue_only_the_head_is_read(course: Course) -> None:
    for _ in range(OF_EACH_COURSE + 3):
        wait(course)
    assert len(find_turns(None)) == OF_EACH_COURSE


def test_turns_go_by_the_runs_that_ended_last(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all that were ever graded only so many are read; a course without one of them was served long ago."""
    assert REMEMBERED >= 100
    monkeypatch.setattr("labs.work.grading_queue.REMEMBERED", 1)
    other = make_courses.CourseFactory.create()
    for each, minute in ((other, 1), (course, 2)):
        ended = wait(each)
        GradingRun.objects.filter(pk=ended.pk).update(
            status=GradingStatus.FINISHED, claimed_at=NOON, finished_at=NOON + minute * 60 * SECOND
        )
    wait(course, NOON)
    assert claim(NOON) is not None
    wait(course, NOON)
    due = wait(other, NOON + SECOND)
    assert claim(NOON + SECOND) == due


def test_newer_work_takes_over_the_place_of_what_waits(course: Course) -> None:
    old = wait(course, NOON)
    same = {"enrolment": old.submission.enrolment, "release": old.submission.release}
    running = make.GradingRunFactory.create(
        submission=make.SubmissionFactory.create(**same), status=GradingStatus.RUNNING
    )
    regrade = wait(
        course, NOON - SECOND, submission=make.SubmissionFactory.create(**same), lane=Lane.REGRADES
    )
    check = wait(course, NOON - SECOND, submission=make.CheckFactory.create(**same))
    stranger = wait(course, NOON - SECOND, submission__release=old.submission.release)
    newer = make.SubmissionFactory.create(**same)
    assert replace_waiting(newer) == NOON
    old.refresh_from_db()
    assert (old.status, old.reason, old.score) == (GradingStatus.REPLACED, "replaced", None)
    assert old.events.get().after == GradingStatus.REPLACED
    for other in (running, regrade, check, stranger):
        before = other.status
        other.refresh_from_db()
        assert other.status == before
    assert replace_waiting(newer) is None


def test_a_run_is_queued_with_its_event(course: Course) -> None:
    submission = make.SubmissionFactory.create(release__lab__course=course)
    run = queue_run(submission, in_line_since=NOON)
    assert (run.status, run.lane, run.in_line_since, run.release) == (
        "queued",
        Lane.LEARNERS,
        NOON,
        submission.release,
    )
    assert run.events.get().reason == "queued"
    assert run.factory is None


def test_a_run_that_needs_a_gpu_is_for_the_factory_of_its_cohort(course: Course) -> None:
    submission = make.SubmissionFactory.create(release__lab__course=course, release__needs={"gpus": 1})
    assert queue_run(submission).factory == submission.enrolment.cohort.factory


def test_a_wake_up_is_sent_again_for_who_still_waits(course: Course) -> None:
    run = wait(course, sent_at=NOON)
    assert claim_wake_ups(NOON + WAKE_AFTER) == 0
    assert claim_wake_ups(NOON + WAKE_AFTER + SECOND) == 1
    run.refresh_from_db()
    assert run.sent_at == NOON + WAKE_AFTER + SECOND
    assert claim_wake_ups(NOON + WAKE_AFTER + SECOND) == 0


def test_no_more_wake_ups_are_sent_at_once_than_workers_can_use(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert WAKE_AT_ONCE >= 32
    monkeypatch.setattr("labs.work.grading_queue.WAKE_AT_ONCE", 2)
    for _ in range(3):
        wait(course, sent_at=UNSENT)
    assert claim_wake_ups(NOON) == 2
    assert claim_wake_ups(NOON) == 1


def test_nobody_is_woken_for_what_cannot_be_taken(course: Course, kajaani: Factory) -> None:
    GradingPause.objects.create(lab=wait(course, sent_at=UNSENT).submission.lab)
    wait(course, sent_at=UNSENT, factory=kajaani)
    make.GradingRunFactory.create(status=GradingStatus.RUNNING, sent_at=UNSENT)
    assert claim_wake_ups(NOON) == 0
    assert claim_wake_ups(NOON, kajaani) == 1


def test_a_worker_has_a_name_that_a_row_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "x" * 300)
    assert len(name_worker()) <= (GradingRun._meta.get_field("worker").max_length or 0)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_never_take_the_same_run() -> None:
    require_row_locks()
    courses = [make_courses.CourseFactory.create() for _ in range(3)]
    for number in range(24):
        wait(courses[number % 3])

    def work() -> list[int]:
        taken = []
        while run := claim_next_run(factory=None, worker="here:1"):
            taken.append(run.pk)
        return taken

    taken = [pk for each in at_once(*[work] * 6) for pk in each]
    assert sorted(taken) == sorted(GradingRun.objects.values_list("pk", flat=True))
