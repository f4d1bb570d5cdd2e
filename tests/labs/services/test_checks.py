"""What a check has come to: the newest result, and how many visible tests pass."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.models import LabRelease, Submission
from labs.services.attempts import find_attempts
from labs.services.checks import CheckResult, find_check_result
from labs.services.visible_tests import has_visible_tests
from labs.states import GradingStatus
from tests.factories import labs as make
from tests.labs.released import show_tests

pytestmark = pytest.mark.django_db


def make_result(*cells: dict[str, Any], minutes_ago: int = 0) -> Submission:
    """A check that was finished with these cells."""
    pressed_at = timezone.now() - timedelta(minutes=minutes_ago)
    run = make.GradingRunFactory.create(submission=make.CheckFactory.create(pressed_at=pressed_at))
    for cell in cells:
        make.CellGradeFactory.create(run=run, **cell)
    checked: Submission = run.submission
    return checked


def find_result() -> CheckResult | None:
    return find_check_result(find_attempts(Submission.objects.all()))


def test_a_test_passes_with_all_its_points_and_no_message() -> None:
    make_result(
        {"auto_score": 3},
        {"auto_score": 1},
        {"auto_score": 0, "was_run": False},
        {"auto_score": None},
        {"auto_score": 0, "max_score": 0},
        {"auto_score": 0, "max_score": 0, "message": "There is none."},
    )
    result = find_result()
    assert result is not None
    assert (result.passed, result.tested, result.is_full) == (2, 6, False)


def test_the_newest_result_counts_however_many_checks_came_to_nothing_since() -> None:
    make_result({"auto_score": 0}, minutes_ago=9)
    newest = make_result({"auto_score": 3}, minutes_ago=5)
    make.GradingRunFactory.create(submission=make.CheckFactory.create(), status=GradingStatus.FAILED)
    result = find_result()
    assert result is not None
    assert (result.check.submission, result.is_full) == (newest, True)


def test_without_a_result_there_is_none() -> None:
    make.GradingRunFactory.create(submission=make.CheckFactory.create(), status=GradingStatus.QUEUED)
    assert find_result() is None


def test_a_lab_shows_tests_where_one_of_its_notebooks_does() -> None:
    release: LabRelease = make.LabReleaseFactory.create()
    assert not has_visible_tests(release)
    show_tests(release)
    assert has_visible_tests(release)
    show_tests(release, "# Tested when you submit.")
    assert not has_visible_tests(release)
