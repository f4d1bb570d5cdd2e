"""What the top bar tells a factory's staff of the grading."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from courses.models import Factory
from labs.models import Submission
from labs.services.grading_alarm import CACHE_KEY, GradingAlarm, find_grading_alarm
from labs.states import GradingStatus, SessionStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def fail() -> Submission:
    run = make.GradingRunFactory.create(status=GradingStatus.FAILED, outcome="", reason="grading_failed")
    submission: Submission = run.submission
    return submission


def alarm(*factories: Factory) -> GradingAlarm:
    cache.delete(CACHE_KEY)
    return find_grading_alarm(Factory.objects.filter(pk__in=[factory.pk for factory in factories]))


def test_nobody_is_called_while_all_goes_its_way() -> None:
    run = make.GradingRunFactory.create()
    assert not alarm(run.submission.enrolment.cohort.factory)


def test_staff_are_called_for_attempts_of_their_factory_that_were_not_graded() -> None:
    own, elsewhere = (fail().enrolment.cohort.factory for _ in range(2))
    assert alarm(own) == GradingAlarm(ungraded=1)
    assert alarm(own, elsewhere) == GradingAlarm(ungraded=2)
    assert not alarm()


def test_all_staff_are_called_where_no_worker_grades() -> None:
    make.GradingRunFactory.create(
        status=GradingStatus.QUEUED,
        outcome="",
        finished_at=None,
        in_line_since=timezone.now() - timedelta(minutes=5),
    )
    assert alarm() == GradingAlarm(is_stopped=True)
    assert alarm()


def test_staff_are_called_where_work_waits_for_a_grader_of_theirs_that_has_failed() -> None:
    hub = make.HubFactory.create()
    make.GraderFactory.create(hub=hub, status=SessionStatus.FAILED, reason="grader_not_started")
    make.GradingRunFactory.create(
        status=GradingStatus.QUEUED, outcome="", finished_at=None, factory=hub.factory
    )
    assert alarm(hub.factory) == GradingAlarm(has_failed_grader=True)
    assert alarm(hub.factory)
    assert not alarm(make_courses.FactoryFactory.create())


def test_what_was_seen_a_moment_ago_is_not_looked_for_again(django_assert_num_queries: object) -> None:
    everywhere = Factory.objects.all()
    find_grading_alarm(everywhere)
    fail()
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert not find_grading_alarm(everywhere)
    cache.delete(CACHE_KEY)
    assert find_grading_alarm(everywhere)
