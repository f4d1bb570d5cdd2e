"""A session whose job ended says why: by Slurm's word, waited for a while, and never by a guess."""

from typing import Any

import pytest
from django.utils import timezone

from labs.jupyterhub import QueueAnswer, RefusalModel
from labs.models import Flavour, Hub, LabSession, LabSessionEvent
from labs.states import SessionStatus
from labs.work.job_endings import WAIT_FOR_ENDING
from labs.work.reconciling import reconcile_sessions
from labs.work.spawning import ensure_spawned
from tests.factories import labs as make
from tests.fakes.hub import FakeHub, RefusingHub, UnavailableHub
from tests.fakes.queue import SUBMITTED_AT, make_answer, make_job
from tests.labs.work.conftest import LONG_AGO, session_in

pytestmark = pytest.mark.django_db

STATUSES = [SessionStatus.SPAWNING, SessionStatus.READY]


@pytest.fixture
def flavour() -> Flavour:
    return make.FlavourFactory.create()


def job_session(flavour: Flavour, status: SessionStatus = SessionStatus.READY) -> LabSession:
    """A session that its hub no longer has a server of."""
    now = timezone.now()
    times = {
        "asked_at": now - LONG_AGO,
        "ready_at": now - LONG_AGO if status == SessionStatus.READY else None,
    }
    return session_in(status, now, hub=flavour.partition.hub, flavour=flavour, **times)


def sweep(session: LabSession, queue: QueueAnswer) -> LabSession:
    fake = FakeHub()
    fake.queue = queue
    Hub.objects.update(queue_read_at=None)
    reconcile_sessions(session.hub_id, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]
    session.refresh_from_db()
    return session


def ended_job(session: LabSession, state: str, **fields: Any) -> QueueAnswer:
    return make_answer(ended=(make_job(session.server_name, state=state, ended_at=SUBMITTED_AT, **fields),))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("TIMEOUT", "job_time_over"),
        ("CANCELLED", "job_cancelled_by_site"),
        ("NODE_FAIL", "node_lost"),
        ("OUT_OF_MEMORY", "job_out_of_memory"),
        ("PREEMPTED", "job_preempted"),
        ("FAILED", "job_failed"),
    ],
)
def test_a_session_ends_for_the_reason_for_which_its_job_did(
    flavour: Flavour, status: SessionStatus, state: str, reason: str
) -> None:
    session = job_session(flavour, status)
    sweep(session, ended_job(session, state))
    assert (session.status, session.reason) == (SessionStatus.FAILED, reason)


@pytest.mark.parametrize("fields", [{"state": "COMPLETED"}, {"state": "CANCELLED", "is_ended_by_hub": True}])
def test_a_server_that_ended_by_itself_or_by_us_was_ended_by_no_site(
    flavour: Flavour, fields: dict[str, Any]
) -> None:
    session = job_session(flavour)
    sweep(session, ended_job(session, **fields))
    assert (session.status, session.reason) == (SessionStatus.FAILED, "server_lost")


@pytest.mark.parametrize("status", STATUSES)
def test_what_slurm_says_a_moment_later_is_waited_for(flavour: Flavour, status: SessionStatus) -> None:
    session = job_session(flavour, status)
    alive = make_answer(jobs=(make_job(session.server_name, state="RUNNING"),))
    untold = ended_job(session, "UNKNOWN")
    for answer in (alive, untold, make_answer()):
        assert sweep(session, answer).status == status
    sweep(session, ended_job(session, "NODE_FAIL"))
    assert (session.status, session.reason) == (SessionStatus.FAILED, "node_lost")


@pytest.mark.parametrize(
    ("status", "reason"),
    [(SessionStatus.SPAWNING, "server_did_not_start"), (SessionStatus.READY, "server_lost")],
)
def test_it_is_not_waited_for_without_end(flavour: Flavour, status: SessionStatus, reason: str) -> None:
    session = job_session(flavour, status)
    sweep(session, make_answer())
    assert session.status == status
    LabSessionEvent.objects.update(created_at=timezone.now() - WAIT_FOR_ENDING)
    sweep(session, make_answer())
    assert (session.status, session.reason) == (SessionStatus.FAILED, reason)


@pytest.mark.parametrize(
    ("slug", "reason"),
    [("quota_exceeded", "job_refused_quota_exceeded"), ("something_new", "job_refused")],
)
def test_a_start_for_which_there_was_no_job_says_why(flavour: Flavour, slug: str, reason: str) -> None:
    session = job_session(flavour, SessionStatus.SPAWNING)
    refusal = RefusalModel(session.learner.hub_name, session.server_name, slug, SUBMITTED_AT)
    sweep(session, make_answer(refused=(refusal,)))
    assert (session.status, session.reason) == (SessionStatus.FAILED, reason)


def test_a_start_that_is_refused_at_once_says_why_too(flavour: Flavour) -> None:
    session = session_in(SessionStatus.REQUESTED, timezone.now(), hub=flavour.partition.hub, flavour=flavour)
    fake = RefusingHub()
    refusal = RefusalModel(session.learner.hub_name, session.server_name, "account_unknown", SUBMITTED_AT)
    fake.queue = make_answer(refused=(refusal,))
    ensure_spawned(session.pk, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]
    session.refresh_from_db()
    assert (session.status, session.reason) == (SessionStatus.FAILED, "job_refused_account_unknown")


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ("quota_exceeded", "job_refused_quota_exceeded"),
        ("something_new", "job_refused"),
        ("", "spawn_rejected"),
    ],
)
def test_what_a_hub_says_of_a_start_that_it_refuses_is_the_reason(
    flavour: Flavour, refusal: str, reason: str
) -> None:
    session = make.LabSessionFactory.create(hub=flavour.partition.hub, flavour=flavour)
    fake = RefusingHub()
    fake.refusal = refusal
    ensure_spawned(session.pk, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]
    session.refresh_from_db()
    assert (session.status, session.reason) == (SessionStatus.FAILED, reason)


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_job_that_a_hub_lost_while_it_was_away_is_asked_for_again_unless_it_ended(
    flavour: Flavour, is_cancelled: bool
) -> None:
    session = job_session(flavour, SessionStatus.SPAWNING)
    Hub.objects.update(probe_at=timezone.now())
    sweep(session, ended_job(session, "CANCELLED") if is_cancelled else make_answer())
    if is_cancelled:
        assert (session.status, session.reason) == (SessionStatus.FAILED, "job_cancelled_by_site")
    else:
        assert (session.status, session.asked_at) == (SessionStatus.SPAWNING, None)


def test_no_answer_of_the_hub_ends_no_session(flavour: Flavour) -> None:
    session = job_session(flavour)
    make.SlurmJobFactory.create(session=session, hub=session.hub, state="NODE_FAIL", ended_at=timezone.now())
    reconcile_sessions(session.hub_id, connect=lambda _hub: UnavailableHub())  # type: ignore[arg-type, return-value]
    session.refresh_from_db()
    assert session.status == SessionStatus.READY
