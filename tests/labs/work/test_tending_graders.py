"""Graders come when work waits for them, are followed by what their hub says, and go when nobody needs them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from courses.models import Factory
from labs.exceptions import SpawnRejectedError
from labs.models import Grader, GradingRun, Hub
from labs.states import GradingStatus, SessionStatus
from labs.work.graders import GRADING
from labs.work.grading_retries import MAX_TRIES
from labs.work.reconciling import reconcile_sessions
from labs.work.tending_graders import PAUSES, RESEND_AFTER, reconcile_graders, tend_grader
from tests.factories import labs as make
from tests.factories.courses import CohortFactory
from tests.fakes.hub import FakeHub, RefusingHub, UnavailableHub

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(minutes=30)


@pytest.fixture
def hub() -> Hub:
    return make.HubFactory.create()


@pytest.fixture
def waiting(hub: Hub) -> GradingRun:
    """A run that waits for the factory's grader."""
    return make_waiting(hub.factory)


def make_waiting(factory: Factory) -> GradingRun:
    return make.GradingRunFactory.create(
        submission__enrolment__cohort__factory=factory,
        submission__release__needs={"gpus": 1},
        factory=factory,
        status=GradingStatus.QUEUED,
    )


def connect_to(fake: FakeHub) -> Callable[[Hub], Any]:
    return lambda _hub: fake


def tend_all(fake: FakeHub, times: int = 1) -> None:
    """What the sweeps and their tasks do, so many times, each long after the one before."""
    for _ in range(times):
        Grader.objects.update(sent_at=timezone.now() - LONG_AGO)
        for grader_id, _factory in reconcile_graders().graders:
            tend_grader(grader_id, connect=connect_to(fake))
        for hub in Hub.objects.all():
            Hub.objects.update(sweep_claimed_at=None)
            reconcile_sessions(hub.pk, connect=connect_to(fake))


def test_a_grader_comes_for_work_that_waits_and_goes_when_there_is_none(
    hub: Hub, waiting: GradingRun, settings: Settings
) -> None:
    fake = FakeHub(looks=1)
    tend_all(fake, 3)
    grader = Grader.objects.get()
    assert grader.status == SessionStatus.READY
    assert fake.user_options == {(settings.GRADER_NAME, grader.server_name): dict(GRADING)}
    assert reconcile_graders().wake_ups == [hub.factory.slug]

    GradingRun.objects.update(status=GradingStatus.FINISHED)
    assert not reconcile_graders().graders  # somebody may come at once
    Grader.objects.update(used_at=timezone.now() - LONG_AGO, ready_at=timezone.now() - LONG_AGO)
    tend_all(fake, 3)
    grader.refresh_from_db()
    assert (grader.status, grader.reason) == (SessionStatus.STOPPED, "server_gone")
    assert [event.reason for event in grader.events.all()] == [
        "runs_wait", "hub_asked", "grader_ready", "grader_idle", "server_gone",
    ]  # fmt: skip
    assert not fake.servers


def test_one_grader_is_asked_for_however_many_wait_and_sweep(hub: Hub, waiting: GradingRun) -> None:
    make_waiting(hub.factory)
    first, second = reconcile_graders(), reconcile_graders()

    assert [factory for _, factory in first.graders] == [hub.factory.slug]
    assert second.graders == []
    later = reconcile_graders(timezone.now() + RESEND_AFTER)
    assert later.graders == first.graders  # whoever was to ask may have died


def test_no_grader_comes_for_work_that_needs_none_or_is_paused(hub: Hub, waiting: GradingRun) -> None:
    make.GradingRunFactory.create(status=GradingStatus.QUEUED)
    waiting.submission.lab.grading_pauses.create()

    assert reconcile_graders().graders == []
    assert not Grader.objects.exists()


def test_a_hub_that_is_down_is_asked_for_nothing_and_other_factories_do_not_notice(
    hub: Hub, waiting: GradingRun
) -> None:
    elsewhere = make.HubFactory.create()
    make_waiting(elsewhere.factory)
    Hub.objects.filter(pk=hub.pk).update(down_since=timezone.now())

    assert [factory for _, factory in reconcile_graders().graders] == [elsewhere.factory.slug]
    waiting.refresh_from_db()
    assert waiting.status == GradingStatus.QUEUED


@pytest.mark.parametrize("status", [SessionStatus.REQUESTED, SessionStatus.STOPPING])
def test_a_hub_that_does_not_answer_moves_nothing(hub: Hub, status: SessionStatus) -> None:
    grader = make.GraderFactory.create(hub=hub, status=status)
    tend_grader(grader.pk, connect=connect_to(UnavailableHub()))
    reconcile_sessions(hub.pk, connect=connect_to(UnavailableHub()))
    grader.refresh_from_db()
    assert grader.status == status


def test_a_start_that_was_asked_for_and_not_noted_is_found(hub: Hub, settings: Settings) -> None:
    grader, fake = make.GraderFactory.create(hub=hub, status=SessionStatus.REQUESTED), FakeHub()
    fake.ensure_user(settings.GRADER_NAME)
    fake.ensure_server(settings.GRADER_NAME, grader.server_name, GRADING)

    reconcile_sessions(hub.pk, connect=connect_to(fake))

    grader.refresh_from_db()
    assert grader.status == SessionStatus.READY


