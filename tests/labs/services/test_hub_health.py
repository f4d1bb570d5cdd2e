"""What staff see of their factory's hub."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from courses.models import Factory
from labs.models import Hub, HubOutage, LabSession, Workspace
from labs.services.hub_health import FAILURES_OF, OUTAGES_OF, OUTAGES_SHOWN, HubHealth, find_hub_health
from labs.states import SessionStatus
from labs.work.outages import note_answer_seconds
from labs.work.visiting import SILENT
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def hub() -> Hub:
    return make.HubFactory.create(answered_at=timezone.now())


def health_of(hub: Hub) -> HubHealth:
    (health,) = find_hub_health([hub.factory], timezone.now())
    return health


def test_a_hub_that_answers_and_has_nothing_to_tell(hub: Hub) -> None:
    health = health_of(hub)
    assert health.is_answering
    assert (health.answering_since, health.sessions, health.failures) == (None, {}, ())
    assert (health.waiting_starts.count, health.silent_servers.count) == (0, 0)


def test_a_hub_that_is_down_since_a_while(hub: Hub) -> None:
    Hub.objects.update(down_since=timezone.now() - HOUR)
    HubOutage.objects.create(hub=hub, began_at=timezone.now() - 3 * HOUR, ended_at=timezone.now() - 2 * HOUR)
    health = health_of(hub)
    assert not health.is_answering
    assert health.answering_since is None
    assert health.hub.down_since is not None


def test_the_newest_outages_are_told(hub: Hub) -> None:
    now = timezone.now()
    for hours in [*range(2, 10), 24 * OUTAGES_OF.days + 2]:
        HubOutage.objects.create(hub=hub, began_at=now - hours * HOUR, ended_at=now - (hours - 1) * HOUR)
    health = health_of(hub)
    assert [outage.began_at for outage in health.outages] == [
        now - hours * HOUR for hours in range(2, 2 + OUTAGES_SHOWN)
    ]
    assert health.answering_since == now - HOUR


def test_how_long_an_answer_took(hub: Hub) -> None:
    assert health_of(hub).answer_seconds is None
    now = timezone.now()
    note_answer_seconds(hub, now + timedelta(seconds=11), 0.25)
    assert health_of(hub).answer_seconds == 0.25


def test_an_answer_is_not_kept_for_each_of_many_sweeps(hub: Hub) -> None:
    assert hub.answered_at is not None
    hub.answered_at = hub.answered_at.replace(second=21, microsecond=0)
    note_answer_seconds(hub, hub.answered_at.replace(second=29), 0.25)
    assert health_of(hub).answer_seconds is None


def test_sessions_by_state_starts_that_wait_and_failures_by_reason(hub: Hub) -> None:
    now = timezone.now()
    rows: list[tuple[SessionStatus, dict[str, Any]]] = [
        (SessionStatus.REQUESTED, {"requested_at": now - HOUR}),
        (SessionStatus.SPAWNING, {"requested_at": now - 2 * HOUR}),
        (SessionStatus.SPAWNING, {"requested_at": now - 3 * HOUR, "asked_at": now}),
        (SessionStatus.READY, {}),
        (SessionStatus.STOPPED, {"ended_at": now}),
        (SessionStatus.FAILED, {"ended_at": now - HOUR, "reason": "server_lost"}),
        (SessionStatus.FAILED, {"ended_at": now - HOUR, "reason": "spawn_rejected"}),
        (SessionStatus.FAILED, {"ended_at": now - HOUR, "reason": "server_lost"}),
        (SessionStatus.FAILED, {"ended_at": now - FAILURES_OF - HOUR, "reason": "spawn_rejected"}),
    ]
    for status, fields in rows:
        make.LabSessionFactory.create(hub=hub, status=status, **fields)
    health = health_of(hub)
    assert health.sessions == {SessionStatus.REQUESTED: 1, SessionStatus.SPAWNING: 2, SessionStatus.READY: 1}
    assert (health.waiting_starts.count, health.waiting_starts.since) == (2, now - 2 * HOUR)
    assert [(failure.reason, failure.count) for failure in health.failures] == [
        ("server_lost", 2),
        ("spawn_rejected", 1),
    ]
    assert health.failures[0].sentence


def test_servers_that_cannot_be_visited(hub: Hub) -> None:
    now = timezone.now()
    silent = make.LabSessionFactory.create(hub=hub, status=SessionStatus.READY)
    make.LabSessionFactory.create(hub=hub, status=SessionStatus.READY)
    Workspace.objects.filter(sessions=silent).update(unsaved_reason=SILENT, unsaved_since=now - HOUR)
    health = health_of(hub)
    assert (health.silent_servers.count, health.silent_servers.since) == (1, now - HOUR)
    LabSession.objects.update(status=SessionStatus.STOPPED)
    assert health_of(hub).silent_servers.count == 0


def test_nothing_is_told_of_another_factorys_hub(hub: Hub) -> None:
    other = make.HubFactory.create()
    make.LabSessionFactory.create(hub=other)
    assert [health.hub for health in find_hub_health([hub.factory], timezone.now())] == [hub]
    assert health_of(hub).sessions == {}


def test_the_number_of_queries_does_not_grow_with_the_hubs(hub: Hub, count_queries: Any) -> None:
    def look() -> object:
        return find_hub_health(Factory.objects.all(), timezone.now())

    one = count_queries(look)
    for _ in range(3):
        make.LabSessionFactory.create()
    assert count_queries(look) == one
