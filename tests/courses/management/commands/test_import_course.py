"""`manage.py import_course`: what an author sees, and the exit status that a script sees."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from courses import unit_kinds
from courses.models import Course
from tests.courses.package.building import KINDS, M, write_package

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_kinds, "_kinds", {**unit_kinds.registered_kinds(), "lab": KINDS["lab"]})


def test_a_package_in_order_is_imported_and_summed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_course", str(write_package(tmp_path)))

    expected = "small-course: made release 1. Modules: 1. Units: 3. Languages: en, fi.\n"
    assert capsys.readouterr().out == expected


def test_the_same_package_again_says_that_nothing_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_course", str(write_package(tmp_path)))
    call_command("import_course", str(tmp_path))

    assert capsys.readouterr().out.endswith("small-course: release 1 has this content already.\n")


def test_every_problem_is_listed_with_file_and_line_and_nothing_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {
        f"{M}/10-what-it-is.fi.md": "# A\n\n[B](b.md)\n",
        f"{M}/30-try-it/source/try.ipynb": "broken",
    }
    with pytest.raises(CommandError) as stop:
        call_command("import_course", str(write_package(tmp_path, changes)))

    assert stop.value.returncode == 1
    told = capsys.readouterr().err
    assert f"{M}/10-what-it-is.fi.md:3: " in told
    assert f"{M}/30-try-it/source/try.ipynb:1: " in told
    assert not Course.objects.exists()


def test_a_folder_that_is_not_there_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        call_command("import_course", str(tmp_path / "nowhere"))
