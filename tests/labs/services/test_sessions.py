"""Asking for sessions: one press or ten, and what is refused."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from courses.models import Enrolment
from labs import tasks
from labs.exceptions import QueueDownError, RefusedError
from labs.models import Hub, LabSession, LabUnit, Workspace
from labs.services.sessions import (
    create_session,
    find_delay,
    keep_session,
    request_session,
    request_stop,
    watch_session,
)
from labs.services.submissions import submit_lab
from labs.states import SessionStatus
from labs.transitions import UNSENT
from labs.work.visiting import SILENT
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


class Sent(list[tuple[str, int, str]]):
    """The tasks that were queued, by name."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Records what is queued instead of publishing it."""
    queued = Sent()
    for task in (tasks.spawn_session, tasks.stop_session, tasks.visit_session):
        name = task.name.rpartition(".")[2]
        monkeypatch.setattr(
            task,
            "apply_async",
            lambda args, queue, name=name, **_options: queued.append((name, args[0], queue)),
        )
    return queued


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    make.HubFactory.create(factory=enrolment.cohort.factory)
    return LabUnit.objects.select_related("release__lab").get(unit__release=enrolment.cohort.release)


def test_a_start_is_written_down_and_queued_on_commit(
    enrolment: Enrolment, lab_unit: LabUnit, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        session = request_session(enrolment, lab_unit, actor=enrolment.learner)
        assert sent == []

    assert session.status == SessionStatus.REQUESTED
    assert session.events.get().actor == enrolment.learner
    assert sent == [("spawn_session", session.pk, "spawning.kajaani")]


def test_a_second_press_finds_the_first_session(
    enrolment: Enrolment, lab_unit: LabUnit, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        first = request_session(enrolment, lab_unit, actor=enrolment.learner)
        second = request_session(enrolment, lab_unit, actor=enrolment.learner)
    assert first == second
    assert len(sent) == 1


def test_a_press_that_loses_the_race_finds_the_winner(
    enrolment: Enrolment, lab_unit: LabUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner = request_session(enrolment, lab_unit, actor=enrolment.learner)
    answers = iter([None, winner])
    monkeypatch.setattr("labs.services.sessions.find_active_session", lambda *_: next(answers))

    assert request_session(enrolment, lab_unit, actor=enrolment.learner) == winner
    assert LabSession.objects.count() == 1


def test_an_ended_session_makes_way_for_a_new_one(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    first = request_session(enrolment, lab_unit, actor=enrolment.learner)
    LabSession.objects.filter(pk=first.pk).update(status=SessionStatus.STOPPED)
    second = request_session(enrolment, lab_unit, actor=enrolment.learner)
    assert second != first
    assert second.server_name != first.server_name


@pytest.mark.parametrize(
    ("starts_in", "ends_in", "reason"), [(1, 2, "cohort_not_begun"), (-2, -1, "cohort_over")]
)
def test_a_cohort_that_is_not_running_refuses(
    enrolment: Enrolment, lab_unit: LabUnit, starts_in: int, ends_in: int, reason: str
) -> None:
    now = timezone.now()
    enrolment.cohort.starts_at = now + timedelta(days=starts_in)
    enrolment.cohort.ends_at = now + timedelta(days=ends_in)
    with pytest.raises(RefusedError) as refused:
        request_session(enrolment, lab_unit, actor=enrolment.learner)
    assert refused.value.reason == reason


def test_a_factory_without_a_hub_refuses(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    Hub.objects.all().delete()
    with pytest.raises(RefusedError) as refused:
        request_session(enrolment, lab_unit, actor=enrolment.learner)
    assert refused.value.reason == "no_hub"


def test_a_stop_is_queued_once(
    enrolment: Enrolment, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.READY)
    with django_capture_on_commit_callbacks(execute=True):
        request_stop(session, actor=enrolment.learner)
        request_stop(session, actor=enrolment.learner)
    assert session.status == SessionStatus.STOPPING
    assert sent == [("stop_session", session.pk, "visiting.kajaani")]


def test_a_stop_that_meets_a_moved_session_looks_again(enrolment: Enrolment, sent: Sent) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.SPAWNING)
    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.READY)
    request_stop(session, actor=enrolment.learner)
    assert session.status == SessionStatus.STOPPING


@pytest.mark.parametrize("status", [SessionStatus.STOPPED, SessionStatus.FAILED])
def test_a_stopped_session_is_left_alone(enrolment: Enrolment, status: SessionStatus) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=status)
    request_stop(session, actor=enrolment.learner)
    assert session.status == status
    assert not session.events.exists()


def test_watching_has_a_session_visited_every_few_seconds_at_most(
    enrolment: Enrolment, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.READY)
    with django_capture_on_commit_callbacks(execute=True):
        watch_session(session)
        session.refresh_from_db()
        watch_session(session)
    assert sent == [("visit_session", session.pk, "visiting.kajaani")]


def test_a_server_that_does_not_answer_visits_is_not_visited_for_every_open_page(
    enrolment: Enrolment, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    now = timezone.now()
    session = make.LabSessionFactory.create(
        enrolment=enrolment, status=SessionStatus.READY, visited_at=now - timedelta(seconds=60)
    )
    session.workspace.unsaved_reason, session.workspace.unsaved_since = SILENT, now - timedelta(minutes=1)
    session.workspace.save()
    with django_capture_on_commit_callbacks(execute=True):
        watch_session(session)
    assert sent == []


def test_a_factory_that_is_down_is_not_asked_for_open_pages(
    enrolment: Enrolment, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.READY)
    session.hub.down_since = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        watch_session(session)
    session.refresh_from_db()
    assert (sent, session.visited_at) == ([], None)


def test_a_database_that_is_busy_costs_an_open_page_its_visit_only(enrolment: Enrolment, sent: Sent) -> None:
    def busy(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.READY)
    with connection.execute_wrapper(busy):
        watch_session(session)
    assert sent == []


def test_a_stop_keeps_why_it_was_asked_for(enrolment: Enrolment, sent: Sent) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.READY)
    request_stop(session, actor=enrolment.learner, reason="restore_requested", is_restarting=True)
    assert (session.stop_reason, session.is_restarting) == ("restore_requested", True)
    assert session.events.get().reason == "restore_requested"


@pytest.mark.parametrize("status", [SessionStatus.REQUESTED, SessionStatus.SPAWNING, SessionStatus.READY])
def test_any_session_that_has_not_ended_can_be_started_anew(
    enrolment: Enrolment, sent: Sent, status: SessionStatus
) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=status)
    request_stop(session, actor=enrolment.learner, reason="restart_requested", is_restarting=True)
    assert (session.status, session.is_restarting) == (SessionStatus.STOPPING, True)


def test_a_stop_that_is_under_way_can_still_become_a_restart(enrolment: Enrolment, sent: Sent) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.READY)
    request_stop(session, actor=enrolment.learner)
    request_stop(session, actor=enrolment.learner, reason="restart_requested", is_restarting=True)
    assert (session.stop_reason, session.is_restarting) == ("stop_requested", True)
    request_stop(session, actor=enrolment.learner)
    assert session.is_restarting


