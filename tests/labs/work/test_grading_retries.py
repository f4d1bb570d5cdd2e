"""The next try of a run that we failed to grade: the same work by the same release, in the same place of the line."""

from datetime import UTC, datetime

import pytest

from courses.models import Factory
from labs.models import GradingRun
from labs.states import GradingStatus
from labs.transitions import UNSENT
from labs.work.grading_retries import MAX_TRIES, count_tries, put_back, try_again_or_fail
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def make_run(**fields: object) -> GradingRun:
    run: GradingRun = make.GradingRunFactory.create(
        **{"status": GradingStatus.RUNNING, "outcome": "", "in_line_since": NOON, **fields}
    )
    return run


def test_the_next_try_of_a_regrade_is_a_regrade_by_the_same_release() -> None:
    first = make_run(release=make.LabReleaseFactory.create(), lane=GradingRun.Lane.REGRADES)
    following = try_again_or_fail(first, reason="worker_lost")
    assert following is not None
    assert (following.release, following.lane) == (first.release, GradingRun.Lane.REGRADES)
    assert (following.in_line_since, following.try_number) == (NOON, 2)
    assert following.sent_at == UNSENT  # the next sweep wakes a worker
    assert (first.status, first.reason) == (GradingStatus.FAILED, "worker_lost")


def test_who_was_given_up_by_somebody_else_has_no_next_try() -> None:
    run = make_run()
    GradingRun.objects.update(status=GradingStatus.FAILED)
    assert try_again_or_fail(run, reason="worker_lost") is None
    assert GradingRun.objects.count() == 1


def test_what_is_put_back_keeps_its_place_and_forgets_its_worker() -> None:
    run = make_run(worker="here:1", claimed_at=NOON, heartbeat_at=NOON)
    put_back(run)
    assert (run.status, run.worker, run.claimed_at, run.in_line_since) == (
        GradingStatus.QUEUED,
        "",
        None,
        NOON,
    )
    assert count_tries(run) == 2


@pytest.mark.parametrize(
    ("try_number", "status"),
    [(1, GradingStatus.QUEUED), (MAX_TRIES - 1, GradingStatus.QUEUED), (MAX_TRIES, GradingStatus.FAILED)],
)
def test_a_run_is_put_back_as_often_as_it_has_tries(try_number: int, status: GradingStatus) -> None:
    run = make_run(try_number=try_number)
    put_back(run)
    assert run.status == status


def test_a_grader_that_went_away_is_said_otherwise_than_a_box(kajaani: Factory) -> None:
    run = make_run(factory=kajaani)
    put_back(run)
    assert run.reason == "grader_lost"
