"""How the graders of factories are."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.models import Factory
from labs.services.grader_health import find_grader_health
from labs.states import SessionStatus
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

    move_grader(newest, SessionStatus.FAILED, reason="spawn_rejected")
    (health,) = find_grader_health([hub.factory], {})
    assert health.since == newest.events.get().created_at
    assert (health.has_failed, health.reason) == (True, "spawn_rejected")


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
