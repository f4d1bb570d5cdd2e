"""How the grading keeps up: the line, its pace, the workers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.models import GradingRun, Lab
from labs.services.grading_health import (
    LATELY,
    SLOW_AFTER,
    STOPPED_AFTER,
    GradingHealth,
    QueueState,
    find_grading_health,
    find_stop,
)
from labs.states import GradingStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOW = timezone.now()
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def wait(lab: Lab | None = None, *, since: datetime = NOW - SECOND, **fields: Any) -> GradingRun:
    if lab is not None:
        fields["submission__release__lab"] = lab
    run: GradingRun = make.GradingRunFactory.create(
        status=GradingStatus.QUEUED,
        outcome="",
        queued_at=since,
        in_line_since=since,
        finished_at=None,
        **fields,
    )
    return run


def work(*, heartbeat_at: datetime = NOW - SECOND, worker: str = "host:1", **fields: Any) -> GradingRun:
    run = wait(claimed_at=NOW - 2 * SECOND, heartbeat_at=heartbeat_at, worker=worker, **fields)
    GradingRun.objects.filter(pk=run.pk).update(status=GradingStatus.RUNNING)
    return run


def end(*, ago: timedelta = MINUTE, worker: str = "host:1", **fields: Any) -> GradingRun:
    at = NOW - ago
    run: GradingRun = make.GradingRunFactory.create(
        finished_at=at, queued_at=at - 4 * SECOND, claimed_at=at - SECOND, worker=worker, **fields
    )
    return run


def health() -> GradingHealth:
    return find_grading_health(NOW)


def test_before_anything_was_submitted_there_is_nothing_to_tell() -> None:
    found = health()
    assert found.state == QueueState.NOTHING_YET
    assert (found.queues, found.workers, found.usual, found.minutes_left) == ((), (), None, None)


def test_when_all_is_graded_nothing_waits() -> None:
    end(ago=timedelta(days=3))
    found = health()
    assert found.state == QueueState.IDLE
    assert found.ended_at == NOW - timedelta(days=3)


def test_short_waits_are_what_a_queue_is_for() -> None:
    end()
    wait(since=NOW - SLOW_AFTER + SECOND)
    found = health()
    assert found.state == QueueState.KEEPS_UP
    assert found.usual is not None
    assert found.usual.median == 4


def test_a_long_line_that_gets_shorter_says_when_it_is_empty() -> None:
    for _ in range(10):
        end()
    for _ in range(3):
        wait(since=NOW - 20 * MINUTE)
    work()
    found = health()
    assert found.state == QueueState.BEHIND
    assert (found.line.count, found.line.learners_since) == (3, NOW - 20 * MINUTE)
    assert found.minutes_left == 2


def test_a_line_grows_when_more_comes_than_is_graded() -> None:
    end()
    work()
    for _ in range(3):
        wait(since=NOW - SLOW_AFTER - SECOND)
    found = health()
    assert (found.came, found.ended_lately) == (5, 1)
    assert found.state == QueueState.GROWS


def test_what_no_worker_here_may_take_makes_no_line_grow() -> None:
    end()
    work(since=NOW - 20 * MINUTE)
    wait(since=NOW - 20 * MINUTE)
    held = wait()
    make.GradingPauseFactory.create(lab=held.submission.lab)
    wait(factory=make_courses.FactoryFactory.create())
    found = health()
    assert (found.came, found.ended_lately) == (1, 1)
    assert found.state == QueueState.BEHIND


def test_work_that_waits_while_no_worker_begins_means_that_none_is_there() -> None:
    end(ago=10 * MINUTE)
    wait(since=NOW - 4 * MINUTE)
    assert health().state == QueueState.STOPPED
    assert health().stopped_since == find_stop(NOW) == NOW - 4 * MINUTE


def test_since_its_last_end_the_grading_stands_still() -> None:
    end(ago=3 * MINUTE)
    wait(since=NOW - 10 * MINUTE)
    assert health().stopped_since == find_stop(NOW) == NOW - 3 * MINUTE


@pytest.mark.parametrize("ago", [STOPPED_AFTER - SECOND, SECOND])
def test_a_worker_has_a_minute_to_begin(ago: timedelta) -> None:
    wait(since=NOW - ago)
    assert health().stopped_since is find_stop(NOW) is None


def test_where_a_worker_is_at_work_the_grading_does_not_stand_still() -> None:
    wait(since=NOW - 4 * MINUTE)
    run = work()
    assert health().stopped_since is find_stop(NOW) is None

    GradingRun.objects.filter(pk=run.pk).update(factory=make_courses.FactoryFactory.create())
    assert health().stopped_since == find_stop(NOW) == NOW - 4 * MINUTE

    GradingRun.objects.filter(pk=run.pk).update(factory=None, heartbeat_at=NOW - MINUTE)
    assert health().stopped_since == find_stop(NOW) == NOW - 4 * MINUTE
    assert [worker.is_lost for worker in health().workers] == [True]


def test_what_is_paused_waits_for_nobodys_fault() -> None:
    end()
    run = wait(since=NOW - 10 * MINUTE)
    make.GradingPauseFactory.create(lab=run.submission.lab)
    found = health()
    assert found.state == QueueState.IDLE
    assert (found.line.count, found.held_count) == (0, 1)
    assert [queue.is_paused for queue in found.queues] == [True]
    assert find_stop(NOW) is None


@pytest.mark.parametrize(("ago", "stopped"), [(SECOND, False), (2 * MINUTE, True)])
def test_a_lab_that_has_just_gone_on_after_a_pause_waited_for_no_worker(
    ago: timedelta, stopped: bool
) -> None:
    run = wait(since=NOW - 10 * MINUTE)
    make.GradingPauseFactory.create(lab=run.submission.lab, ended_at=NOW - ago)
    since = NOW - ago if stopped else None
    assert health().stopped_since == find_stop(NOW) == since


def test_regrades_that_wait_make_nobody_wait() -> None:
    end()
    wait(since=NOW - 4 * MINUTE, lane=GradingRun.Lane.REGRADES)
    work()
    assert health().state == QueueState.KEEPS_UP


def test_what_a_factorys_grader_runs_is_counted_for_that_factory() -> None:
    factory = make_courses.FactoryFactory.create()
    wait(since=NOW - 10 * MINUTE, factory=factory)
    found = health()
    assert (found.line.count, dict(found.of_graders)) == (0, {factory.pk: 1})
    assert found.stopped_since is find_stop(NOW) is None


def test_the_queue_of_a_lab_tells_who_waits() -> None:
    lab = make.LabFactory.create()
    wait(lab, since=NOW - 9 * SECOND)
    wait(lab, since=NOW - 5 * SECOND)
    wait(lab, lane=GradingRun.Lane.REGRADES)
    wait(submission=make.CheckFactory.create(release__lab=lab))
    work(submission__release__lab=lab)
    (queue,) = health().queues
    assert (queue.lab_id, queue.course_id) == (lab.pk, lab.course_id)
    assert (queue.learners, queue.regrades, queue.checks, queue.running) == (2, 1, 1, 1)
    assert queue.since == NOW - 9 * SECOND
    assert queue.waiting == 4


def test_the_next_turn_is_at_the_lab_whose_run_a_worker_takes_next() -> None:
    first, second = make.LabFactory.create(), make.LabFactory.create()
    wait(first, since=NOW - 9 * SECOND)
    wait(second, since=NOW - 5 * SECOND)
    assert {queue.lab_id: queue.is_next for queue in health().queues} == {first.pk: True, second.pk: False}

    make.GradingPauseFactory.create(lab=first)
    assert {queue.lab_id: queue.is_next for queue in health().queues} == {first.pk: False, second.pk: True}


def test_workers_are_told_with_what_they_ended_within_the_hour() -> None:
    end(worker="host:2")
    end(worker="host:2", ago=2 * LATELY)
    end(worker="host:3", ago=timedelta(hours=2))
    work(worker="host:1")
    found = health()
    assert [(worker.name, worker.ended_count) for worker in found.workers] == [("host:1", 0), ("host:2", 2)]
    assert (found.ended_lately, found.ended_in_hour, found.running_count) == (1, 2, 1)


def test_runs_that_no_machine_could_box_are_counted() -> None:
    wait(reason="box_unavailable")
    wait()
    assert health().without_box == 1


def test_the_number_of_queries_does_not_grow(count_queries: Callable[[Callable[[], object]], int]) -> None:
    for lab in make.LabFactory.create_batch(2):
        wait(lab)
    work()
    end()
    few = count_queries(health)
    for lab in make.LabFactory.create_batch(3):
        wait(lab)
        wait(lab)
        work(worker=f"host:{lab.pk}")
        end(worker=f"host:{lab.pk}")
    assert count_queries(health) == few
