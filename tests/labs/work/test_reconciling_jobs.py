"""The sweep of a hub whose sessions are jobs of Slurm, where people may wait for hours."""

from datetime import datetime, timedelta
from unittest.mock import ANY

import pytest
from django.conf import settings
from django.utils import timezone

from labs.exceptions import HubUnavailableError
from labs.jupyterhub import QueueAnswer
from labs.models import Hub, LabSession, SlurmJob
from labs.states import SessionStatus
from labs.work.reconciling import Sweep, find_due_hubs, reconcile_sessions
from labs.work.tending_graders import reconcile_graders, tend_grader
from tests.factories import labs as make
from tests.fakes.hub import FakeHub, NeverReadyHub
from tests.fakes.queue import make_answer, make_job
from tests.labs.work.conftest import LONG_AGO, session_in

pytestmark = pytest.mark.django_db


def start(fake: FakeHub, session: LabSession) -> None:
    fake.ensure_user(session.learner.hub_name)
    fake.ensure_server(session.learner.hub_name, session.server_name, {})


def sweep_with(fake: FakeHub, session: LabSession) -> Sweep:
    return reconcile_sessions(session.hub_id, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(("is_job", "is_due"), [(False, True), (True, False)])
def test_a_hub_is_not_asked_twice_a_second_for_hours_while_somebody_waits_in_slurm(
    is_job: bool, is_due: bool
) -> None:
    now = timezone.now()
    flavour = make.FlavourFactory.create() if is_job else None
    session = session_in(SessionStatus.SPAWNING, now, asked_at=now - LONG_AGO, flavour=flavour)
    Hub.objects.filter(pk=session.hub_id).update(answered_at=now - timedelta(seconds=1))
    due = [hub_id for hub_id, _factory in find_due_hubs(now)]
    assert (session.hub_id in due) == is_due


def test_who_waits_in_slurm_for_a_day_is_not_given_up() -> None:
    now = timezone.now()
    day_ago = now - timedelta(days=1)
    fake = NeverReadyHub()
    session = session_in(
        SessionStatus.SPAWNING,
        now,
        requested_at=day_ago,
        sent_at=day_ago,
        asked_at=day_ago,
        flavour=make.FlavourFactory.create(),
    )
    start(fake, session)
    fake.queue = make_answer(jobs=(make_job(session.server_name),))
    assert sweep_with(fake, session) == Sweep(answer_took=ANY)
    session.refresh_from_db()
    assert session.status == SessionStatus.SPAWNING
    assert session.jobs.get().place == 3


def test_a_queue_that_is_not_to_be_had_costs_nobody_their_step() -> None:
    class MuteHub(FakeHub):
        def read_queue(self, since: datetime | None = None) -> QueueAnswer:
            raise HubUnavailableError("nonsense", reason="hub_answer")

    fake = MuteHub()
    session = session_in(SessionStatus.SPAWNING, timezone.now(), asked_at=timezone.now() - LONG_AGO)
    start(fake, session)
    lost = session_in(
        SessionStatus.READY, timezone.now(), hub=session.hub, ready_at=timezone.now() - LONG_AGO
    )
    sweep = sweep_with(fake, session)
    assert sweep.deliveries == [session.pk]
    lost.refresh_from_db()
    assert lost.status == SessionStatus.FAILED


def test_a_grader_may_wait_in_slurm_for_a_day_and_its_job_is_in_the_ledger() -> None:
    hub = make.HubFactory.create(has_slurm=True)
    day_ago = timezone.now() - timedelta(days=1)
    grader = make.GraderFactory.create(hub=hub, status=SessionStatus.REQUESTED, sent_at=day_ago)
    fake = NeverReadyHub()
    tend_grader(grader.pk, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]
    type(grader).objects.update(sent_at=day_ago)
    job = make_job(grader.server_name, user=settings.GRADER_NAME, kind="grading", gpus=1)
    fake.queue = make_answer(jobs=(job,))
    reconcile_sessions(hub.pk, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]
    reconcile_graders()
    grader.refresh_from_db()
    assert grader.status == SessionStatus.SPAWNING
    assert fake.user_options[settings.GRADER_NAME, grader.server_name] == {"kind": "grading"}
    row = SlurmJob.objects.get()
    assert (row.server_name, row.session, row.gpus) == (grader.server_name, None, 1)
