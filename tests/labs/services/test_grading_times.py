"""Medians and 95th percentiles that the database works out."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from labs.models import Lab
from labs.services import grading_times
from labs.services.grading_times import TOTAL, Spread, find_grading_times, find_usual_seconds
from labs.states import GradingOutcome, GradingStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOW = timezone.now()
HOUR = timedelta(hours=1)


def graded(lab: Lab, *, executed: float | None = None, total: float = 1, minutes_ago: float = 1) -> None:
    end = NOW - timedelta(minutes=minutes_ago)
    make.GradingRunFactory.create(
        submission__release__lab=lab,
        phase_seconds={} if executed is None else {"executed": executed},
        queued_at=end - timedelta(seconds=total),
        finished_at=end,
    )


def test_a_spread_is_what_half_and_95_of_100_runs_stayed_within() -> None:
    lab = make.LabFactory.create()
    for seconds in range(1, 21):
        graded(lab, executed=seconds, total=2 * seconds)
    times = find_grading_times(NOW - HOUR)
    assert times.of_labs[lab.pk].count == 20
    assert times.of_labs[lab.pk].spreads == {"executed": Spread(10, 19), TOTAL: Spread(20, 38)}
    assert times.of_all == times.of_labs[lab.pk]


def test_a_single_run_is_its_own_spread() -> None:
    lab = make.LabFactory.create()
    graded(lab, executed=3)
    assert find_grading_times(NOW - HOUR).of_labs[lab.pk].spreads["executed"] == Spread(3, 3)


def test_each_lab_has_times_of_its_own_and_all_have_some_together() -> None:
    quick, slow = make.LabFactory.create(), make.LabFactory.create()
    for _ in range(3):
        graded(quick, executed=1)
    graded(slow, executed=9)
    times = find_grading_times(NOW - HOUR)
    assert times.of_labs[quick.pk].spreads["executed"] == Spread(1, 1)
    assert times.of_labs[slow.pk].spreads["executed"] == Spread(9, 9)
    assert times.of_all.spreads["executed"] == Spread(1, 9)
    assert times.of_all.count == 4


def test_a_phase_counts_the_runs_that_tell_of_it() -> None:
    lab = make.LabFactory.create()
    graded(lab, executed=4)
    graded(lab)
    times = find_grading_times(NOW - HOUR).of_labs[lab.pk]
    assert times.count == 2
    assert times.spreads["executed"] == Spread(4, 4)
    assert "scored" not in times.spreads


def test_runs_that_failed_or_ended_before_are_left_out() -> None:
    lab = make.LabFactory.create()
    graded(lab, executed=1, minutes_ago=61)
    make.GradingRunFactory.create(
        submission__release__lab=lab,
        status=GradingStatus.FAILED,
        outcome="",
        phase_seconds={"executed": 5},
        finished_at=NOW,
    )
    times = find_grading_times(NOW - HOUR)
    assert (times.of_all.count, times.of_labs) == (0, {})


def test_runs_of_every_outcome_count() -> None:
    make.GradingRunFactory.create(outcome=GradingOutcome.TIMEOUT, finished_at=NOW)
    assert find_grading_times(NOW - HOUR).of_all.count == 1


def test_of_very_many_runs_the_newest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make.LabFactory.create()
    for minutes in range(1, 6):
        graded(lab, executed=minutes, minutes_ago=minutes)
    assert not find_grading_times(NOW - HOUR).is_sample

    monkeypatch.setattr(grading_times, "SAMPLE", 3)
    times = find_grading_times(NOW - HOUR)
    assert times.is_sample
    assert times.since == NOW - timedelta(minutes=3)
    assert times.of_all.count == 3
    assert times.of_all.spreads["executed"] == Spread(2, 3)


def test_what_is_usual_is_said_of_all_labs_together() -> None:
    assert find_usual_seconds(NOW - HOUR) is None
    for total in (2, 4, 6):
        graded(make.LabFactory.create(), total=total)
    assert find_usual_seconds(NOW - HOUR) == Spread(4, 6)


def test_the_number_of_queries_does_not_grow(count_queries: Callable[[Callable[[], object]], int]) -> None:
    graded(make.LabFactory.create(), executed=1)
    few = count_queries(lambda: find_grading_times(NOW - HOUR))
    for lab in make.LabFactory.create_batch(3):
        graded(lab, executed=1)
        graded(lab, executed=2)
    assert count_queries(lambda: find_grading_times(NOW - HOUR)) == few
