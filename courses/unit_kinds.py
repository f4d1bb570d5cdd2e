"""The kinds of unit. An app registers its kinds from `AppConfig.ready()`, so that courses never imports labs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from django.http import HttpRequest

if TYPE_CHECKING:
    from courses.models import Cohort, Enrolment, Factory, Unit, User
    from courses.package.contents import PackageUnit


class Report(Protocol):
    """Collects problems of a package; `path` is relative to the package, a hint is no error."""

    def __call__(
        self, path: str, message: str, /, *, line: int | None = None, code: str, is_hint: bool = False
    ) -> None: ...


@dataclass(frozen=True)
class UnitSource:
    """What a kind sees of a unit in a package: `folder` holds it, `path` names it in reports."""

    path: str
    folder: Path
    languages: tuple[str, ...]
    texts: Mapping[str, str]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """How a package's units are run: `say` tells how far it is, `is_twice` asks whether the same comes out again."""

    say: Callable[[str], None]
    is_twice: bool = False


@dataclass(frozen=True)
class Panel:
    """A part of a page that a kind of unit draws: a template and what it needs."""

    template: str
    context: Mapping[str, object]


@dataclass(frozen=True)
class UnitKind:
    """One kind of unit.

    `check` reports every problem of a unit and returns the kind's own data (None when there is none);
    `run` is given a unit in order, to run what is in it and report what comes out wrong;
    `prepare` does slow work for a release that is new, before the import's transaction, outside of any;
    `import_unit` writes what the kind keeps beside a new Unit, inside the transaction, given what `prepare` made;
    `copy_unit` does so for the copy (second) of a unit (first) in another release, given what is to stand in the
    place of the old content, or None where that stays;
    `page_context` gives the kind's part of a unit's page; `enrolment` is None in a preview.
    `cohort_panels` gives parts of a cohort's page for its team and staff, `factory_panels` of a factory's page,
    `learning_panels` of a person's own page of what they learn;
    `is_marked_by_learner`: whoever has worked through it says so; other kinds are done by their score.
    """

    slug: str
    template: str
    check: Callable[[UnitSource, Report], object]
    import_unit: Callable[["Unit", "PackageUnit", object], None]
    page_context: Callable[[HttpRequest, "Unit", "Enrolment | None", str], dict[str, object]]
    run: "Callable[[PackageUnit, Report, Trial], None]" = lambda _unit, _report, _trial: None
    prepare: Callable[["PackageUnit"], object] = lambda unit: unit.data
    copy_unit: Callable[["Unit", "Unit", object], None] = lambda _old, _new, _replacement: None
    cohort_panels: Callable[["Cohort"], list[Panel]] = lambda _cohort: []
    factory_panels: Callable[["Factory"], list[Panel]] = lambda _factory: []
    learning_panels: Callable[["User"], list[Panel]] = lambda _user: []
    is_marked_by_learner: bool = False


_kinds: dict[str, UnitKind] = {}


def register(kind: UnitKind) -> None:
    _kinds[kind.slug] = kind


def get_kind(slug: str) -> UnitKind:
    return _kinds[slug]


def registered_kinds() -> Mapping[str, UnitKind]:
    return dict(_kinds)
