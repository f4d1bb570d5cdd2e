"""The connection to a learner's own server: a token for it alone, and an end."""

import pytest
from pytest_django import Settings

from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.models import LabSession
from labs.states import SessionStatus
from labs.work.connections import connect_hub, connect_workspace
from tests.factories import labs as make
from tests.fakes.hub import FakeHub


@pytest.fixture
def session(db: None) -> LabSession:
    return make.LabSessionFactory.create(status=SessionStatus.READY)


def test_a_hub_without_a_token_is_not_there(session: LabSession, settings: Settings) -> None:
    settings.HUB_TOKENS = {}
    with pytest.raises(HubUnavailableError):
        connect_hub(session.hub)


def test_a_token_lives_as_long_as_the_conversation(session: LabSession) -> None:
    hub = FakeHub()
    hub.ensure_user(session.learner.hub_name)
    with connect_workspace(session, connect=lambda _hub: hub):  # type: ignore[arg-type, return-value]
        assert list(hub.tokens.values()) == [(session.learner.hub_name, session.server_name)]
    assert hub.tokens == {}


def test_a_token_that_cannot_be_revoked_hides_nothing_that_happened(session: LabSession) -> None:
    class ForgettingHub(FakeHub):
        def revoke_token(self, user: str, token_id: str) -> None:
            raise HubUnavailableError

    hub = ForgettingHub()
    hub.ensure_user(session.learner.hub_name)
    with connect_workspace(session, connect=lambda _hub: hub):  # type: ignore[arg-type, return-value]
        pass
    with (
        pytest.raises(ServerAnswerError),
        connect_workspace(session, connect=lambda _hub: hub),  # type: ignore[arg-type, return-value]
    ):
        raise ServerAnswerError
