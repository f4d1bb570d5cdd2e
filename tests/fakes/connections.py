"""Ways to a learner's server in the place of those of `labs/work/connections.py`: to a fake, or failing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from labs.exceptions import HubUnavailableError
from labs.models import LabSession
from tests.fakes.hub import FakeContents

Connector = Callable[[LabSession], Any]


def answering(fake: FakeContents) -> Connector:
    @contextmanager
    def connect(_session: LabSession) -> Iterator[FakeContents]:
        yield fake

    return connect


def failing(error: Exception) -> Connector:
    @contextmanager
    def connect(_session: LabSession) -> Iterator[Any]:
        raise error
        yield

    return connect


unreachable = failing(HubUnavailableError())
