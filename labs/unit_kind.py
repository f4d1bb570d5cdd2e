"""The unit kind `lab`: how a package's lab is checked and becomes a LabRelease, and where its pages draw it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from courses.models import Unit
from courses.unit_kinds import Report, UnitKind, UnitSource, register
from labs.blobs import store_blob, store_files
from labs.box import BoxEnvironment
from labs.models import Lab, LabRelease, LabUnit
from labs.nbgrader import ReleasedLab, check_source, make_release
from labs.nbgrader.results import is_notebook_path
from labs.views.staff_panels import cohort_panels, factory_panels
from labs.views.unit_panel import page_context
from labs.work.releasing import PreparedLab, find_or_create_release

if TYPE_CHECKING:
    from courses.package.contents import PackageUnit

# What is sensible, by name: the lowest and the highest.
NEEDS: Final = {"gpus": (0, 8), "memory_gb": (0, 480), "minutes": (0, 4320)}
LIMITS: Final = {"cell_seconds": (1, 3600), "total_seconds": (1, 7200), "memory_mb": (128, 65536)}
SESSION: Final = {"idle_minutes": (5, 480), "sessions_max": (1, 1000)}
TOOLS: Final = ("language-server", "terminal")


@dataclass(frozen=True)
class LabData:
    """A checked lab: its source notebooks and data files by path, and lab.toml's tables."""

    source: Mapping[str, bytes]
    needs: Mapping[str, int]
    limits: Mapping[str, int]
    session: Mapping[str, Any]
    grading: Mapping[str, Any]


def register_lab_kind() -> None:
    """Register it; called once, when Django starts."""
    register(
        UnitKind(
            slug="lab",
            template="labs/_unit_lab.html",
            check=check_lab,
            prepare=prepare_lab,
            import_unit=import_lab,
            copy_unit=copy_lab,
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
    session = read_session(source.settings, tell)
    files = {**read_folder(source.folder / "files"), **read_folder(source.folder / "source")}
    if not any(is_notebook_path(path) for path in files):
        tell("source", _("There is no notebook (*.ipynb) in this folder."), code="lab-without-notebook")
    for found in check_source(files):
        tell(f"source/{found.notebook}", found.message, line=found.line, code=found.code)
    return (
        None if problems else LabData(source=files, needs=needs, limits=limits, session=session, grading={})
    )


def read_numbers(
    table: Mapping[str, Any],
    name: str,
    known: Mapping[str, tuple[int, int]],
    tell: Report,
    *,
    others: Sequence[str] = (),
) -> dict[str, int]:
    """A table of whole numbers in lab.toml, each from the lowest to the highest that `known` has for it.

    `others` are further keys of that table, read elsewhere.
    """
    values = table.get(name, {})
    if not isinstance(values, dict):
        tell("lab.toml", _("[%(name)s] is a table of numbers.") % {"name": name}, code="lab-setting")
        return {}
    for key, value in values.items():
        if key not in known:
            words = {"name": name, "key": key, "known": ", ".join(sorted([*known, *others]))}
            message = _("[%(name)s] has no “%(key)s”; it knows %(known)s.") % words
            tell("lab.toml", message, code="lab-setting")
            continue
        lowest, highest = known[key]
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            message = _("%(key)s is a whole number from %(lowest)s to %(highest)s.")
            words = {"key": key, "lowest": lowest, "highest": highest}
            tell("lab.toml", message % words, code="lab-setting")
    return dict(values)


def read_session(table: Mapping[str, Any], tell: Report) -> dict[str, Any]:
    """[session]: two numbers, and `tools`, what JupyterLab loads beside the notebook."""
    values = table.get("session", {})
    if not isinstance(values, dict):
        tell("lab.toml", _("[%(name)s] is a table.") % {"name": "session"}, code="lab-setting")
        return {}
    numbers = {key: value for key, value in values.items() if key != "tools"}
    session: dict[str, Any] = read_numbers({"session": numbers}, "session", SESSION, tell, others=["tools"])
    if "tools" in values:
        session["tools"] = read_tools(values["tools"], tell)
    return session


def read_tools(value: object, tell: Report) -> list[str]:
    """A list of tools, each once, in an order that says nothing."""
    known = ", ".join(TOOLS)
    if not isinstance(value, list):
        tell(
            "lab.toml",
            _("tools is a list of names; it knows %(known)s.") % {"known": known},
            code="lab-setting",
        )
        return []
    for tool in value:
        if tool not in TOOLS:
            message = _("“%(tool)s” is no tool of a lab; known are %(known)s.")
            tell("lab.toml", message % {"tool": tool, "known": known}, code="lab-setting")
    return sorted({tool for tool in value if tool in TOOLS})


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
        source_files=store_files(released.source),
        learner_files=store_files(released.learner_files),
        gradebook=store_blob(released.gradebook),
        grade_cells=[asdict(cell) for cell in released.grade_cells],
        needs=data.needs,
        limits=data.limits,
        session=data.session,
        grading=data.grading,
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
