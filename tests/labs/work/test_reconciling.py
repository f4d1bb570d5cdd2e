"""The sweep: what one look at a hub means for each session."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Cohort, Enrolment
from courses.states import EnrolmentStatus
from labs.exceptions import HubUnavailableError, SpawnRejectedError
from labs.jupyterhub import ServerModel
from labs.models import Hub, LabSession
from labs.states import SessionStatus
from labs.work.reconciling import (
    KEEP_START_FOR,
    SWEEP_LEASE,
    Sweep,
    reconcile_sessions,
)
from labs.work.walltime import STOP_BEFORE_END
from tests.factories import labs as make
from tests.fakes.hub import FakeHub, NeverReadyHub, UnavailableHub
from tests.labs.work.conftest import LONG_AGO, server_of, session_in

pytestmark = pytest.mark.django_db


def connect_to(fake: FakeHub) -> Callable[[Hub], Any]:
    return lambda _hub: fake


def test_a_learner_reads_once_that_their_start_was_sent_again() -> None:
    session = session_in(SessionStatus.REQUESTED, timezone.now())
    for _ in range(2):
        LabSession.objects.update(sent_at=timezone.now() - LONG_AGO)
        assert reconcile_sessions(session.hub_id, connect=connect_to(FakeHub())).starts == [session.pk]
    assert [event.reason for event in session.events.all()] == ["sent_again"]


def test_a_ready_server_gets_its_files_from_one_worker_at_a_time() -> None:
    fake = FakeHub()
    session = session_in(SessionStatus.SPAWNING, timezone.now(), asked_at=timezone.now() - LONG_AGO)
    start(fake, session)

    first = reconcile_sessions(session.hub_id, connect=connect_to(fake))
    second = reconcile_sessions(session.hub_id, connect=connect_to(fake))
    assert not session.events.filter(reason="sent_again").exists()
    LabSession.objects.update(delivery_claimed_at=timezone.now() - LONG_AGO)
    third = reconcile_sessions(session.hub_id, connect=connect_to(fake))

    assert (first.deliveries, second.deliveries, third.deliveries) == ([session.pk], [], [session.pk])
    assert session.events.filter(reason="sent_again").count() == 1  # the learner reads why it takes longer


def test_a_lost_server_fails_its_session_and_is_forgotten() -> None:
    fake = FakeHub()
    session = session_in(SessionStatus.READY, timezone.now(), ready_at=timezone.now() - LONG_AGO)
    start(fake, session)
    reconcile_sessions(session.hub_id, connect=connect_to(fake))
    session.refresh_from_db()
    assert session.status == SessionStatus.READY

    fake.lose_server(session.learner.hub_name, session.server_name)
    sweep = reconcile_sessions(session.hub_id, connect=connect_to(fake))

    session.refresh_from_db()
    assert (session.status, session.reason) == (SessionStatus.FAILED, "server_lost")
    assert sweep.stops == [session.pk]


@pytest.mark.parametrize(
    ("was_silent", "to"), [(True, SessionStatus.SPAWNING), (False, SessionStatus.FAILED)]
)
def test_a_start_that_a_hub_lost_when_it_was_started_anew_is_asked_for_again(
    was_silent: bool, to: SessionStatus
) -> None:
    now = timezone.now()
    session = session_in(SessionStatus.SPAWNING, now, asked_at=now - LONG_AGO)
    Hub.objects.update(probe_at=now - timedelta(seconds=3) if was_silent else None)
    sweep = reconcile_sessions(session.hub_id, connect=connect_to(FakeHub()))
    session.refresh_from_db()
    assert (session.status, session.asked_at is None) == (to, was_silent)
    assert sweep.starts == ([session.pk] if was_silent else [])
    assert session.events.filter(reason="asked_again").exists() == was_silent

    LabSession.objects.update(asked_at=now - LONG_AGO)  # asked again, and gone again: once more is no help
    reconcile_sessions(session.hub_id, connect=connect_to(FakeHub()))
    session.refresh_from_db()
    assert session.status == SessionStatus.FAILED


@pytest.mark.parametrize("status", [SessionStatus.READY, SessionStatus.STOPPING])
def test_a_server_missing_from_the_list_alone_ends_nobodys_session(status: SessionStatus) -> None:
    class ForgetfulHub(FakeHub):
        def list_servers(self) -> dict[tuple[str, str], ServerModel]:
            return {}

    fake = ForgetfulHub()
    session = session_in(status, timezone.now(), ready_at=timezone.now() - LONG_AGO)
    start(fake, session)
    reconcile_sessions(session.hub_id, connect=connect_to(fake))
    session.refresh_from_db()
    assert session.status == status


@pytest.mark.parametrize("status", [SessionStatus.SPAWNING, SessionStatus.READY, SessionStatus.STOPPING])
def test_no_answer_moves_nothing(status: SessionStatus) -> None:
    long_ago = timezone.now() - LONG_AGO
    session = session_in(status, timezone.now(), asked_at=long_ago, ready_at=long_ago)
    sweep = reconcile_sessions(session.hub_id, connect=connect_to(UnavailableHub()))
    session.refresh_from_db()
    assert session.status == status
    assert (sweep.starts, sweep.deliveries, sweep.stops) == ([], [], [])


def test_a_stop_ends_when_the_server_is_gone() -> None:
    session = session_in(SessionStatus.STOPPING, timezone.now())
    reconcile_sessions(session.hub_id, connect=connect_to(FakeHub()))
    session.refresh_from_db()
    assert session.status == SessionStatus.STOPPED
    assert session.ended_at is not None


def test_a_forgotten_stop_is_sent_again_once() -> None:
    fake = NeverReadyHub()
    session = session_in(SessionStatus.STOPPING, timezone.now())
    start(fake, session)
    first = reconcile_sessions(session.hub_id, connect=connect_to(fake))
    second = reconcile_sessions(session.hub_id, connect=connect_to(fake))
    assert (first.stops, second.stops) == ([session.pk], [])


def test_a_server_that_nobody_owns_is_ended() -> None:
    fake = FakeHub()
    session = session_in(SessionStatus.STOPPED, timezone.now())
    start(fake, session)
    reconcile_sessions(session.hub_id, connect=connect_to(fake))
    assert ("ensure_stopped", session.learner.hub_name, session.server_name) in fake.calls


@pytest.mark.parametrize(("user", "name"), [("p-1f00ba12", "grading"), ("Grader", "s-1f00ba12")])
def test_a_server_that_paja_did_not_start_hinders_nobody(user: str, name: str) -> None:
    fake = FakeHub()
    session = session_in(SessionStatus.SPAWNING, timezone.now(), asked_at=timezone.now() - LONG_AGO)
    start(fake, session)
    strange = replace(server_of(session, is_ready=True), user=user, name=name)
    fake.list_servers = lambda: {**FakeHub.list_servers(fake), (user, name): strange}  # type: ignore[method-assign]

    sweep = reconcile_sessions(session.hub_id, connect=connect_to(fake))

    assert sweep.deliveries == [session.pk]
    assert ("ensure_stopped", user, "grading") not in fake.calls


@pytest.mark.parametrize("fault", [HubUnavailableError, SpawnRejectedError])
def test_a_question_without_an_answer_costs_nobody_else_their_step(fault: type[Exception]) -> None:
    class ForgetfulHub(FakeHub):
        def find_server(self, user: str, server: str) -> ServerModel | None:
            raise fault

    now = timezone.now()
    lost = session_in(SessionStatus.READY, now, ready_at=now - LONG_AGO)
    waiting = session_in(SessionStatus.REQUESTED, now, hub=lost.hub, requested_at=now - 2 * LONG_AGO)

    sweep = reconcile_sessions(lost.hub_id, connect=connect_to(ForgetfulHub()))

    lost.refresh_from_db()
    assert (lost.status, sweep.starts) == (SessionStatus.READY, [waiting.pk])


def test_a_hub_that_refuses_our_token_moves_nothing() -> None:
    class RefusingHub(FakeHub):
        def list_servers(self) -> dict[tuple[str, str], ServerModel]:
            raise SpawnRejectedError("403")

    session = session_in(SessionStatus.REQUESTED, timezone.now())
    assert reconcile_sessions(session.hub_id, connect=connect_to(RefusingHub())) == Sweep()


def test_sweeps_do_not_pile_up_before_a_slow_hub() -> None:
    session = session_in(SessionStatus.REQUESTED, timezone.now())
    inner: list[Sweep] = []

    class SlowHub(FakeHub):
        def list_servers(self) -> dict[tuple[str, str], ServerModel]:
            inner.append(reconcile_sessions(session.hub_id, connect=connect_to(FakeHub())))
            return {}

    assert reconcile_sessions(session.hub_id, connect=connect_to(SlowHub())).starts == [session.pk]
    assert inner == [Sweep()]


def test_a_sweep_whose_worker_died_is_followed_by_another() -> None:
    session = session_in(SessionStatus.REQUESTED, timezone.now())
    Hub.objects.update(sweep_claimed_at=timezone.now() - SWEEP_LEASE)
    assert reconcile_sessions(session.hub_id, connect=connect_to(FakeHub())).starts == [session.pk]


def test_a_hub_that_has_the_server_was_asked_whoever_died_over_it() -> None:
    fake = NeverReadyHub()
    session = session_in(SessionStatus.SPAWNING, timezone.now())
    start(fake, session)
    reconcile_sessions(session.hub_id, connect=connect_to(fake))
    session.refresh_from_db()
    assert session.asked_at is not None


# --- What our own rows decide ----------------------------------------------------------------------------


@pytest.mark.parametrize("fake", [FakeHub(looks=9), UnavailableHub()])
def test_a_session_whose_time_is_over_is_stopped_early_enough_to_be_saved(fake: FakeHub) -> None:
    now = timezone.now()
    over = session_in(SessionStatus.READY, now, ready_at=now, ends_at=now + STOP_BEFORE_END)
    other = session_in(
        SessionStatus.READY, now, hub=over.hub, ready_at=now, ends_at=now + STOP_BEFORE_END + LONG_AGO
    )
    for session in (over, other):
        FakeHub.ensure_user(fake, session.learner.hub_name)
        FakeHub.ensure_server(fake, session.learner.hub_name, session.server_name, {})
    sweep = reconcile_sessions(over.hub_id, connect=connect_to(fake))
    over.refresh_from_db()
    other.refresh_from_db()
    assert (over.status, over.stop_reason, sweep.stops) == (SessionStatus.STOPPING, "time_over", [over.pk])
    assert other.status == SessionStatus.READY


@pytest.mark.parametrize("status", [SessionStatus.REQUESTED, SessionStatus.SPAWNING, SessionStatus.READY])
def test_who_has_left_the_cohort_keeps_no_session(status: SessionStatus) -> None:
    now = timezone.now()
    session = session_in(status, now, ready_at=now)
    Enrolment.objects.update(status=EnrolmentStatus.WITHDRAWN)
    assert reconcile_sessions(session.hub_id, connect=connect_to(UnavailableHub())).stops == [session.pk]
    session.refresh_from_db()
    assert (session.status, session.stop_reason) == (SessionStatus.STOPPING, "withdrawn")


def test_a_cohort_that_is_over_has_no_sessions() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.READY, now, ready_at=now)
    Cohort.objects.update(starts_at=now - timedelta(days=2), ends_at=now)
    reconcile_sessions(session.hub_id, connect=connect_to(UnavailableHub()))
    session.refresh_from_db()
    assert (session.status, session.stop_reason) == (SessionStatus.STOPPING, "cohort_over")


def test_who_has_completed_the_course_may_go_on() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.READY, now, ready_at=now)
    Enrolment.objects.update(status=EnrolmentStatus.COMPLETED)
    reconcile_sessions(session.hub_id, connect=connect_to(UnavailableHub()))
    session.refresh_from_db()
    assert session.status == SessionStatus.READY


def test_an_authors_session_needs_no_enrolment() -> None:
    now = timezone.now()
    session = session_in(SessionStatus.READY, now, ready_at=now)
    LabSession.objects.update(enrolment=None)
    reconcile_sessions(session.hub_id, connect=connect_to(UnavailableHub()))
    session.refresh_from_db()
    assert session.status == SessionStatus.READY


@pytest.mark.parametrize(
    ("status", "asked", "age", "to"),
    [
        (SessionStatus.REQUESTED, False, KEEP_START_FOR, SessionStatus.FAILED),
        (SessionStatus.SPAWNING, False, KEEP_START_FOR, SessionStatus.FAILED),
        (SessionStatus.REQUESTED, False, KEEP_START_FOR - LONG_AGO, SessionStatus.REQUESTED),
        (SessionStatus.SPAWNING, True, KEEP_START_FOR, SessionStatus.SPAWNING),
    ],
)
def test_a_start_is_kept_for_half_a_day(
    status: SessionStatus, asked: bool, age: timedelta, to: SessionStatus
) -> None:
    now = timezone.now()
    session = session_in(status, now, requested_at=now - age, asked_at=now - age if asked else None)
    reconcile_sessions(session.hub_id, connect=connect_to(UnavailableHub()))
    session.refresh_from_db()
    assert session.status == to
    assert session.reason == ("kept_too_long" if to == SessionStatus.FAILED else "")


def test_how_many_queries_a_sweep_takes_does_not_grow_with_its_sessions(count_queries: Any) -> None:
    now = timezone.now()
    fake = FakeHub()

    def add_sessions(count: int) -> None:
        for _ in range(count):
            session = session_in(
                SessionStatus.READY, now, hub=hub, asked_at=now, ready_at=now, active_at=now, visited_at=now
            )
            start(fake, session)

    def sweep() -> None:
        Hub.objects.update(queue_read_at=None)
        reconcile_sessions(hub.pk, connect=connect_to(fake))

    hub = make.HubFactory.create()
    add_sessions(2)
    few = count_queries(sweep)
    add_sessions(10)
    assert count_queries(sweep) == few


def start(fake: FakeHub, session: LabSession) -> None:
    fake.ensure_user(session.learner.hub_name)
    fake.ensure_server(session.learner.hub_name, session.server_name, {})
