"""`manage.py check_course`: what an author sees, and the exit status that a script sees."""

from pathlib import Path

import pytest
from django.core.management import call_command

from courses import unit_kinds
from tests.courses.package.building import KINDS, M, write_package


@pytest.fixture(autouse=True)
def _small_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_kinds, "_kinds", dict(KINDS))


def test_a_package_in_order_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_course", str(write_package(tmp_path)))
    assert capsys.readouterr().out == ("small-course is in order. Modules: 1. Units: 3. Languages: en, fi.\n")


def test_problems_are_grouped_by_file_and_the_status_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {
        f"{M}/10-what-it-is.fi.md": "# A\n\n[B](b.md)\n[C](c.md)\n",
        f"{M}/30-try-it/source/try.ipynb": "broken",
    }
    with pytest.raises(SystemExit) as stop:
        call_command("check_course", str(write_package(tmp_path, changes)))
    assert stop.value.code == 1
    assert capsys.readouterr().out == (
        f"{M}/10-what-it-is.fi.md:3: “b.md” leads to nothing in this package.\n"
        f"{M}/10-what-it-is.fi.md:4: “c.md” leads to nothing in this package.\n"
        "\n"
        f"{M}/30-try-it/source/try.ipynb:1: This notebook is broken.\n"
        "\n"
        "3 problems in 2 files.\n"
    )
