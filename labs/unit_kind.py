"""The unit kind `lab`: how a package's lab is checked and becomes a LabRelease, and where its pages draw it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db.models import Max
from django.utils.translation import gettext as _

from courses.models import Unit
from courses.unit_kinds import Report, UnitKind, UnitSource, register
from labs.blobs import hash_files, store_blob, store_files
from labs.box import BoxEnvironment
from labs.models import Lab, LabRelease, LabUnit
from labs.nbgrader import GradeCellSpec, ReleasedLab, check_source, make_release
from labs.nbgrader.results import is_notebook_path
from labs.views.staff_panels import cohort_panels, factory_panels
from labs.views.unit_panel import page_context

if TYPE_CHECKING:
    from courses.package.contents import PackageUnit

# What is sensible, by name: the lowest and the highest.
NEEDS: Final = {"gpus": (0, 8), "memory_gb": (0, 480), "minutes": (0, 4320)}
LIMITS: Final = {"cell_seconds": (1, 3600), "total_seconds": (1, 7200), "memory_mb": (128, 65536)}


@dataclass(frozen=True)
class LabData:
    """A checked lab: its source notebooks and data files by path, what it needs, its limits in the box."""

    source: Mapping[str, bytes]
    needs: Mapping[str, int]
    limits: Mapping[str, int]

    @property
    def content_hash(self) -> str:
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in self.source.items()}
        about = json.dumps([hash_files(digests), dict(self.needs), dict(self.limits)], sort_keys=True)
        return hashlib.sha256(about.encode()).hexdigest()


@dataclass(frozen=True)
class PreparedLab:
    """What the import writes: a checked lab and nbgrader's release of it, whose files are stored already."""

    data: LabData
    source_files: Mapping[str, str]
    learner_files: Mapping[str, str]
    gradebook: str
    grade_cells: tuple[GradeCellSpec, ...]


def register_lab_kind() -> None:
    """Register it; called once, when Django starts."""
    register(
        UnitKind(
            slug="lab",
            template="labs/_unit_lab.html",
            check=check_lab,
            prepare=prepare_lab,
            import_unit=import_lab,
            page_context=page_context,
            cohort_panels=cohort_panels,
            factory_panels=factory_panels,
        )
    )


def check_lab(source: UnitSource, report: Report) -> LabData | None:
    """Everything wrong with `lab.toml`'s tables and the source notebooks; None when something is."""
    problems: list[str] = []

    def tell(path: str, message: str, *, line: int | None = None, code: str) -> None:
        problems.append(code)
        report(f"{source.path}/{path}" if path else source.path, message, line=line, code=code)

    needs = read_numbers(source.settings, "needs", NEEDS, tell)
    limits = read_numbers(source.settings, "grading", LIMITS, tell)
    files = {**read_folder(source.folder / "files"), **read_folder(source.folder / "source")}
    if not any(is_notebook_path(path) for path in files):
        tell("source", _("There is no notebook (*.ipynb) in this folder."), code="lab-without-notebook")
    for found in check_source(files):
        tell(f"source/{found.notebook}", found.message, line=found.line, code=found.code)
    return None if problems else LabData(source=files, needs=needs, limits=limits)


def read_numbers(
    table: Mapping[str, Any], name: str, known: Mapping[str, tuple[int, int]], tell: Report
) -> dict[str, int]:
    """A table of whole numbers in lab.toml, each from the lowest to the highest that `known` has for it."""
    values = table.get(name, {})
    if not isinstance(values, dict):
        tell("lab.toml", _("[%(name)s] is a table of numbers.") % {"name": name}, code="lab-setting")
        return {}
    for key, value in values.items():
        if key not in known:
            words = {"name": name, "key": key, "known": ", ".join(sorted(known))}
            message = _("[%(name)s] has no “%(key)s”; it knows %(known)s.") % words
            tell("lab.toml", message, code="lab-setting")
            continue
        lowest, highest = known[key]
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            message = _("%(key)s is a whole number from %(lowest)s to %(highest)s.")
            words = {"key": key, "lowest": lowest, "highest": highest}
            tell("lab.toml", message % words, code="lab-setting")
    return dict(values)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Files below a folder by path; the package's own check has refused links and oversize files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def prepare_lab(unit: "PackageUnit") -> PreparedLab:
    """nbgrader's release of the lab, which takes seconds."""
    data = unit.data
    if not isinstance(data, LabData):
        raise TypeError(f"unit {unit.slug} was not checked")
    environment = BoxEnvironment(python=settings.LAB_PYTHON)
    return store_lab(data, make_release(data.source, name=unit.slug, environment=environment))


def store_lab(data: LabData, released: ReleasedLab) -> PreparedLab:
    """Store a release's files, outside of the import's transaction: the storage may be far away."""
    return PreparedLab(
        data,
        source_files=store_files(released.source),
        learner_files=store_files(released.learner_files),
        gradebook=store_blob(released.gradebook),
        grade_cells=released.grade_cells,
    )


def import_lab(unit: Unit, _package_unit: "PackageUnit", prepared: object) -> None:
    """Tie the unit to its LabRelease, made now or before; equal content is the same release."""
    if not isinstance(prepared, PreparedLab):
        raise TypeError(f"unit {unit.slug} was not prepared")
    lab, _is_new = Lab.objects.get_or_create(course=unit.release.course, slug=unit.slug)
    release = lab.releases.filter(content_hash=prepared.data.content_hash).first()
    if release is None:
        release = create_release(lab, prepared)
    LabUnit.objects.create(unit=unit, release=release)


def create_release(lab: Lab, prepared: PreparedLab) -> LabRelease:
    return LabRelease.objects.create(
        lab=lab,
        number=(lab.releases.aggregate(last=Max("number"))["last"] or 0) + 1,
        content_hash=prepared.data.content_hash,
        source_files=prepared.source_files,
        learner_files=prepared.learner_files,
        gradebook=prepared.gradebook,
        grade_cells=[asdict(cell) for cell in prepared.grade_cells],
        needs=prepared.data.needs,
        limits=prepared.data.limits,
    )
