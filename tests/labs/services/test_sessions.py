"""Asking for sessions: one press or ten, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Enrolment
from labs import tasks
from labs.exceptions import RefusedError
from labs.models import Hub, LabSession, LabUnit
from labs.services.sessions import request_session, request_stop, watch_session
from labs.states import SessionStatus
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


def test_a_broker_that_is_down_loses_no_start(
    enrolment: Enrolment,
    lab_unit: LabUnit,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(tasks.spawn_session, "apply_async", refuse)
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        session = request_session(enrolment, lab_unit, actor=enrolment.learner)
    assert len(callbacks) == 1
    assert LabSession.objects.get(pk=session.pk).status == SessionStatus.REQUESTED
