"""A grader's server that means harm, on a real socket: its every answer ends, and none of them is a result."""

import time
import tracemalloc

import pytest

from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.jupyterhub import RunnerClient, TimedTransport
from tests.servers.hostile import BEHAVIOURS, HostileServer

pytestmark = pytest.mark.live

MEGABYTE = 1024 * 1024
SLOW = {"dripping_headers", "dripping_early_answers", "dripping_body", "silence"}


@pytest.mark.parametrize("name", sorted(BEHAVIOURS))
def test_no_answer_is_followed_awaited_or_believed(name: str) -> None:
    transport = TimedTransport(1 if name in SLOW else 20)
    with (
        HostileServer(name) as server,
        RunnerClient(
            server.url, "/user/p-1/g-1/", "token", host="p-1.localhost", transport=transport
        ) as client,
    ):
        tracemalloc.start()
        started = time.monotonic()
        with pytest.raises((ServerAnswerError, HubUnavailableError)):
            client.find("0" * 32, max_bytes=2 * MEGABYTE)
        seconds = time.monotonic() - started
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert seconds < 10
    assert peak < 120 * MEGABYTE  # what the server makes its answers of is counted too
    assert server.asked == [f"GET /user/p-1/g-1/executions/{'0' * 32}?wait=15"]
