"""What `manage.py check` says of a machine that grades slowly or not at all."""

from pathlib import Path

import pytest
from pytest_django import Settings

from labs.box.forking import servers
from labs.box.forking.server import ForkServerError
from labs.checks import check_box, check_forking
from tests.labs.box.people import find_lab_python


def test_a_machine_that_cannot_fork_kernels_says_why(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.LAB_PYTHON = tmp_path / "python"
    settings.LAB_PYTHON.touch()

    def refuse(*_: object) -> None:
        raise ForkServerError("this machine is too old")

    monkeypatch.setattr(servers, "_start", refuse)
    (warning,) = check_forking()
    assert (warning.id, warning.hint) == ("labs.W003", "this machine is too old")


def test_nothing_is_forked_where_there_is_no_lab_environment(settings: Settings, tmp_path: Path) -> None:
    settings.LAB_PYTHON = tmp_path / "python"
    assert check_forking() == []
    assert "labs.W002" in [problem.id for problem in check_box()]


@pytest.mark.live
@pytest.mark.xdist_group("forking")
def test_a_machine_that_can_fork_says_nothing(settings: Settings) -> None:
    settings.LAB_PYTHON = find_lab_python()
    assert check_forking() == []
