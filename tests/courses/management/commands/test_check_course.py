"""`manage.py check_course`: what an author sees, and the exit status that a script sees."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import call_command

from courses import unit_kinds
from courses.package import PackageUnit
from courses.unit_kinds import Report, Trial
from tests.courses.package.building import KINDS, M, write_package


@pytest.fixture(autouse=True)
def _small_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_kinds, "_kinds", dict(KINDS))


def test_a_package_in_order_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_course", str(write_package(tmp_path)))
    assert capsys.readouterr().out == ("small-course is in order. Modules: 1. Units: 3. Languages: en, fi.\n")


def run_lab(unit: PackageUnit, report: Report, trial: Trial) -> None:
    """Names a cell that is unstable, when it is asked to run it twice."""
    trial.say(f"{unit.slug}: running")
    if trial.is_twice:
        report(f"{unit.path}/source/try.ipynb", "This cell is unstable.", line=7, code="unstable")


@pytest.fixture
def _runnable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(unit_kinds._kinds, "lab", replace(KINDS["lab"], run=run_lab))


@pytest.mark.usefixtures("_runnable")
def test_what_is_in_the_units_is_run_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(write_package(tmp_path))
    call_command("check_course", folder)
    assert capsys.readouterr().err == ""
    call_command("check_course", folder, "--run")
    said = capsys.readouterr()
    assert said.err == "try-it: running\n"
    assert said.out.startswith("small-course is in order.")
    with pytest.raises(SystemExit) as stop:
        call_command("check_course", folder, "--twice")
    assert stop.value.code == 1
    assert capsys.readouterr().out == (
        f"{M}/30-try-it/source/try.ipynb:7: This cell is unstable.\n\n1 problem in 1 file.\n"
    )


@pytest.mark.usefixtures("_runnable")
def test_a_package_with_problems_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {f"{M}/30-try-it/source/try.ipynb": "broken"}
    with pytest.raises(SystemExit):
        call_command("check_course", str(write_package(tmp_path, changes)), "--run")
    assert capsys.readouterr().err == ""


def test_whoever_stops_it_is_told_that_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_it(_unit: PackageUnit, _report: Report, _trial: Trial) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(unit_kinds._kinds, "lab", replace(KINDS["lab"], run=stop_it))
    with pytest.raises(SystemExit) as stop:
        call_command("check_course", str(write_package(tmp_path)), "--run")
    assert stop.value.code == 130
    assert capsys.readouterr().err == "Stopped. Nothing was left behind.\n"


def test_hints_are_printed_and_are_no_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_package(tmp_path, {f"{M}/30-try-it/source/try.ipynb": "clock"})
    call_command("check_course", str(folder))
    hint = f"{M}/30-try-it/source/try.ipynb:3: hint: This notebook reads the clock.\n"
    assert capsys.readouterr().out == (
        f"{hint}\n1 hint in 1 file.\nsmall-course is in order. Modules: 1. Units: 3. Languages: en, fi.\n"
    )
    (folder / f"{M}/10-what-it-is.fi.md").write_text("# A\n\n[B](b.md)\n")
    with pytest.raises(SystemExit):
        call_command("check_course", str(folder))
    assert capsys.readouterr().out.endswith(f"{hint}\n1 problem and 1 hint in 2 files.\n")


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
