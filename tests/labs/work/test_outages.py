"""A hub that does not answer: when that is an outage, who still asks it, and what happens when it is back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from labs.exceptions import HubUnavailableError
from labs.models import Hub, HubOutage, LabSession
from labs.states import SessionStatus
from labs.work.connections import connect_for_sweep, connect_hub, connect_workspace
from labs.work.outages import PROBE_EVERY, SILENT_FOR, note_answer, note_silence
from labs.work.reconciling import (
    CALM_SWEEP_EVERY,
    STARTS_PER_SWEEP,
    find_due_hubs,
    find_rest,
    reconcile_sessions,
)
from labs.work.spawning import ensure_spawned
from tests.factories import labs as make
from tests.fakes.hub import FakeHub, UnavailableHub

pytestmark = pytest.mark.django_db

MOMENT = timedelta(seconds=1)


@pytest.fixture
def hub() -> Hub:
    return make.HubFactory.create(factory__slug="kajaani", answered_at=timezone.now())


@pytest.fixture
def down(hub: Hub) -> Hub:
    """Down for a minute."""
    hub.down_since = timezone.now() - timedelta(minutes=1)
    hub.probe_at = timezone.now()
    hub.save()
    return hub


def sweep(hub: Hub, fake: FakeHub) -> Any:
    return reconcile_sessions(hub.pk, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]


def test_a_silence_of_seconds_is_no_outage(hub: Hub) -> None:
    began = timezone.now()
    for now in (began, began + SILENT_FOR - MOMENT):
        note_silence(hub, now, now)
        hub.refresh_from_db()
        assert hub.down_since is None
    note_answer(hub, began + SILENT_FOR)
    hub.refresh_from_db()
    assert (hub.down_since, hub.probe_at, hub.answered_at) == (None, None, began + SILENT_FOR)
    assert not HubOutage.objects.exists()


def test_a_longer_silence_is_an_outage_since_it_began(hub: Hub) -> None:
    began = timezone.now()
    for now in (began, began + SILENT_FOR):
        note_silence(hub, now, now)
        hub.refresh_from_db()
    assert hub.down_since == began


def test_a_hub_that_lets_us_wait_is_down_after_one_question(hub: Hub) -> None:
    asked_at = timezone.now()
    note_silence(hub, asked_at, asked_at + SILENT_FOR)
    hub.refresh_from_db()
    assert hub.down_since == asked_at


@pytest.mark.parametrize(
    ("down_for", "pause"),
    [(timedelta(seconds=1), PROBE_EVERY[0]), (timedelta(hours=1), PROBE_EVERY[1])],
)
def test_it_is_asked_ever_more_rarely(hub: Hub, down_for: timedelta, pause: timedelta) -> None:
    now = timezone.now()
    hub.down_since = now - down_for
    hub.save()
    note_silence(hub, now, now)
    hub.refresh_from_db()
    assert hub.probe_at == now + pause


def test_the_first_answer_ends_an_outage_and_writes_it_down(down: Hub) -> None:
    now = timezone.now()
    assert note_answer(down, now)
    outage = HubOutage.objects.get()
    assert (outage.hub, outage.began_at, outage.ended_at) == (down, down.down_since, now)
    assert not note_answer(down, now)
    down.refresh_from_db()
    assert (down.down_since, down.probe_at) == (None, None)


def test_a_sweep_without_an_answer_notes_it(hub: Hub) -> None:
    Hub.objects.update(probe_at=timezone.now() - SILENT_FOR)
    sweep(hub, UnavailableHub())
    hub.refresh_from_db()
    assert hub.down_since is not None


def test_a_hub_that_cannot_be_asked_is_as_silent(hub: Hub, settings: Settings) -> None:
    settings.HUB_TOKENS = {}
    Hub.objects.update(probe_at=timezone.now() - SILENT_FOR)
    reconcile_sessions(hub.pk)
    hub.refresh_from_db()
    assert hub.down_since is not None


def test_nobody_but_a_sweep_asks_a_hub_that_is_down(down: Hub) -> None:
    session = make.LabSessionFactory.create(hub=down)
    with pytest.raises(HubUnavailableError):
        connect_hub(down)
    with pytest.raises(HubUnavailableError), connect_workspace(session):
        pass
    connect_for_sweep(down).close()


def test_a_start_is_kept_while_its_hub_is_down(down: Hub) -> None:
    session, fake = make.LabSessionFactory.create(hub=down), FakeHub()
    ensure_spawned(session.pk, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]
    session.refresh_from_db()
    assert (session.status, session.asked_at, fake.calls) == (SessionStatus.REQUESTED, None, [])
    assert [event.reason for event in session.events.all()] == ["hub_down"]


def test_the_sweep_that_meets_the_answer_sends_everything_on_at_once(down: Hub) -> None:
    now = timezone.now()
    kept = make.LabSessionFactory.create(hub=down, sent_at=now)
    stopping = make.LabSessionFactory.create(hub=down, status=SessionStatus.STOPPING, sent_at=now)
    fake = FakeHub(looks=5)
    start(fake, stopping)
    found = sweep(down, fake)
    assert (found.starts, found.stops) == ([kept.pk], [stopping.pk])


def test_starts_that_waited_for_a_hub_are_sent_at_a_bounded_pace(down: Hub) -> None:
    sessions = [
        make.LabSessionFactory.create(hub=down, requested_at=timezone.now() - timedelta(minutes=9 - minute))
        for minute in range(2)
        for _ in range(STARTS_PER_SWEEP)
    ]
    LabSession.objects.update(sent_at=timezone.now() - timedelta(minutes=1))
    first, second = sweep(down, FakeHub()), sweep(down, FakeHub())
    assert len(first.starts) == len(second.starts) == STARTS_PER_SWEEP
    assert sorted(first.starts + second.starts) == sorted(session.pk for session in sessions)


@pytest.mark.parametrize(
    ("answered_ago", "status", "is_due"),
    [
        (timedelta(0), None, False),
        (timedelta(0), SessionStatus.READY, False),
        (timedelta(0), SessionStatus.REQUESTED, True),
        (timedelta(0), SessionStatus.SPAWNING, True),
        (timedelta(0), SessionStatus.STOPPING, True),
        (CALM_SWEEP_EVERY, None, True),
    ],
)
def test_a_hub_is_asked_often_only_while_somebody_waits(
    hub: Hub, answered_ago: timedelta, status: SessionStatus | None, is_due: bool
) -> None:
    now = timezone.now()
    Hub.objects.update(answered_at=now - answered_ago)
    if status:
        make.LabSessionFactory.create(hub=hub, status=status)
    assert find_due_hubs(now) == ([(hub.pk, "kajaani")] if is_due else [])


@pytest.mark.parametrize(("probe_in", "is_due"), [(MOMENT, False), (-MOMENT, True)])
def test_a_hub_that_is_down_is_asked_when_its_probe_is_due(
    down: Hub, probe_in: timedelta, is_due: bool
) -> None:
    now = timezone.now()
    Hub.objects.update(probe_at=now + probe_in)
    make.LabSessionFactory.create(hub=down)
    assert bool(find_due_hubs(now)) == is_due


def test_a_hub_that_is_being_asked_is_not_asked_once_more(hub: Hub) -> None:
    now = timezone.now()
    Hub.objects.update(sweep_claimed_at=now, answered_at=None)
    assert find_due_hubs(now) == []


@pytest.mark.parametrize(("took", "rest"), [(0.1, 0), (1, 2)])
def test_a_hub_that_answers_slowly_has_a_rest_between_questions(hub: Hub, took: float, rest: float) -> None:
    now = timezone.now()
    Hub.objects.update(answered_at=None, sweep_claimed_at=find_rest(timedelta(seconds=took), now))
    assert bool(find_due_hubs(now)) == (rest == 0)
    assert find_due_hubs(now + timedelta(seconds=rest, milliseconds=1))


def test_which_hubs_are_due_is_one_query(hub: Hub, count_queries: Any) -> None:
    make.HubFactory.create()
    assert count_queries(lambda: find_due_hubs(datetime.now(tz=timezone.get_current_timezone()))) == 1


def start(fake: FakeHub, session: LabSession) -> None:
    fake.ensure_user(session.learner.hub_name)
    fake.ensure_server(session.learner.hub_name, session.server_name, {})
