"""What lies in /etc/jupyter of a session, importable as the session's own Python imports it."""

import sys
from importlib import import_module
from types import ModuleType

import pytest

from deploy.jupyterhub.lab_environment import LEARNER_FILES


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(LEARNER_FILES))
    return import_module("paja_tools")


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(LEARNER_FILES))
    return import_module("paja_notice")


@pytest.fixture(autouse=True)
def _forget_learner_modules() -> None:
    for name in ("paja_tools", "paja_notice"):
        sys.modules.pop(name, None)