def test_a_stop_that_has_ended_begins_nothing_anew(enrolment: Enrolment, sent: Sent) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.STOPPING)
    LabSession.objects.update(status=SessionStatus.STOPPED)
    request_stop(session, actor=enrolment.learner, is_restarting=True)
    session.refresh_from_db()
    assert not session.is_restarting


def test_who_says_that_they_are_there_is_kept(
    enrolment: Enrolment, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    session = make.LabSessionFactory.create(
        enrolment=enrolment, status=SessionStatus.READY, active_at=long_ago, warned_at=timezone.now()
    )
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            keep_session(session, actor=enrolment.learner)
    assert session.active_at is not None
    assert session.active_at > long_ago
    assert session.warned_at is None
    assert session.events.get().actor == enrolment.learner
    assert sent == [("visit_session", session.pk, "visiting.kajaani")]  # JupyterLab takes its warning back


def test_who_submits_is_there(
    enrolment: Enrolment, lab_unit: LabUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = request_session(enrolment, lab_unit, actor=enrolment.learner)
    LabSession.objects.update(status=SessionStatus.READY, warned_at=timezone.now())
    submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    session.refresh_from_db()
    assert session.active_at is not None
    assert session.warned_at is None


def test_a_session_that_is_being_stopped_is_not_kept(enrolment: Enrolment, sent: Sent) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.STOPPING)
    keep_session(session, actor=enrolment.learner)
    assert (session.active_at, session.events.count()) == (None, 0)


# --- Limits --------------------------------------------------------------------------------------------


def refusal(enrolment: Enrolment, lab_unit: LabUnit) -> str:
    with pytest.raises(RefusedError) as refused:
        request_session(enrolment, lab_unit, actor=enrolment.learner)
    return refused.value.reason


def test_a_learner_has_so_many_sessions_at_a_factory(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    Hub.objects.update(sessions_per_learner=1)
    running = make.LabSessionFactory.create(enrolment=enrolment)
    assert refusal(enrolment, lab_unit) == "learner_limit"
    LabSession.objects.filter(pk=running.pk).update(status=SessionStatus.STOPPED)
    assert request_session(enrolment, lab_unit, actor=enrolment.learner).is_active


def test_sessions_at_another_factory_do_not_count(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    Hub.objects.update(sessions_per_learner=1, sessions_max=1)
    make.LabSessionFactory.create(enrolment__learner=enrolment.learner, hub=make.HubFactory.create())
    assert request_session(enrolment, lab_unit, actor=enrolment.learner).is_active


def test_a_factory_has_so_many_places(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    Hub.objects.update(sessions_max=1)
    other = make.LabSessionFactory.create(hub=Hub.objects.get())
    assert refusal(enrolment, lab_unit) == "factory_full"
    LabSession.objects.filter(pk=other.pk).update(status=SessionStatus.FAILED)
    assert request_session(enrolment, lab_unit, actor=enrolment.learner).is_active


def test_a_lab_has_so_many_places_for_its_learners(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    release = lab_unit.release
    release.session = {"sessions_max": 1}
    release.save()
    other = make.LabSessionFactory.create(release=release)
    assert refusal(enrolment, lab_unit) == "lab_full"
    Workspace.objects.filter(sessions=other).update(purpose=Workspace.Purpose.AUTHOR)
    assert request_session(enrolment, lab_unit, actor=enrolment.learner).is_active


def test_who_writes_a_lab_takes_no_place_of_its_learners(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    release = lab_unit.release
    release.session = {"sessions_max": 1}
    make.LabSessionFactory.create(release=release)
    workspace = make.WorkspaceFactory.create(lab=release.lab, purpose=Workspace.Purpose.AUTHOR)
    session = create_session(workspace, release, Hub.objects.all()[0], actor=workspace.owner)
    assert (session.learner, session.enrolment) == (workspace.owner, None)


def test_a_press_that_finds_the_last_place_taken_by_itself_finds_that(
    enrolment: Enrolment, lab_unit: LabUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    Hub.objects.update(sessions_per_learner=1)
    winner = request_session(enrolment, lab_unit, actor=enrolment.learner)
    monkeypatch.setattr("labs.services.sessions.find_active_session", lambda *_: None)
    assert request_session(enrolment, lab_unit, actor=enrolment.learner) == winner


# --- Paja's own queue is down --------------------------------------------------------------------------


@pytest.fixture
def broken_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise QueueDownError

    monkeypatch.setattr(tasks, "publish", refuse)


def test_a_queue_that_is_down_loses_no_start_and_is_said(
    enrolment: Enrolment, lab_unit: LabUnit, broken_queue: None, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        session = request_session(enrolment, lab_unit, actor=enrolment.learner)
    session.refresh_from_db()
    assert (session.status, session.sent_at) == (SessionStatus.REQUESTED, UNSENT)
    assert [event.reason for event in session.events.all()] == ["requested", "queue_down"]
    assert find_delay(session) == "queue_down"


def test_a_queue_that_is_down_loses_no_stop(
    enrolment: Enrolment, broken_queue: None, django_capture_on_commit_callbacks: Any
) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.READY)
    with django_capture_on_commit_callbacks(execute=True):
        request_stop(session, actor=enrolment.learner)
    session.refresh_from_db()
    assert (session.status, session.sent_at) == (SessionStatus.STOPPING, UNSENT)


def test_a_start_that_takes_long_is_said(enrolment: Enrolment) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment)
    assert find_delay(session) == ""
    session.requested_at -= timedelta(minutes=1)
    assert find_delay(session) == "hub_unavailable"
