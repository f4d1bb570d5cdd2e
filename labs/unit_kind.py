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
from labs.nbgrader import ReleasedLab, check_source, make_release
from labs.views.cohort_panel import cohort_panels
from labs.views.unit_panel import page_context

if TYPE_CHECKING:
    from courses.package.contents import PackageUnit

NEEDS: Final = {"gpus", "memory_gb", "minutes"}
LIMITS: Final = {"cell_seconds", "total_seconds", "memory_mb"}
HIGHEST: Final = {
    "gpus": 8,
    "memory_gb": 480,
    "minutes": 4320,
    "cell_seconds": 3600,
    "total_seconds": 7200,
    "memory_mb": 65536,
}


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
    """What the import writes: a checked lab and nbgrader's release of it."""

    data: LabData
    released: ReleasedLab


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
    if not any(is_notebook(path) for path in files):
        tell("source", _("There is no notebook (*.ipynb) in this folder."), code="lab-without-notebook")
    for found in check_source(files):
        tell(f"source/{found.notebook}", found.message, line=found.line, code=found.code)
    return None if problems else LabData(source=files, needs=needs, limits=limits)


def read_numbers(table: Mapping[str, Any], name: str, known: set[str], tell: Report) -> dict[str, int]:
    """A table of whole numbers in lab.toml, each above nothing and below the highest that is sensible."""
    values = table.get(name, {})
    if not isinstance(values, dict):
        tell("lab.toml", _("[%(name)s] is a table of numbers.") % {"name": name}, code="lab-setting")
        return {}
    for key, value in values.items():
        if key not in known:
            words = {"name": name, "key": key, "known": ", ".join(sorted(known))}
            message = _("[%(name)s] has no “%(key)s”; it knows %(known)s.") % words
            tell("lab.toml", message, code="lab-setting")
        elif isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= HIGHEST[key]:
            message = _("%(key)s is a whole number from 0 to %(highest)s.")
            tell("lab.toml", message % {"key": key, "highest": HIGHEST[key]}, code="lab-setting")
    return dict(values)


def is_notebook(path: str) -> bool:
    return "/" not in path and path.endswith(".ipynb")


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
    return PreparedLab(data, released=make_release(data.source, name=unit.slug, environment=environment))


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
    data, released = prepared.data, prepared.released
    return LabRelease.objects.create(
        lab=lab,
        number=(lab.releases.aggregate(last=Max("number"))["last"] or 0) + 1,
        content_hash=data.content_hash,
        source_files=store_files(released.source),
        learner_files=store_files(released.learner_files),
        gradebook=store_blob(released.gradebook),
        grade_cells=[asdict(cell) for cell in released.grade_cells],
        needs=dict(data.needs),
        limits=dict(data.limits),
    )
