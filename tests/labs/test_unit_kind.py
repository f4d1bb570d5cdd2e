"""What is wrong with a lab in a package, and what a lab in order becomes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from courses.models import Cohort
from courses.package import PackageUnit, Problem
from courses.package.reporting import Problems
from courses.unit_kinds import Trial, UnitSource
from labs.box import BoxEnvironment, BoxLimits
from labs.exceptions import BoxUnavailableError, InvalidNotebookError
from labs.lab_settings import LabSettings
from labs.models import LabRelease, LabUnit
from labs.nbgrader import ReleasedLab, SourceProblem
from labs.unit_kind import LabData, check_lab, copy_lab, import_lab, run_lab, store_lab
from labs.work.grading import make_limits
from tests.factories import courses as make
from tests.factories import labs as make_labs


class Reported(list[tuple[str, str]]):
    """Collects problems as a report does: path and code."""

    def __call__(
        self, path: str, _message: str, *, line: int | None = None, code: str, is_hint: bool = False
    ) -> None:
        self.append((path, code))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    (tmp_path / "files").mkdir()
    return tmp_path


@pytest.fixture(autouse=True)
def _sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader's own look at a notebook takes seconds to load and is tested where it lives."""

    def check(source: Mapping[str, bytes], *, environment: object) -> list[SourceProblem]:
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


def test_the_tables_of_lab_toml_become_the_releases(folder: Path) -> None:
    (folder / "source" / "lab.ipynb").write_text("x")
    chosen = {"feedback": "points", "attempts": 3, "pace_minutes": 10, "late_penalty": "zero"}
    session = {"idle_minutes": 5, "tools": ["terminal", "language-server", "terminal"]}
    tables = {"needs": {"gpus": 1}, "grading": {"cell_seconds": 30, **chosen}, "session": session}
    data = check_lab(source_of(folder, **tables), Reported())
    assert data is not None
    prepared = store_lab(data, RELEASED)
    assert (prepared.needs, prepared.limits, prepared.grading) == ({"gpus": 1}, {"cell_seconds": 30}, chosen)
    assert prepared.session == {"idle_minutes": 5, "tools": ["language-server", "terminal"]}
    assert make_limits(prepared.limits).cell_seconds == 30


def test_a_table_that_makes_no_sense_is_named_with_its_file(folder: Path) -> None:
    (folder / "source" / "lab.ipynb").write_text("x")
    reported = Reported()
    assert check_lab(source_of(folder, grading={"feedback": "everything"}), reported) is None
    assert reported == [("modules/10-a/10-lab/lab.toml", "lab-setting")]


@pytest.mark.parametrize(
    ("gpus", "notebook", "is_told"),
    [(1, "x", True), (1, "import paja_gpu; paja_gpu.check()", False), (0, "x", False)],
)
def test_a_lab_that_needs_a_gpu_and_does_not_look_for_it_gets_a_hint(
    folder: Path, gpus: int, notebook: str, is_told: bool
) -> None:
    (folder / "source" / "lab.ipynb").write_text(notebook)
    reported = Reported()

    assert check_lab(source_of(folder, needs={"gpus": gpus}), reported) is not None
    assert (("modules/10-a/10-lab/lab.toml", "lab-without-gpu-check") in reported) is is_told


RELEASED = ReleasedLab(
    name="lab",
    source={"lab.ipynb": b"source"},
    learner_files={"lab.ipynb": b"learner"},
    gradebook=b"sqlite",
    grade_cells=(),
)


def test_kernels_are_looked_for_where_this_machine_has_the_environment_of_labs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    asked: list[object] = []

    def check(_source: Mapping[str, bytes], *, environment: object) -> list[SourceProblem]:
        asked.append(environment)
        return []

    monkeypatch.setattr("labs.unit_kind.check_source", check)
    (folder / "source" / "lab.ipynb").write_text("x")
    settings.LAB_PYTHON = folder / "python"
    check_lab(source_of(folder), Reported())
    settings.LAB_PYTHON.touch()
    check_lab(source_of(folder), Reported())
    assert asked == [None, BoxEnvironment(folder / "python")]


def unit_of(
    source: Mapping[str, bytes], needs: Mapping[str, int] | None = None, **tables: Any
) -> PackageUnit:
    data = LabData(source, LabSettings(needs=needs or {}, limits=tables, session={}, grading={}))
    return PackageUnit(
        path="modules/10-a/10-lab",
        slug="lab",
        kind="lab",
        position=1,
        minutes=None,
        is_optional=False,
        title={},
        texts={},
        data=data,
        folder=Path(),
        files=(),
    )


