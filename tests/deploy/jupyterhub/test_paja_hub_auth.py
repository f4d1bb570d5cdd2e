"""What a learner's server believes while its hub does not answer, and for how long."""

import asyncio
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jupyterhub.services.auth import HubOAuth
from tornado import web

ADA = {"name": "p-0000ada1", "scopes": ["access:servers"]}


class Hub:
    """Answers with `answer`, or not at all."""

    answer: dict[str, Any] | None = ADA
    is_away = False

    async def ask(self, *_: object) -> dict[str, Any] | None:
        if self.is_away:
            raise web.HTTPError(500)
        return self.answer


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    monkeypatch.setattr(HubOAuth, "_check_hub_authorization", lambda _auth, *asked: hub.ask(*asked))
    return hub


@pytest.fixture
def learner(hub: Hub) -> ModuleType:
    path = Path("deploy/jupyterhub/learner/paja_hub_auth.py")
    spec = importlib.util.spec_from_file_location("paja_hub_auth", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.remember_answers()
    return module


def ask(key: str = "token:1") -> Any:
    return asyncio.run(HubOAuth._check_hub_authorization(object(), "http://hub", "token", key))


@pytest.mark.usefixtures("learner")
def test_who_was_known_stays_known_while_the_hub_is_away(hub: Hub) -> None:
    assert ask() == ADA
    hub.is_away = True

    assert ask() == ADA
    with pytest.raises(web.HTTPError):
        ask("token:2")


def test_not_for_longer_than_an_outage_should_last(
    hub: Hub, learner: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask() == ADA
    hub.is_away = True
    now = learner.time.monotonic()
    monkeypatch.setattr(learner.time, "monotonic", lambda: now + learner.OUTAGE_SECONDS + 1)

    with pytest.raises(web.HTTPError):
        ask()


@pytest.mark.usefixtures("learner")
def test_who_was_refused_is_forgotten(hub: Hub) -> None:
    assert ask() == ADA
    hub.answer = None
    assert ask() is None
    hub.is_away = True

    with pytest.raises(web.HTTPError):
        ask()
