"""A place in the queue is what the turns will make of it, and the time is measured or not said."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.translation import override

from courses.models import Course
from labs.models import GradingPause, GradingRun
from labs.services.grading_queue import QueuePlace, find_pace, find_place
from labs.states import GradingStatus
from labs.transitions import move_grading
from labs.work.grading_queue import claim_next_run
from tests.factories import courses as make_courses
from tests.factories import labs as make

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Lane = GradingRun.Lane

pytestmark = pytest.mark.django_db


def wait(course: Course, since: datetime = NOON, **fields: Any) -> GradingRun:
    return make.GradingRunFactory.create(
        submission__release__lab__course=course,
        status=GradingStatus.QUEUED,
        outcome="",
        finished_at=None,
        in_line_since=since,
        **fields,
    )


def finish(course: Course, at: datetime, *, seconds: float, worker: str = "a:1") -> GradingRun:
    return make.GradingRunFactory.create(
        submission__release__lab__course=course,
        claimed_at=at - seconds * SECOND,
        finished_at=at,
        worker=worker,
    )


def place_of(run: GradingRun, now: datetime = NOON) -> QueuePlace:
    place = find_place(run, now)
    assert place is not None
    return place


@pytest.fixture
def course() -> Course:
    course: Course = make_courses.CourseFactory.create()
    return course


@pytest.mark.parametrize("seed", range(6))
def test_a_place_is_the_number_of_runs_that_are_taken_before(seed: int) -> None:
    chance = random.Random(seed)
    courses = [make_courses.CourseFactory.create() for _ in range(3)]
    for course in chance.sample(courses, chance.randint(0, 3)):
        finish(course, NOON - chance.randint(1, 99) * SECOND, seconds=1)
    for _ in range(14):
        lane = chance.choice([Lane.LEARNERS, Lane.LEARNERS, Lane.REGRADES])
        wait(chance.choice(courses), NOON - chance.randint(0, 30) * SECOND, lane=lane)
    waiting = list(GradingRun.objects.filter(status=GradingStatus.QUEUED))
    places = {run.pk: place_of(run).ahead for run in waiting}
    taken: list[int] = []
    while run := claim_next_run(factory=None, worker="a:1", now=NOON + len(taken) * SECOND):
        move_grading(run, GradingStatus.FINISHED, finished_at=NOON + len(taken) * SECOND)
        taken.append(run.pk)
    assert [places[pk] for pk in taken] == list(range(len(waiting)))


def test_who_does_not_wait_has_no_place(course: Course) -> None:
    assert find_place(finish(course, NOON, seconds=1)) is None


def test_nothing_is_said_of_the_time_where_nothing_is_known(course: Course) -> None:
    run = wait(course)
    assert place_of(run).expected_at is None
    assert place_of(run).expected_words == ""
    finish(course, NOON - 40 * SECOND, seconds=2)  # and nobody has been at work since
    assert place_of(run).expected_at is None


def test_the_time_follows_from_who_is_at_work_and_what_runs_take(course: Course) -> None:
    for worker in ("a:1", "a:1", "b:2"):
        finish(course, NOON - SECOND, seconds=4, worker=worker)
    finish(course, NOON - 200 * SECOND, seconds=400, worker="gone:3")
    make.GradingRunFactory.create(
        status=GradingStatus.RUNNING,
        outcome="",
        finished_at=None,
        claimed_at=NOON,
        heartbeat_at=NOON,
        worker="a:1",
    )
    make.GradingRunFactory.create(
        status=GradingStatus.RUNNING,
        outcome="",
        finished_at=None,
        claimed_at=NOON - 60 * SECOND,
        heartbeat_at=NOON - 60 * SECOND,
        worker="dead:9",
    )
    for _ in range(7):
        wait(course, NOON - SECOND)
    pace = find_pace(None, NOON)
    assert pace is not None
    assert (pace.workers, pace.busy, pace.seconds) == (2, 1, 4.0)
    place = place_of(wait(course))
    # Seven and the half of one before it, by two workers, and its own.
    assert place.expected_at == NOON + 4 * (7.5 / 2 + 1) * SECOND


def test_a_run_of_a_paused_lab_says_so_and_promises_nothing(course: Course) -> None:
    finish(course, NOON, seconds=1)
    run = wait(course)
    pause = GradingPause.objects.create(lab=run.submission.lab, note="A test is wrong")
    place = place_of(run)
    assert place.is_paused
    assert (place.pause, place.expected_at, place.share) == (pause, None, None)


def test_a_failed_run_says_nothing_about_the_pace(course: Course) -> None:
    failed = finish(course, NOON, seconds=90)
    GradingRun.objects.filter(pk=failed.pk).update(status=GradingStatus.FAILED, outcome="")
    assert find_pace(None, NOON) is None


def make_place(*, ahead: int = 3, waited: float = 5, left: float | None = 20) -> QueuePlace:
    run = make.GradingRunFactory.build(submission=None, release=None, in_line_since=NOON - waited * SECOND)
    expected_at = None if left is None else NOON + left * SECOND
    return QueuePlace(run, ahead, expected_at, None, NOON)


@pytest.mark.parametrize(
    ("ahead", "left", "words", "when"),
    [
        (0, 2, "Your work is next", "in a few seconds"),
        (1, 11, "1 other is before you", "in about 20 seconds"),
        (4, 20, "4 others are before you", "in about 20 seconds"),
        (4, 51, "4 others are before you", "in about 1 minute"),
        (400, 200, "400 others are before you", "in about 3 minutes"),
        (9, None, "9 others are before you", ""),
    ],
)
def test_a_place_in_words(ahead: int, left: float | None, words: str, when: str) -> None:
    place = make_place(ahead=ahead, left=left)
    with override("en"):
        assert (place.place_words, place.expected_words) == (words, when)


@pytest.mark.parametrize(
    ("waited", "left", "is_worth_a_word"),
    [(0.5, None, False), (0.5, 2, False), (0.5, 60, True), (4, 1, True), (4, None, True)],
)
def test_a_short_wait_is_not_explained(waited: float, left: float | None, is_worth_a_word: bool) -> None:
    assert make_place(waited=waited, left=left).is_worth_a_word == is_worth_a_word


@pytest.mark.parametrize(("waited", "left", "share"), [(5, 15, 25), (5, 0, 100), (5, None, None)])
def test_how_much_of_the_wait_is_over(waited: float, left: float | None, share: int | None) -> None:
    assert make_place(waited=waited, left=left).share == share


def test_who_waits_long_asks_more_rarely() -> None:
    pauses = [make_place(left=left).poll_seconds for left in (2, 30, 200, 3000)]
    assert pauses == sorted(set(pauses))
    assert pauses[0] == 1


def test_a_long_queue_costs_no_more_queries_than_a_short_one(
    course: Course, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    other = make_courses.CourseFactory.create()
    wait(other)
    run = GradingRun.objects.select_related("submission__lab").get(pk=wait(course, NOON + SECOND).pk)
    finish(course, NOON, seconds=1)
    few = count_queries(lambda: place_of(run))
    for _ in range(12):
        wait(course)
        finish(make_courses.CourseFactory.create(), NOON, seconds=1, worker="b:1")
    assert count_queries(lambda: place_of(run)) == few <= 6