def test_a_lab_is_run_within_its_own_limits_and_its_faults_named_by_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rehearse(
        release: ReleasedLab, *, limits: BoxLimits, environment: object, is_twice: bool, say: Any
    ) -> list[SourceProblem]:
        assert (release, limits.cell_seconds, is_twice) == (RELEASED, 7, True)
        say("grading the solution")
        return [SourceProblem("lab.ipynb", 3, 40, "cell_fails", "It fails.")]

    monkeypatch.setattr("labs.unit_kind.make_release", lambda *_given, **_named: RELEASED)
    monkeypatch.setattr("labs.unit_kind.rehearse", rehearse)
    problems = Problems()
    said: list[str] = []
    run_lab(unit_of(RELEASED.source, cell_seconds=7), problems, Trial(said.append, is_twice=True))
    assert problems.in_order() == [
        Problem("modules/10-a/10-lab/source/lab.ipynb", 40, "cell_fails", "It fails.")
    ]
    assert said == ["lab: grading the solution"]


def test_a_lab_that_needs_a_gpu_is_told_that_it_was_run_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [SourceProblem("lab.ipynb", 3, 40, "cell_fails", "It fails.")]
    monkeypatch.setattr("labs.unit_kind.make_release", lambda *_given, **_named: RELEASED)
    monkeypatch.setattr("labs.unit_kind.rehearse", lambda *_given, **_named: found)
    problems = Problems()
    run_lab(unit_of(RELEASED.source, {"gpus": 1}), problems, Trial(lambda _step: None, is_twice=False))
    assert [(each.path, each.code, each.is_hint) for each in problems.in_order()] == [
        ("modules/10-a/10-lab/source", "ran_without_gpu", True),
        ("modules/10-a/10-lab/source/lab.ipynb", "cell_fails", True),
    ]


def test_a_machine_that_can_box_nothing_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object, **_named: object) -> ReleasedLab:
        raise BoxUnavailableError("there is no bubblewrap")

    monkeypatch.setattr("labs.unit_kind.make_release", refuse)
    problems = Problems()
    for _lab in range(2):
        run_lab(unit_of(RELEASED.source), problems, Trial(print))
    (problem,) = problems.in_order()
    assert (problem.path, problem.code, problem.is_hint) == ("", "box_unavailable", False)
    assert problem.message == "Labs cannot be run on this machine, so that none was: there is no bubblewrap."


def test_what_nbgrader_refuses_is_named_with_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object, **_named: object) -> ReleasedLab:
        raise InvalidNotebookError("lab.ipynb: ValueError: no", reason="not_releasable")

    monkeypatch.setattr("labs.unit_kind.make_release", refuse)
    problems = Problems()
    run_lab(unit_of(RELEASED.source), problems, Trial(print))
    assert problems.in_order() == [
        Problem("modules/10-a/10-lab", None, "not_releasable", "lab.ipynb: ValueError: no")
    ]


@pytest.mark.django_db
def test_equal_content_is_the_same_release() -> None:
    data = LabData(
        RELEASED.source, LabSettings(needs={}, limits={}, session={"idle_minutes": 20}, grading={})
    )
    course = make.CourseFactory.create()
    for number in (1, 2):
        release = make.CourseReleaseFactory.create(course=course, number=number)
        unit = make.UnitFactory.create(module__release=release, slug="lab", kind="lab")
        import_lab(unit, None, store_lab(data, RELEASED))  # type: ignore[arg-type]
    assert LabRelease.objects.count() == 1
    assert LabRelease.objects.get().lab_units.count() == 2
    assert LabRelease.objects.get().session == {"idle_minutes": 20}


def test_the_copy_of_a_unit_shows_the_same_release_or_another_one(cohort: Cohort) -> None:
    old = LabUnit.objects.select_related("unit", "release").get(unit__release=cohort.release)
    other = make_labs.LabReleaseFactory.create(lab=old.release.lab)
    copies = [make.UnitFactory.create(kind="lab", slug=old.unit.slug) for _ in range(3)]

    copy_lab(old.unit, copies[0], None)
    copy_lab(old.unit, copies[1], other)

    assert [copy.lab_unit.release for copy in copies[:2]] == [old.release, other]
    with pytest.raises(TypeError):
        copy_lab(old.unit, copies[2], "a release")