def test_a_grader_that_is_lost_is_replaced_and_costs_who_waits_nothing(
    hub: Hub, waiting: GradingRun, settings: Settings
) -> None:
    fake = FakeHub()
    tend_all(fake, 2)
    grader = Grader.objects.get()
    fake.lose_server(settings.GRADER_NAME, grader.server_name)
    Grader.objects.update(ready_at=timezone.now() - LONG_AGO)
    tend_all(fake)
    grader.refresh_from_db()
    assert (grader.status, grader.reason) == (SessionStatus.FAILED, "grader_lost")

    tend_all(fake, 2)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.try_number) == (GradingStatus.QUEUED, 1)
    assert Grader.objects.filter(status=SessionStatus.READY).exclude(pk=grader.pk).count() == 1


def test_three_starts_that_fail_end_the_runs_that_waited_as_our_fault(hub: Hub, waiting: GradingRun) -> None:
    fake = RefusingHub()
    for number, pause in enumerate(PAUSES, start=1):
        tend_all(fake)
        assert (
            Grader.objects.filter(status=SessionStatus.FAILED, reason="grader_not_started").count() == number
        )
        tend_all(fake)
        assert Grader.objects.count() == number, "the next start comes after a pause"
        Grader.objects.update(ended_at=timezone.now() - pause)

    runs = GradingRun.objects.filter(submission=waiting.submission).order_by("pk")
    assert [(run.status, run.reason) for run in runs] == [
        (GradingStatus.FAILED, "grader_not_started"),
        (GradingStatus.FAILED, "grader_not_started"),
        (GradingStatus.FAILED, "grading_failed"),
    ]
    tend_all(fake)
    assert Grader.objects.count() == len(PAUSES), "nobody waits any more"


def test_a_factory_without_a_hub_ends_the_runs_that_wait_as_our_fault() -> None:
    waiting = make_waiting(CohortFactory.create().factory)
    now = timezone.now()
    reconcile_graders(now)
    waiting.refresh_from_db()
    assert waiting.status == GradingStatus.QUEUED, "the hub may be told of in a moment"

    for number in range(1, MAX_TRIES + 1):
        reconcile_graders(now + number * (PAUSES[-1] + timedelta(seconds=1)))
        GradingRun.objects.filter(status=GradingStatus.QUEUED).update(
            queued_at=now + number * (PAUSES[-1] + timedelta(seconds=1))
        )

    runs = GradingRun.objects.filter(submission=waiting.submission).order_by("pk")
    assert [(run.status, run.reason) for run in runs] == [
        (GradingStatus.FAILED, "grader_not_started"),
        (GradingStatus.FAILED, "grader_not_started"),
        (GradingStatus.FAILED, "grading_failed"),
    ]


def test_a_start_that_the_hub_has_lost_while_it_was_silent_costs_who_waits_nothing(
    hub: Hub, waiting: GradingRun
) -> None:
    long_ago = timezone.now() - LONG_AGO
    grader = make.GraderFactory.create(
        hub=hub, status=SessionStatus.SPAWNING, ready_at=None, sent_at=long_ago
    )
    Hub.objects.update(probe_at=long_ago)

    reconcile_sessions(hub.pk, connect=connect_to(FakeHub()))

    grader.refresh_from_db()
    waiting.refresh_from_db()
    assert (grader.status, grader.reason) == (SessionStatus.FAILED, "grader_lost")
    assert (waiting.status, waiting.try_number) == (GradingStatus.QUEUED, 1)
    assert reconcile_graders().graders, "another one comes at once"


def test_an_end_that_the_hub_refuses_is_asked_for_again(hub: Hub, waiting: GradingRun) -> None:
    class Stubborn(FakeHub):
        def ensure_stopped(self, user: str, server: str) -> bool:
            raise SpawnRejectedError

    grader = make.GraderFactory.create(hub=hub, status=SessionStatus.STOPPING)
    tend_grader(grader.pk, connect=connect_to(Stubborn()))
    grader.refresh_from_db()
    waiting.refresh_from_db()
    assert (grader.status, waiting.status) == (SessionStatus.STOPPING, GradingStatus.QUEUED)


def test_a_server_of_the_grader_account_that_is_no_grader_is_ended(hub: Hub, settings: Settings) -> None:
    fake = FakeHub()
    fake.ensure_user(settings.GRADER_NAME)
    ended = make.GraderFactory.create(hub=hub, status=SessionStatus.STOPPED)
    fake.ensure_server(settings.GRADER_NAME, ended.server_name, GRADING)

    tend_all(fake, 2)

    assert not fake.servers


def test_a_list_that_was_made_before_the_start_says_nothing_of_it(hub: Hub) -> None:
    """The sweep asked the hub before the worker did."""
    later = timezone.now() + timedelta(minutes=1)
    grader = make.GraderFactory.create(hub=hub, status=SessionStatus.SPAWNING, ready_at=None, sent_at=later)
    reconcile_sessions(hub.pk, connect=connect_to(FakeHub()))
    grader.refresh_from_db()
    assert grader.status == SessionStatus.SPAWNING


def test_as_many_are_woken_as_the_grader_has_boxes_free(hub: Hub, settings: Settings) -> None:
    make.GraderFactory.create(hub=hub)
    waiting = [make_waiting(hub.factory) for _ in range(3)]
    settings.GRADER_BOXES = 2

    assert reconcile_graders().wake_ups == [hub.factory.slug] * 2
    GradingRun.objects.filter(pk=waiting[0].pk).update(status=GradingStatus.RUNNING)
    assert reconcile_graders().wake_ups == [hub.factory.slug]


def test_work_under_way_keeps_a_grader(hub: Hub, waiting: GradingRun) -> None:
    old = timezone.now() - LONG_AGO
    make.GraderFactory.create(hub=hub, used_at=old, ready_at=old)
    GradingRun.objects.update(status=GradingStatus.RUNNING)

    tending = reconcile_graders()

    assert (tending.graders, tending.wake_ups) == ([], [])
