"""nbgrader's format and pipeline, everything that executes in the box. Knows neither models nor settings.

nbgrader takes seconds to import, so that happens when the first of these functions is called.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from labs.box import BoxEnvironment, BoxLimits, Execution, execute_notebook
from labs.nbgrader.results import (
    STANDARD_POLICY,
    CellKind,
    CellResult,
    Damage,
    DamageKind,
    Evidence,
    FeedbackCell,
    FeedbackDetail,
    GradeCellSpec,
    GradingPolicy,
    GradingResult,
    NotebookResult,
    ReleasedLab,
    SourceProblem,
)

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = [
    "STANDARD_POLICY",
    "CellKind",
    "CellResult",
    "Damage",
    "DamageKind",
    "Evidence",
    "FeedbackCell",
    "FeedbackDetail",
    "GradeCellSpec",
    "GradingPolicy",
    "GradingResult",
    "NotebookResult",
    "ReleasedLab",
    "SourceProblem",
    "autograde",
    "check_source",
    "check_work",
    "compare_sources",
    "excuse_missing_gpu",
    "is_unchanged",
    "make_release",
    "name_cell",
    "rehearse",
]


def make_release(
    source: Mapping[str, bytes],
    *,
    name: str,
    environment: BoxEnvironment,
    settings: "Config | None" = None,
) -> ReleasedLab:
    """See `labs.nbgrader.release`."""
    from labs.nbgrader import release

    return release.make_release(source, name=name, environment=environment, settings=settings)


def autograde(
    release: ReleasedLab,
    submitted: Mapping[str, bytes],
    *,
    limits: BoxLimits,
    environment: BoxEnvironment,
    policy: GradingPolicy = STANDARD_POLICY,
    late_seconds: float = 0,
    execute_with: Callable[..., Execution] = execute_notebook,
) -> GradingResult:
    """See `labs.nbgrader.grading`."""
    from labs.nbgrader import grading

    return grading.autograde(
        release,
        submitted,
        limits=limits,
        environment=environment,
        policy=policy,
        late_seconds=late_seconds,
        execute_with=execute_with,
    )


def check_work(
    release: ReleasedLab,
    submitted: Mapping[str, bytes],
    *,
    limits: BoxLimits,
    environment: BoxEnvironment,
    execute_with: Callable[..., Execution] = execute_notebook,
) -> GradingResult:
    """See `labs.nbgrader.grading`."""
    from labs.nbgrader import grading

    return grading.check_work(
        release, submitted, limits=limits, environment=environment, execute_with=execute_with
    )


def check_source(
    source: Mapping[str, bytes], *, environment: BoxEnvironment | None = None
) -> list[SourceProblem]:
    """See `labs.nbgrader.checking`."""
    from labs.nbgrader.checking import check_source as check

    return check(source, environment=environment)


def rehearse(
    release: ReleasedLab,
    *,
    limits: BoxLimits,
    environment: BoxEnvironment,
    is_twice: bool = False,
    say: Callable[[str], None] = lambda _step: None,
) -> list[SourceProblem]:
    """See `labs.nbgrader.rehearsing`."""
    from labs.nbgrader import rehearsing

    return rehearsing.rehearse(release, limits=limits, environment=environment, is_twice=is_twice, say=say)


def excuse_missing_gpu(problems: Iterable[SourceProblem]) -> list[SourceProblem]:
    """See `labs.nbgrader.rehearsing`."""
    from labs.nbgrader import rehearsing

    return rehearsing.excuse_missing_gpu(problems)


def compare_sources(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> dict[str, Any]:
    """See `labs.nbgrader.comparing`."""
    from labs.nbgrader.comparing import compare_sources as compare

    return compare(before, after)


def is_unchanged(comparison: Mapping[str, Any]) -> bool:
    """See `labs.nbgrader.comparing`."""
    from labs.nbgrader.comparing import is_unchanged as unchanged

    return unchanged(comparison)


def name_cell(content: bytes, index: int) -> str:
    """See `labs.nbgrader.comparing`."""
    from labs.nbgrader.comparing import name_cell as name

    return name(content, index)
