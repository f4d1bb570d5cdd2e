"""What is wrong with a lab in a package, and what a lab in order becomes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from courses.unit_kinds import UnitSource
from labs.models import LabRelease
from labs.nbgrader import ReleasedLab, SourceProblem
from labs.unit_kind import LabData, check_lab, import_lab, store_lab
from tests.factories import courses as make


class Reported(list[tuple[str, str]]):
    """Collects problems as a report does: path and code."""

    def __call__(self, path: str, _message: str, *, line: int | None = None, code: str) -> None:
        self.append((path, code))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    (tmp_path / "files").mkdir()
    return tmp_path


@pytest.fixture(autouse=True)
def _sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader's own look at a notebook takes seconds to load and is tested where it lives."""

    def check(source: Mapping[str, bytes]) -> list[SourceProblem]:
        return [
            SourceProblem(notebook=path, cell=None, line=1, code="broken-json", message="No JSON.")
            for path, content in source.items()
            if content == b"{"
        ]

    monkeypatch.setattr("labs.unit_kind.check_source", check)


def source_of(folder: Path, **settings: Any) -> UnitSource:
    return UnitSource("modules/10-a/10-lab", folder, ("en",), {}, settings)


def test_a_lab_without_a_notebook_is_refused(folder: Path) -> None:
    reported = Reported()
    assert check_lab(source_of(folder), reported) is None
    assert ("modules/10-a/10-lab/source", "lab-without-notebook") in reported


def test_a_broken_notebook_is_named(folder: Path) -> None:
    (folder / "source" / "lab.ipynb").write_text("{")
    reported = Reported()
    assert check_lab(source_of(folder), reported) is None
    assert [path for path, _code in reported] == ["modules/10-a/10-lab/source/lab.ipynb"]


@pytest.mark.parametrize(
    "settings",
    [
        {"needs": {"gpu": 1}},
        {"needs": {"gpus": -1}},
        {"needs": {"gpus": True}},
        {"needs": {"gpus": "one"}},
        {"needs": 3},
        {"grading": {"cell_seconds": 10**9}},
        {"grading": {"total_seconds": 0}},
    ],
)
def test_a_setting_that_makes_no_sense_is_named(folder: Path, settings: dict[str, Any]) -> None:
    reported = Reported()
    check_lab(source_of(folder, **settings), reported)
    assert ("modules/10-a/10-lab/lab.toml", "lab-setting") in reported


@pytest.mark.django_db
def test_equal_content_is_the_same_release() -> None:
    data = LabData(source={"lab.ipynb": b"source"}, needs={}, limits={})
    released = ReleasedLab(
        name="lab",
        source={"lab.ipynb": b"source"},
        learner_files={"lab.ipynb": b"learner"},
        gradebook=b"sqlite",
        grade_cells=(),
    )
    course = make.CourseFactory.create()
    for number in (1, 2):
        release = make.CourseReleaseFactory.create(course=course, number=number)
        unit = make.UnitFactory.create(module__release=release, slug="lab", kind="lab")
        import_lab(unit, None, store_lab(data, released))  # type: ignore[arg-type]
    assert LabRelease.objects.count() == 1
    assert LabRelease.objects.get().lab_units.count() == 2


def test_the_content_hash_knows_files_and_settings() -> None:
    hashes = {
        LabData(source={"lab.ipynb": b"a"}, needs={}, limits={}).content_hash,
        LabData(source={"lab.ipynb": b"b"}, needs={}, limits={}).content_hash,
        LabData(source={"lab.ipynb": b"a"}, needs={"gpus": 1}, limits={}).content_hash,
        LabData(source={"lab.ipynb": b"a"}, needs={}, limits={"cell_seconds": 1}).content_hash,
    }
    assert len(hashes) == 4
