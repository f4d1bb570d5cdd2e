"""What the live tests of the box need on this machine."""

from pathlib import Path

import pytest

from tests.labs.box.people import find_lab_python


@pytest.fixture(scope="session")
def lab_python() -> Path:
    """The interpreter of the learners' environment."""
    return find_lab_python()
