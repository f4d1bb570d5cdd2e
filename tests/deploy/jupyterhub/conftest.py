"""One real hub for the tests of what it lets learners do."""

from collections.abc import Iterator

import pytest

from tests.servers.hub import RealHub, run_hub


@pytest.fixture(scope="package")
def real_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with run_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="package")
def ada(real_hub: RealHub) -> Iterator[str]:
    """She has a running server, s-0000ada1."""
    real_hub.start_server("p-0000ada1", "s-0000ada1")
    yield "p-0000ada1"
    real_hub.stop_server("p-0000ada1", "s-0000ada1")


@pytest.fixture(scope="package")
def eve(real_hub: RealHub) -> Iterator[str]:
    """She has one too, s-0000eee1."""
    real_hub.start_server("p-0000eee1", "s-0000eee1")
    yield "p-0000eee1"
    real_hub.stop_server("p-0000eee1", "s-0000eee1")
