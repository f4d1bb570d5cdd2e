"""Grade an nbgrader course folder through Paja's own pipeline and box, without the database."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from labs.box import BoxEnvironment, BoxLimits, find_bubblewrap
from labs.exceptions import BoxUnavailableError, InvalidNotebookError
from labs.nbgrader import GradingResult, NotebookResult, ReleasedLab, autograde, make_release
from labs.nbgrader.results import is_notebook_path

# nbgrader's CourseDirectory.ignore.
_IGNORED: Final = (".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback")
_AUTOTESTS: Final = "autotests.yml"


class Command(BaseCommand):
    help = "Grade every submission of an assignment of an nbgrader course folder, in the box, without the database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("course_dir", type=Path, help="a folder with source/ and submitted/")
        parser.add_argument("assignment", help="the name of a folder in source/")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
        jobs = os.cpu_count() or 1
        parser.add_argument(
            "--jobs", type=int, default=jobs, help="submissions graded at once (default: cores)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        course, assignment = options["course_dir"], options["assignment"]
        source = _read_assignment(course, assignment)
        learners = _find_learners(course, assignment)
        environment = BoxEnvironment(settings.LAB_PYTHON)
        try:
            find_bubblewrap()
            release = make_release(source, name=assignment, environment=environment)
        except (BoxUnavailableError, InvalidNotebookError) as error:
            raise CommandError(str(error)) from error
        graded = _grade_all(release, learners, environment, max(1, options["jobs"]))
        results = {name: result for name, result in graded.items() if isinstance(result, GradingResult)}
        if options["json"]:
            self.stdout.write(json.dumps(_to_json(assignment, results), indent=2, allow_nan=False))
        else:
            self.stdout.writelines(_to_table(results))
        failed = {name: error for name, error in graded.items() if isinstance(error, Exception)}
        if failed:
            reasons = "; ".join(f"{name}: {type(error).__name__}: {error}" for name, error in failed.items())
            raise CommandError(_("These submissions could not be graded: %(reasons)s") % {"reasons": reasons})


def _read_assignment(course: Path, assignment: str) -> dict[str, bytes]:
    if not course.is_dir():
        raise CommandError(_("There is no folder %(folder)s.") % {"folder": course})
    folder = course / "source" / assignment
    if not assignment or Path(assignment).name != assignment or not folder.is_dir():
        raise CommandError(
            _("The course has no assignment %(name)s: there is no folder %(folder)s.")
            % {"name": assignment, "folder": folder}
        )
    source = dict(_read_files(folder))
    if not any(is_notebook_path(path) for path in source):
        raise CommandError(_("There is no notebook in %(folder)s.") % {"folder": folder})
    shared = course / _AUTOTESTS
    if _AUTOTESTS not in source and shared.is_file():
        source[_AUTOTESTS] = shared.read_bytes()
    return source


def _find_learners(course: Path, assignment: str) -> dict[str, Path]:
    submitted = course / "submitted"
    folders = sorted(submitted.glob(f"*/{assignment}")) if submitted.is_dir() else []
    learners = {folder.parent.name: folder for folder in folders if folder.is_dir()}
    if not learners:
        raise CommandError(
            _("Nobody has handed in %(name)s: there is no folder %(folder)s.")
            % {"name": assignment, "folder": submitted / "…" / assignment}
        )
    return learners


def _read_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every ordinary file below the folder; a link in a submission could lead anywhere, so links are left out."""
    limit = BoxLimits().disk_bytes
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_ignored(name)]
        for name in names:
            path = Path(place) / name
            if _is_ignored(name) or path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                yield path.relative_to(folder).as_posix(), file.read(limit + 1)


def _is_ignored(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _IGNORED)


def _grade_all(
    release: ReleasedLab, learners: dict[str, Path], environment: BoxEnvironment, jobs: int
) -> dict[str, GradingResult | Exception]:
    """One failure costs one submission: what cannot be graded comes back as the exception that it raised."""

    def grade(folder: Path) -> GradingResult | Exception:
        try:
            return autograde(release, dict(_read_files(folder)), limits=BoxLimits(), environment=environment)
        except Exception as error:
            return error

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return dict(zip(learners, pool.map(grade, learners.values()), strict=True))


def _to_json(assignment: str, results: dict[str, GradingResult]) -> dict[str, object]:
    learners = {
        learner: {"notebooks": {notebook.name: _notebook_to_json(notebook) for notebook in result.notebooks}}
        for learner, result in results.items()
    }
    return {"assignment": assignment, "learners": learners}


def _notebook_to_json(notebook: NotebookResult) -> dict[str, object]:
    cells = {
        cell.grade_id: {
            "auto_score": cell.auto_score,
            "max_score": cell.max_score,
            "needs_manual_grade": cell.needs_manual_grade,
        }
        for cell in notebook.cells
    }
    return {
        "outcome": notebook.outcome.value,
        "reason": notebook.reason,
        "faulty_cell": notebook.faulty_cell,
        "cells": cells,
    }


def _to_table(results: dict[str, GradingResult]) -> Iterator[str]:
    rows = [
        (_("learner"), _("notebook"), _("outcome"), _("points"), _("to grade by hand"), _("cell at fault"))
    ]
    for learner, result in results.items():
        for notebook in result.notebooks:
            points = sum(cell.auto_score or 0 for cell in notebook.cells)
            most = sum(cell.max_score for cell in notebook.cells)
            waiting = sum(cell.needs_manual_grade for cell in notebook.cells)
            outcome = (
                notebook.outcome.label
                if not notebook.reason
                else f"{notebook.outcome.label} ({notebook.reason})"
            )
            score = f"{points:g} / {most:g}"
            rows.append(
                (learner, notebook.name, str(outcome), score, str(waiting), notebook.faulty_cell or "")
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n"
