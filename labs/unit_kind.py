"""The unit kind `lab`: how a package's lab is checked and becomes a LabRelease, and where its pages draw it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.translation import gettext as _

from courses.models import Unit
from courses.unit_kinds import Report, Trial, UnitKind, UnitSource, register
from labs.blobs import store_blob, store_files
from labs.box import BoxEnvironment
from labs.exceptions import BoxUnavailableError, InvalidNotebookError
from labs.lab_settings import LabSettings, read_settings
from labs.models import Lab, LabRelease, LabUnit
from labs.nbgrader import ReleasedLab, SourceProblem, check_source, excuse_missing_gpu, make_release, rehearse
from labs.nbgrader.results import is_notebook_path
from labs.views.accounts import learning_panels
from labs.views.staff_panels import cohort_panels, factory_panels
from labs.views.unit_panel import page_context
from labs.work.grading import make_limits
from labs.work.releasing import PreparedLab, find_or_create_release

if TYPE_CHECKING:
    from courses.package.contents import PackageUnit

CHECKS_GPU: Final = b"paja_gpu"


@dataclass(frozen=True)
class LabData:
    """A checked lab: its source notebooks and data files by path, and lab.toml's tables."""

    source: Mapping[str, bytes]
    settings: LabSettings


def register_lab_kind() -> None:
    """Register it; called once, when Django starts."""
    register(
        UnitKind(
            slug="lab",
            template="labs/_unit_lab.html",
            check=check_lab,
            run=run_lab,
            prepare=prepare_lab,
            import_unit=import_lab,
            copy_unit=copy_lab,
            page_context=page_context,
            cohort_panels=cohort_panels,
            factory_panels=factory_panels,
            learning_panels=learning_panels,
        )
    )


def check_lab(source: UnitSource, report: Report) -> LabData | None:
    """Everything wrong with `lab.toml`'s tables and the source notebooks; None when something is."""
    errors: list[str] = []

    def tell(path: str, message: str, *, line: int | None = None, code: str, is_hint: bool = False) -> None:
        errors.extend([] if is_hint else [code])
        report(f"{source.path}/{path}", message, line=line, code=code, is_hint=is_hint)

    own = read_settings(source.settings, tell)
    files = {**read_folder(source.folder / "files"), **read_folder(source.folder / "source")}
    if not any(is_notebook_path(path) for path in files):
        tell("source", _("There is no notebook (*.ipynb) in this folder."), code="lab-without-notebook")
    else:
        environment = BoxEnvironment(python=settings.LAB_PYTHON)
        known = environment if environment.python.exists() else None
        tell_problems(check_source(files, environment=known), tell)
    if own.needs.get("gpus", 0) and not any(CHECKS_GPU in text for text in files.values()):
        message = _(
            "The lab needs a GPU and no notebook checks for it: “import paja_gpu; paja_gpu.check()” in the first cell"
            " tells a learner at once when there is none."
        )
        tell("lab.toml", message, code="lab-without-gpu-check", is_hint=True)
    return None if errors else LabData(source=files, settings=own)


def tell_problems(problems: Iterable[SourceProblem], tell: Report) -> None:
    """What was found in the folder `source`, by file."""
    for found in problems:
        path = f"source/{found.notebook}".rstrip("/")
        tell(path, found.message, line=found.line, code=found.code, is_hint=found.is_hint)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Files below a folder by path; the package's own check has refused links and oversize files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def run_lab(unit: "PackageUnit", report: Report, trial: Trial) -> None:
    """Grade the lab's solution and its empty version in the box, within its own limits."""
    data = read_data(unit)
    environment = BoxEnvironment(python=settings.LAB_PYTHON)

    def tell(path: str, message: str, *, line: int | None = None, code: str, is_hint: bool = False) -> None:
        report(f"{unit.path}/{path}", message, line=line, code=code, is_hint=is_hint)

    try:
        released = make_release(data.source, name=unit.slug, environment=environment)
        found = rehearse(
            released,
            limits=make_limits(data.settings.limits),
            environment=environment,
            is_twice=trial.is_twice,
            say=lambda step: trial.say(f"{unit.slug}: {step}"),
        )
    except InvalidNotebookError as error:
        report(unit.path, str(error), code=error.reason)
    except BoxUnavailableError as error:
        message = _("Labs cannot be run on this machine, so that none was: %(error)s.") % {"error": error}
        report("", message, code=error.reason)
    else:
        needs_gpu = data.settings.needs.get("gpus", 0) > 0
        tell_problems(excuse_missing_gpu(found) if needs_gpu else found, tell)


def prepare_lab(unit: "PackageUnit") -> PreparedLab:
    """nbgrader's release of the lab, which takes seconds."""
    data = read_data(unit)
    environment = BoxEnvironment(python=settings.LAB_PYTHON)
    return store_lab(data, make_release(data.source, name=unit.slug, environment=environment))


def read_data(unit: "PackageUnit") -> LabData:
    if not isinstance(unit.data, LabData):
        raise TypeError(f"unit {unit.slug} was not checked")
    return unit.data


def store_lab(data: LabData, released: ReleasedLab) -> PreparedLab:
    """Store a release's files, outside of the import's transaction: the storage may be far away."""
    return PreparedLab(
        source_files=store_files(released.source),
        learner_files=store_files(released.learner_files),
        gradebook=store_blob(released.gradebook),
        grade_cells=[asdict(cell) for cell in released.grade_cells],
        **vars(data.settings),
    )


def import_lab(unit: Unit, _package_unit: "PackageUnit", prepared: object) -> None:
    """Tie the unit to its LabRelease, made now or before; equal content is the same release."""
    if not isinstance(prepared, PreparedLab):
        raise TypeError(f"unit {unit.slug} was not prepared")
    lab, _is_new = Lab.objects.get_or_create(course=unit.release.course, slug=unit.slug)
    LabUnit.objects.create(unit=unit, release=find_or_create_release(lab, prepared))


def copy_lab(old: Unit, new: Unit, replacement: object) -> None:
    """Tie the copy of a unit to the release in `replacement`, or to the one that the unit shows."""
    if replacement is not None and not isinstance(replacement, LabRelease):
        raise TypeError(f"unit {old.slug} cannot show {replacement!r}")
    release = replacement or LabUnit.objects.select_related("release").get(unit=old).release
    LabUnit.objects.create(unit=new, release=release)
