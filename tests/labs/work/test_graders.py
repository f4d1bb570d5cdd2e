"""The way to a factory's grader: for which work, to which server, with tokens that are renewed and given back."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from labs.exceptions import BoxUnavailableError, HubUnavailableError
from labs.models import Grader, Hub
from labs.states import GradingStatus, SessionStatus
from labs.work.graders import (
    RENEW_AFTER,
    GraderLine,
    connect_grader,
    find_grading_factory,
    find_ready_grader,
)
from labs.work.grading import has_box
from tests.factories import labs as make
from tests.fakes.hub import FakeHub, UnavailableHub

pytestmark = pytest.mark.django_db


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def fake(settings: Settings) -> FakeHub:
    hub = FakeHub()
    hub.ensure_user(settings.GRADER_NAME)
    return hub


def connect_to(fake: FakeHub) -> Callable[[Hub], Any]:
    return lambda _hub: fake


def test_only_a_lab_that_needs_a_gpu_is_graded_at_its_cohorts_factory() -> None:
    submission = make.SubmissionFactory.create()
    needy = make.LabReleaseFactory.create(needs={"gpus": 1})

    assert find_grading_factory(submission, needy) == submission.enrolment.cohort.factory
    for needs in ({"gpus": 0}, {}):
        assert find_grading_factory(submission, make.LabReleaseFactory.create(needs=needs)) is None


def test_a_run_uses_its_own_factorys_grader_and_leaves_no_token(fake: FakeHub) -> None:
    grader = make.GraderFactory.create()
    before = grader.used_at
    run = make.GradingRunFactory.create(factory=grader.hub.factory, status=GradingStatus.RUNNING)

    with connect_grader(run, connect=connect_to(fake)) as box:
        box._connect()
        assert list(fake.tokens.values()) == [("p-grader", grader.server_name)]

    assert fake.tokens == {}
    grader.refresh_from_db()
    assert grader.used_at > before


@pytest.mark.parametrize("status", [status for status in SessionStatus if status != SessionStatus.READY])
def test_without_a_grader_that_is_ready_there_is_no_box(status: SessionStatus) -> None:
    grader = make.GraderFactory.create(status=status)
    make.GraderFactory.create()  # another factory's
    run = make.GradingRunFactory.create(factory=grader.hub.factory)

    with pytest.raises(BoxUnavailableError) as caught, connect_grader(run):
        pass
    assert caught.value.reason == "grader_lost"


def test_while_its_hub_is_down_a_grader_is_given_nothing() -> None:
    """Else each run would use up its tries over a hub that cannot be asked for a token."""
    grader = make.GraderFactory.create(hub__down_since=timezone.now())

    assert find_ready_grader(grader.hub.factory) is None
    assert not has_box(grader.hub.factory)


def test_a_grader_is_given_no_more_runs_than_it_has_boxes(settings: Settings) -> None:
    """Workers of several hosts ask; one that has to wait for a box would use up its run's tries."""
    grader = make.GraderFactory.create()
    assert has_box(grader.hub.factory)
    make.GradingRunFactory.create(factory=grader.hub.factory, status=GradingStatus.RUNNING)
    assert not has_box(grader.hub.factory)
    settings.GRADER_BOXES = 2
    assert has_box(grader.hub.factory)


def test_a_hub_that_goes_down_at_the_end_costs_no_run_its_result(fake: FakeHub) -> None:
    hubs: Iterator[FakeHub] = iter([fake])

    def connect(_hub: Hub) -> Any:
        if hub := next(hubs, None):
            return hub
        raise HubUnavailableError

    run = make.GradingRunFactory.create(factory=make.GraderFactory.create().hub.factory)
    with connect_grader(run, connect=connect) as box:
        box._connect()


def test_a_token_is_renewed_before_it_ends_and_the_old_one_given_back(fake: FakeHub) -> None:
    clock = Clock()
    line = GraderLine(make.GraderFactory.create(), connect_to(fake), clock=clock)
    first = line.open()
    assert line.open() is first
    clock.now += RENEW_AFTER
    second = line.open()

    assert second is not first
    assert len(fake.tokens) == 1
    line.close()
    assert fake.tokens == {}


def test_a_hub_that_is_away_for_a_while_ends_no_run(fake: FakeHub) -> None:
    clock = Clock()
    hubs = iter([fake, UnavailableHub(), fake, fake])
    line = GraderLine(make.GraderFactory.create(), lambda _hub: next(hubs), clock=clock)  # type: ignore[arg-type,return-value]
    first = line.open()
    clock.now += RENEW_AFTER
    assert line.open() is first
    clock.now += RENEW_AFTER
    assert line.open() is not first
    line.close()


def test_without_a_first_token_the_hub_is_asked_again() -> None:
    line = GraderLine(make.GraderFactory.create(), connect_to(UnavailableHub()))
    with pytest.raises(HubUnavailableError):
        line.open()
    line.close()


def test_a_grader_that_has_ended_meanwhile_is_lost(fake: FakeHub) -> None:
    grader = make.GraderFactory.create()
    line = GraderLine(grader, connect_to(fake))
    line.open()
    Grader.objects.update(status=SessionStatus.FAILED)

    with pytest.raises(BoxUnavailableError) as caught:
        line.open()
    assert caught.value.reason == "grader_lost"
    line.close()


@pytest.mark.parametrize(
    ("reason", "down_since", "status"),
    [
        ("grader_silent", None, SessionStatus.STOPPING),
        ("grader_busy", None, SessionStatus.STOPPING),
        ("grader_silent", timezone.now(), SessionStatus.READY),  # the hub may be all that is silent
        ("grader_lost", None, SessionStatus.READY),  # one execution is lost: its sweep knows of the server
        ("box_unavailable", None, SessionStatus.READY),
    ],
)
def test_a_grader_that_serves_nobody_is_replaced(
    fake: FakeHub, reason: str, down_since: datetime | None, status: SessionStatus
) -> None:
    """Its hub takes it for a running one; each run that meets it would use up its tries."""
    grader = make.GraderFactory.create()
    run = make.GradingRunFactory.create(factory=grader.hub.factory)

    def fail() -> None:
        with connect_grader(run, connect=connect_to(fake)):
            Hub.objects.filter(pk=grader.hub_id).update(down_since=down_since)
            raise BoxUnavailableError(reason=reason)

    with pytest.raises(BoxUnavailableError):
        fail()

    grader.refresh_from_db()
    assert grader.status == status


def test_no_token_is_in_what_a_line_says_of_itself(fake: FakeHub) -> None:
    line = GraderLine(make.GraderFactory.create(), connect_to(fake))
    line.open()
    assert "secret" not in repr(vars(line))
    line.close()
