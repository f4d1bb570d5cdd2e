"""Telling a hub of a log-out: once is enough, and a hub that is down is told when it is back."""

from datetime import timedelta
from typing import cast

import pytest
from django.utils import timezone

from courses.models import User
from labs.models import Hub, SignOut
from labs.work.connections import HubConnector
from labs.work.signing_out import SEND_AGAIN_AFTER, claim_forgotten_sign_outs, sign_out
from tests.factories import labs as make
from tests.fakes.hub import FakeHub, UnavailableHub


@pytest.fixture
def waiting(ada: User) -> SignOut:
    return SignOut.objects.create(user=ada, hub=make.HubFactory.create(factory__slug="kajaani"))


def connect_to(hub: FakeHub) -> HubConnector:
    return cast("HubConnector", lambda _hub: hub)


def test_the_hub_hears_of_it_and_it_is_done(waiting: SignOut, ada: User) -> None:
    hub = FakeHub()

    sign_out(waiting.pk, connect=connect_to(hub))
    sign_out(waiting.pk, connect=connect_to(hub))

    assert hub.calls == [("sign_out", ada.hub_name)]
    assert not SignOut.objects.exists()


def test_a_hub_that_is_down_is_told_later(waiting: SignOut) -> None:
    sign_out(waiting.pk, connect=connect_to(UnavailableHub()))

    assert SignOut.objects.exists()


def test_the_hub_is_told_how_long_ago_it_was(waiting: SignOut) -> None:
    SignOut.objects.update(requested_at=timezone.now() - timedelta(minutes=10))
    said: list[float] = []

    class Listening(FakeHub):
        def sign_out(self, user: str, *, seconds_ago: float = 0) -> None:
            said.append(seconds_ago)

    sign_out(waiting.pk, connect=connect_to(Listening()))

    assert 600 <= said[0] < 660


def test_a_log_out_meanwhile_is_told_too(waiting: SignOut) -> None:
    class Meanwhile(FakeHub):
        def sign_out(self, user: str, *, seconds_ago: float = 0) -> None:
            SignOut.objects.update(requested_at=timezone.now())

    sign_out(waiting.pk, connect=connect_to(Meanwhile()))

    assert SignOut.objects.exists()


def test_what_was_not_heard_is_sent_again_by_one_sweep_at_a_time(waiting: SignOut) -> None:
    assert claim_forgotten_sign_outs() == []

    SignOut.objects.update(sent_at=timezone.now() - SEND_AGAIN_AFTER - timedelta(seconds=1))

    assert claim_forgotten_sign_outs() == [(waiting.pk, "kajaani")]
    assert claim_forgotten_sign_outs() == []


def test_a_hub_that_is_known_to_be_down_is_not_told_again_and_again(waiting: SignOut) -> None:
    SignOut.objects.update(sent_at=timezone.now() - 2 * SEND_AGAIN_AFTER)
    Hub.objects.update(down_since=timezone.now())
    assert claim_forgotten_sign_outs() == []
    Hub.objects.update(down_since=None)
    assert claim_forgotten_sign_outs() == [(waiting.pk, "kajaani")]
