"""Visits: when a session is due, what a visit does, and what a server that does not answer can hold up."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.blobs import store_files
from labs.exceptions import HubUnavailableError, ServerAnswerError, SpawnRejectedError
from labs.jupyterhub import KernelModel
from labs.models import LabSession, Snapshot
from labs.states import SessionStatus
from labs.work import visiting
from labs.work.connections import VISIT_BUDGET_SECONDS
from labs.work.new_files import Decision, note_decision
from labs.work.reconciling import DELIVERY_LEASE, VISITS_PER_SWEEP, reconcile_sessions
from labs.work.visiting import LONGEST_PAUSE, SILENT, find_next_visit, visit_session
from labs.work.workspaces import MAX_FILES
from tests.factories import labs as make
from tests.fakes.connections import answering, failing
from tests.fakes.hub import STARTED_AT, FakeHub, FakeServer, SilentContents

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
VISIT = timedelta(seconds=180)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def session(now: datetime) -> LabSession:
    return make.LabSessionFactory.create(
        status=SessionStatus.READY,
        asked_at=now - 30 * MINUTE,
        ready_at=now - 30 * MINUTE,
        active_at=now - 30 * MINUTE,
        ends_at=now + 300 * MINUTE,
        visited_at=now,
    )


def work_of(session: LabSession) -> dict[str, bytes]:
    return {f"{session.workspace.folder}/lab.ipynb": b"done"}


# --- When ----------------------------------------------------------------------------------------------


def test_a_session_is_visited_as_soon_as_it_is_ready(session: LabSession) -> None:
    session.visited_at = None
    assert find_next_visit(session) == session.ready_at


def test_then_every_few_minutes(session: LabSession, now: datetime) -> None:
    session.active_at = now
    assert find_next_visit(session) == now + VISIT


def test_and_when_there_is_something_to_say(session: LabSession, now: datetime) -> None:
    session.ends_at = now + 16 * MINUTE
    session.active_at = now
    assert find_next_visit(session) == now + MINUTE
    session.ends_at = now + 6 * MINUTE
    assert find_next_visit(session) == now + MINUTE
    session.ends_at = now + 100 * MINUTE
    session.active_at = now - 48 * MINUTE
    assert find_next_visit(session) == now + 2 * MINUTE
    session.active_at, session.warned_at = now - 59 * MINUTE, now - 9 * MINUTE
    assert find_next_visit(session) == now + MINUTE


def test_a_server_that_does_not_answer_is_visited_ever_more_rarely(
    session: LabSession, now: datetime
) -> None:
    session.active_at = now
    workspace = session.workspace
    workspace.unsaved_reason = SILENT
    pauses = []
    for silent_for in (0, 2, 10, 100):
        workspace.unsaved_since = now - silent_for * MINUTE
        pauses.append(find_next_visit(session) - now)
    assert pauses == [VISIT, VISIT, 10 * MINUTE, LONGEST_PAUSE]


def test_a_sweep_sends_a_bounded_number_and_the_longest_waiting_first(now: datetime) -> None:
    fake, sessions = FakeHub(), []
    hub = make.HubFactory.create(sessions_max=1000)
    for number in range(VISITS_PER_SWEEP + 2):
        ready_at = now - (60 - number) * MINUTE
        sessions.append(
            make.LabSessionFactory.create(
                hub=hub, status=SessionStatus.READY, asked_at=ready_at, ready_at=ready_at
            )
        )
        fake.ensure_user(sessions[-1].learner.hub_name)
        fake.ensure_server(sessions[-1].learner.hub_name, sessions[-1].server_name, {})
    first, second = (reconcile_sessions(hub.pk, connect=lambda _hub: fake) for _ in range(2))  # type: ignore[arg-type, return-value]
    assert first.visits == [session.pk for session in sessions[:VISITS_PER_SWEEP]]
    assert second.visits == [session.pk for session in sessions[VISITS_PER_SWEEP:]]


def test_a_server_that_is_not_ready_is_not_visited(session: LabSession) -> None:
    LabSession.objects.update(visited_at=None)
    fake = FakeHub(looks=10)
    fake.ensure_user(session.learner.hub_name)
    fake.ensure_server(session.learner.hub_name, session.server_name, {})
    assert reconcile_sessions(session.hub_id, connect=lambda _hub: fake).visits == []  # type: ignore[arg-type, return-value]


def test_a_visit_ends_long_before_a_lease() -> None:
    assert 2 * timedelta(seconds=VISIT_BUDGET_SECONDS) <= DELIVERY_LEASE


# --- What ----------------------------------------------------------------------------------------------


def test_a_visit_copies_the_work_and_leaves_a_notice(session: LabSession) -> None:
    server = FakeServer(work_of(session))
    assert not visit_session(session.pk, connect=answering(server))
    assert Snapshot.objects.get().cause == Snapshot.Cause.TIMER
    assert server.notices[0]["saved_at"] == STARTED_AT.isoformat()


def test_a_visit_brings_new_files_that_could_not_be_put_in_place_at_the_press(session: LabSession) -> None:
    newer = make.LabReleaseFactory.create(lab=session.lab, learner_files=store_files({"extra.py": b"more"}))
    assert session.enrolment is not None
    make.LabUnitFactory.create(unit__release=session.enrolment.cohort.release, release=newer)
    note_decision(session, Decision.WANTED, newer)
    server = FakeServer(work_of(session))
    assert not visit_session(session.pk, connect=answering(SilentContents()))
    assert not visit_session(session.pk, connect=answering(server))
    assert server.files[f"{session.workspace.folder}/extra.py"] == b"more"
    assert session.events.filter(reason=f"new_files_placed.{newer.number}").exists()


def test_new_files_that_we_have_lost_keep_no_work_from_being_copied(session: LabSession) -> None:
    newer = make.LabReleaseFactory.create(lab=session.lab, learner_files={"extra.py": "0" * 64})
    assert session.enrolment is not None
    make.LabUnitFactory.create(unit__release=session.enrolment.cohort.release, release=newer)
    note_decision(session, Decision.WANTED, newer)
    with pytest.raises(FileNotFoundError):
        visit_session(session.pk, connect=answering(FakeServer(work_of(session))))
    assert session.workspace.snapshots.exists()


def test_a_page_that_is_open_does_not_have_it_copied_more_often(session: LabSession) -> None:
    make.SnapshotFactory.create(workspace=session.workspace, session=session, cause=Snapshot.Cause.TIMER)
    visit_session(session.pk, connect=answering(FakeServer(work_of(session))))
    session.refresh_from_db()
    assert session.work_saved_at == STARTED_AT
    assert Snapshot.objects.count() == 1
    Snapshot.objects.update(created_at=timezone.now() - VISIT + timedelta(seconds=1))
    visit_session(session.pk, connect=answering(FakeServer(work_of(session))))
    assert Snapshot.objects.count() == 2


def test_what_kernels_do_is_noted(session: LabSession, now: datetime) -> None:
    server = FakeServer(work_of(session), [KernelModel(last_activity_at=now - MINUTE, is_busy=False)])
    visit_session(session.pk, connect=answering(server))
    session.refresh_from_db()
    assert session.active_at == now - MINUTE


def test_an_idle_session_is_told_so_in_jupyterlab_and_then_stopped(
    session: LabSession, now: datetime
) -> None:
    LabSession.objects.update(active_at=now - 55 * MINUTE, ready_at=now - 100 * MINUTE)
    server = FakeServer(work_of(session))
    assert not visit_session(session.pk, connect=answering(server))
    assert server.notices[-1]["level"] == "warning"
    LabSession.objects.update(active_at=now - 70 * MINUTE, warned_at=now - 11 * MINUTE)
    assert visit_session(session.pk, connect=answering(server))
    session.refresh_from_db()
    assert (session.status, session.stop_reason) == (SessionStatus.STOPPING, "idle")


def test_kernels_that_lie_keep_nobody_from_a_copy(session: LabSession) -> None:
    class TooManyKernels(FakeServer):
        def list_kernels(self) -> list[KernelModel]:
            raise ServerAnswerError("more than 100 kernels", reason="too_many_kernels")

    visit_session(session.pk, connect=answering(TooManyKernels(work_of(session))))
    assert Snapshot.objects.exists()


def test_a_server_without_notices_is_looked_after_all_the_same(session: LabSession) -> None:
    class Mute(FakeServer):
        def put_notice(self, notice: Any) -> None:
            raise ServerAnswerError("404", reason="notice_refused")

    visit_session(session.pk, connect=answering(Mute(work_of(session))))
    session.workspace.refresh_from_db()
    assert Snapshot.objects.exists()
    assert session.workspace.unsaved_reason == ""


def test_a_silent_server_is_said_and_an_answer_takes_it_back(session: LabSession) -> None:
    visit_session(session.pk, connect=answering(SilentContents()))
    session.workspace.refresh_from_db()
    assert session.workspace.unsaved_reason == SILENT
    visit_session(session.pk, connect=answering(FakeServer(work_of(session))))
    session.workspace.refresh_from_db()
    assert session.workspace.unsaved_reason == ""


def test_too_many_files_are_no_silence_whenever_they_are_seen(session: LabSession) -> None:
    visit_session(session.pk, connect=answering(FakeServer(work_of(session))))
    crowded = {f"{session.workspace.folder}/{number}.txt": b"" for number in range(MAX_FILES + 1)}

    visit_session(session.pk, connect=answering(FakeServer(crowded)))

    session.workspace.refresh_from_db()
    assert session.workspace.unsaved_reason == "unsaved_too_many_files"


@pytest.mark.parametrize("error", [HubUnavailableError(), SpawnRejectedError(), ServerAnswerError()])
def test_no_answer_changes_nothing_about_the_session(
    session: LabSession, now: datetime, error: Exception
) -> None:
    LabSession.objects.update(active_at=now - 90 * MINUTE, warned_at=now - 30 * MINUTE)
    assert not visit_session(session.pk, connect=failing(error))
    session.refresh_from_db()
    assert (session.status, session.active_at) == (SessionStatus.READY, now - 90 * MINUTE)
    session.workspace.refresh_from_db()
    assert bool(session.workspace.unsaved_reason) == isinstance(error, ServerAnswerError)


@pytest.mark.parametrize("status", [status for status in SessionStatus if status != SessionStatus.READY])
def test_only_sessions_that_are_ready_are_visited(session: LabSession, status: SessionStatus) -> None:
    LabSession.objects.update(status=status)
    server = FakeServer(work_of(session))
    assert not visit_session(session.pk, connect=answering(server))
    assert server.notices == []


def test_slow_servers_take_only_some_of_the_places(session: LabSession, now: datetime) -> None:
    taken = 0
    while visiting.places.acquire(blocking=False):
        taken += 1
    try:
        server = FakeServer(work_of(session))
        visit_session(session.pk, connect=answering(server))
    finally:
        for _ in range(taken):
            visiting.places.release()
    assert server.notices == []
    session.refresh_from_db()
    assert find_next_visit(session) <= now  # the next sweep sends it again


@pytest.mark.parametrize("error", [ServerAnswerError(), RuntimeError()])
def test_a_visit_gives_its_place_back(session: LabSession, error: Exception) -> None:
    for _ in range(20):
        try:
            visit_session(session.pk, connect=failing(error))
        except RuntimeError:
            continue
    assert visiting.places.acquire(blocking=False)
    visiting.places.release()
