"""How the graders of factories are."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.models import Factory
from labs.models import Grader, Hub, Lab
from labs.services.grader_health import find_grader_health, find_troubled_factories
from labs.states import GradingStatus, SessionStatus
from labs.transitions import move_grader
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


def test_a_factory_without_labs_for_gpus_is_not_named() -> None:
    assert find_grader_health([make_courses.FactoryFactory.create()], {}) == []


def test_work_that_waits_for_a_grader_that_never_was_is_told() -> None:
    factory = make_courses.FactoryFactory.create()
    (health,) = find_grader_health([factory], {factory.pk: 3})
    assert (health.waiting, health.grader, health.since, health.has_failed) == (3, None, None, False)


def test_the_newest_grader_is_told_with_its_last_move() -> None:
    hub = make.HubFactory.create()
    make.GraderFactory.create(
        hub=hub, status=SessionStatus.FAILED, requested_at=timezone.now() - timedelta(hours=2)
    )
    newest = make.GraderFactory.create(hub=hub, status=SessionStatus.REQUESTED)
    (health,) = find_grader_health([hub.factory], {})
    assert (health.grader, health.since, health.reason) == (newest, newest.requested_at, "")

    move_grader(newest, SessionStatus.FAILED, reason="grader_lost")
    (health,) = find_grader_health([hub.factory], {})
    assert health.since == newest.events.get().created_at
    assert (health.has_failed, health.reason) == (True, "grader_lost")


def test_graders_of_other_factories_are_not_told() -> None:
    own = make.GraderFactory.create(status=SessionStatus.READY).hub.factory
    make.GraderFactory.create(status=SessionStatus.READY)
    found = find_grader_health([own], {Factory.objects.exclude(pk=own.pk).get().pk: 1})
    assert [health.factory for health in found] == [own]


def test_the_number_of_queries_does_not_grow(django_assert_num_queries: object) -> None:
    make.GraderFactory.create_batch(3)
    factories = list(Factory.objects.all())
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(find_grader_health(factories, {})) == 3


def wait(factory: Factory | None) -> Lab:
    run = make.GradingRunFactory.create(
        status=GradingStatus.QUEUED, outcome="", finished_at=None, factory=factory
    )
    lab: Lab = run.submission.lab
    return lab


def begin(hub: Hub, status: SessionStatus, reason: str = "") -> Grader:
    grader: Grader = make.GraderFactory.create(hub=hub, status=status, reason=reason)
    return grader


def test_a_start_that_follows_one_that_failed_is_still_trouble_until_it_succeeds() -> None:
    hub = make.HubFactory.create()
    wait(hub.factory)
    assert not find_troubled_factories()

    begin(hub, SessionStatus.FAILED, "grader_not_started")
    assert find_troubled_factories() == {hub.factory_id}

    grader = begin(hub, SessionStatus.REQUESTED, "runs_wait")
    (health,) = find_grader_health([hub.factory], {hub.factory_id: 1})
    assert (health.has_failed, health.reason) == (False, "grader_not_started")
    assert find_troubled_factories() == {hub.factory_id}

    Grader.objects.filter(pk=grader.pk).update(status=SessionStatus.READY)
    assert not find_troubled_factories()


def test_a_start_after_a_grader_that_was_lost_or_stopped_is_no_trouble() -> None:
    hub = make.HubFactory.create()
    wait(hub.factory)
    begin(hub, SessionStatus.FAILED, "grader_lost")
    assert find_troubled_factories() == {hub.factory_id}
    begin(hub, SessionStatus.SPAWNING, "hub_asked")
    assert not find_troubled_factories()


def test_a_grader_that_nobody_waits_for_is_in_no_trouble() -> None:
    hub = make.HubFactory.create()
    begin(hub, SessionStatus.FAILED, "grader_not_started")
    wait(None)
    assert not find_troubled_factories()

    lab = wait(hub.factory)
    assert find_troubled_factories()
    make.GradingPauseFactory.create(lab=lab)
    assert not find_troubled_factories()
