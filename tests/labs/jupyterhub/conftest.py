"""The fakes and the real thing behind the same names, for the contract tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.hub import RealHub, run_hub


@pytest.fixture(scope="session")
def real_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    folder: Path = tmp_path_factory.mktemp("hub")
    with run_hub(folder) as hub:
        yield hub
