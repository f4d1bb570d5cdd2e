"""What a factory was used for, from the rows of Slurm's jobs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from courses.models import Cohort
from labs.models import Hub, LabSession
from labs.services.factory_usage import (
    find_cohort_usage,
    find_failure_counts,
    find_gpu_history,
    find_waits,
)
from labs.states import SessionStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, 34, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def hub() -> Hub:
    hub: Hub = make.HubFactory.create(has_slurm=True)
    return hub


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 11, 22, hour, minute, second, tzinfo=UTC)


def ran(
    hub: Hub,
    started_at: datetime,
    ended_at: datetime | None = None,
    *,
    waited: timedelta = MINUTE,
    **more: object,
) -> None:
    make.SlurmJobFactory.create(
        hub=hub, submitted_at=started_at - waited, started_at=started_at, ended_at=ended_at, **more
    )


def in_use(hub: Hub, name: str = "small-g") -> dict[str, int]:
    history = find_gpu_history(hub, NOW)
    return {
        f"{tick:%H:%M}": value for tick, value in zip(history.ticks, history.of_partitions[name], strict=True)
    }


def test_gpus_are_in_use_from_the_start_of_a_job_to_its_end(hub: Hub) -> None:
    ran(hub, at(10, 5), at(10, 38), gpus=2)
    ran(hub, at(10, 12), gpus=1)

    history = in_use(hub)

    assert [history[f"10:{minute}0"] for minute in range(6)] == [0, 2, 3, 3, 1, 1]
    assert history["12:34"] == 1


def test_what_began_before_the_day_is_there_from_its_first_minute(hub: Hub) -> None:
    ran(hub, NOW - timedelta(days=3), at(1, 0), gpus=4)
    ran(hub, NOW - timedelta(days=3), NOW - timedelta(days=2), gpus=8)

    history = find_gpu_history(hub, NOW).of_partitions["small-g"]

    assert (history[0], max(history), history[-1]) == (4, 4, 0)


def test_a_job_of_this_minute_counts_already(hub: Hub) -> None:
    ran(hub, NOW - timedelta(seconds=20))

    assert in_use(hub)["12:34"] == 1
    assert in_use(hub)["12:30"] == 0


def test_each_partition_has_a_history_of_its_own_and_other_hubs_none_here(hub: Hub) -> None:
    ran(hub, at(11, 0), partition_name="dev-g")
    ran(hub, at(11, 0))
    ran(make.HubFactory.create(), at(11, 0), partition_name="gpu")
    make.SlurmJobFactory.create(hub=hub, partition_name="waiting-only")

    assert set(find_gpu_history(hub, NOW).of_partitions) == {"dev-g", "small-g"}


def test_a_wait_is_what_half_and_95_of_100_stayed_within_and_the_longest(hub: Hub) -> None:
    for minutes in range(1, 101):
        ran(hub, at(11, 0), at(11, 1), waited=minutes * MINUTE)

    waits = find_waits(hub, MIDNIGHT)

    assert waits
    assert (waits.count, waits.median, waits.high, waits.longest) == (100, 50 * 60, 95 * 60, 100 * 60)


def test_waits_of_before_and_of_graders_are_left_out(hub: Hub) -> None:
    ran(hub, MIDNIGHT - MINUTE, waited=9 * HOUR)
    ran(hub, at(11, 0), server_name="g-00000001", waited=9 * HOUR)
    assert find_waits(hub, MIDNIGHT) is None

    ran(hub, at(11, 0))
    waits = find_waits(hub, MIDNIGHT)
    assert waits
    assert (waits.count, waits.median, waits.longest) == (1, 60, 60)


def session_of(hub: Hub, cohort: Cohort, status: SessionStatus = SessionStatus.STOPPED) -> LabSession:
    session: LabSession = make.LabSessionFactory.create(
        hub=hub, enrolment=make_courses.EnrolmentFactory.create(cohort=cohort), status=status
    )
    return session


def test_gpu_hours_are_the_time_within_the_span_by_the_weight_of_the_job(hub: Hub) -> None:
    cohort = make_courses.CohortFactory.create()
    session = session_of(hub, cohort)
    ran(hub, MIDNIGHT - HOUR, MIDNIGHT + 2 * HOUR, session=session, weight=Decimal("0.5"))
    ran(hub, at(10, 0), at(10, 30), session=session, weight=Decimal(2))
    ran(hub, NOW - timedelta(days=9), NOW - timedelta(days=8), session=session)

    (row,) = find_cohort_usage(hub, NOW, MIDNIGHT)

    assert row.cohort == cohort
    assert (row.hours_today, row.hours_of_week) == (Decimal(2), Decimal("2.5"))


def test_a_job_that_runs_has_cost_what_it_ran_so_far(hub: Hub) -> None:
    ran(hub, NOW - 2 * HOUR, session=session_of(hub, make_courses.CohortFactory.create()), gpus=3)

    (row,) = find_cohort_usage(hub, NOW, MIDNIGHT)

    assert (row.hours_today, row.gpus) == (Decimal(1), 3)


def test_sessions_are_counted_by_cohort(hub: Hub) -> None:
    first, second = make_courses.CohortFactory.create_batch(2)
    session_of(hub, first, SessionStatus.READY)
    session_of(hub, first, SessionStatus.REQUESTED)
    session_of(hub, first, SessionStatus.SPAWNING)
    session_of(hub, second, SessionStatus.STOPPING)
    session_of(hub, second)

    rows = {row.cohort: (row.running, row.waiting) for row in find_cohort_usage(hub, NOW, MIDNIGHT)}

    assert rows == {first: (1, 2), second: (1, 0)}


def test_what_has_no_cohort_comes_last(hub: Hub) -> None:
    ran(hub, NOW - 5 * HOUR, session=None)
    ran(hub, NOW - HOUR, session=session_of(hub, make_courses.CohortFactory.create()))

    assert [row.cohort is None for row in find_cohort_usage(hub, NOW, MIDNIGHT)] == [False, True]


def failed(hub: Hub, reason: str, hours_ago: int, **more: object) -> LabSession:
    session: LabSession = make.LabSessionFactory.create(
        hub=hub,
        status=SessionStatus.FAILED,
        reason=reason,
        ended_at=NOW - hours_ago * HOUR,
        **more,
    )
    return session


def test_failures_are_counted_by_reason_with_their_learners(hub: Hub) -> None:
    once = failed(hub, "server_lost", 1)
    failed(hub, "server_lost", 30, learner=once.learner, enrolment=once.enrolment)
    failed(hub, "server_lost", 40)
    failed(hub, "spawn_rejected", 2)
    failed(hub, "spawn_rejected", 24 * 8)
    failed(make.HubFactory.create(), "spawn_rejected", 2)

    found = find_failure_counts(hub, NOW)

    assert [(each.reason, each.today, each.of_week, each.learners) for each in found] == [
        ("server_lost", 1, 3, 2),
        ("spawn_rejected", 1, 1, 1),
    ]


def test_it_costs_the_same_however_many_jobs_and_cohorts_there_are(
    hub: Hub, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    def look() -> None:
        find_gpu_history(hub, NOW)
        find_waits(hub, MIDNIGHT)
        find_cohort_usage(hub, NOW, MIDNIGHT)
        find_failure_counts(hub, NOW)

    ran(hub, at(10, 0), session=session_of(hub, make_courses.CohortFactory.create()))
    few = count_queries(look)
    for cohort in make_courses.CohortFactory.create_batch(3):
        ran(hub, at(10, 0), session=session_of(hub, cohort, SessionStatus.READY))

    assert count_queries(look) == few
