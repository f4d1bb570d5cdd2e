"""How the grading of a submission went, run by run."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labs.models import GradingRun
from labs.services.run_history import PHASE_WORDS, find_run_history
from labs.states import GradingStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOW = timezone.now()
MINUTE = timedelta(minutes=1)


def test_phases_stand_in_their_order_and_in_words() -> None:
    run = make.GradingRunFactory.create(
        queued_at=NOW - MINUTE,
        finished_at=NOW,
        phase_seconds={"rendered": 0.3, "queued": 1.2, "executed": 2.3, "older_name": 9},
    )
    (history,) = find_run_history(run.submission)
    assert [(str(words), seconds) for words, seconds in history.phases] == [
        ("waited", 1.2),
        ("ran", 2.3),
        ("made the feedback", 0.3),
    ]
    assert history.seconds == 60
    assert not history.is_regrade
    assert set(PHASE_WORDS) == {"queued", "prepared", "executed", "scored", "rendered"}


def test_every_run_of_a_submission_is_told_the_newest_first() -> None:
    lost = make.GradingRunFactory.create(
        status=GradingStatus.FAILED, outcome="", reason="worker_lost", queued_at=NOW - 3 * MINUTE
    )
    anew = make.GradingRunFactory.create(
        submission=lost.submission,
        status=GradingStatus.QUEUED,
        outcome="",
        finished_at=None,
        queued_at=NOW - MINUTE,
        lane=GradingRun.Lane.REGRADES,
    )
    make.GradingRunFactory.create()
    first, second = find_run_history(lost.submission)
    assert (first.run, first.is_regrade, first.seconds, first.fault, first.phases) == (
        anew,
        True,
        None,
        "",
        (),
    )
    assert (second.run, second.fault) == (lost, "The worker ended while it graded")


def test_the_runs_cost_one_query(django_assert_num_queries: object) -> None:
    run = make.GradingRunFactory.create()
    make.GradingRunFactory.create(submission=run.submission)
    with django_assert_num_queries(1):  # type: ignore[operator]
        for history in find_run_history(run.submission):
            assert history.run.release.number
            assert history.run.factory is None
