"""Grade an nbgrader course folder through Paja's own pipeline and box, without the database."""

import json
import logging
import os
from argparse import ArgumentTypeError
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from traitlets import TraitError

from labs.box import BoxEnvironment, BoxLimits, find_bubblewrap
from labs.exceptions import BoxUnavailableError, InvalidNotebookError
from labs.nbgrader import (
    FeedbackDetail,
    GradingPolicy,
    GradingResult,
    NotebookResult,
    ReleasedLab,
    SourceProblem,
    autograde,
    check_source,
    make_release,
)
from labs.nbgrader.course_folder import CourseFolder, read_timestamp
from labs.nbgrader.results import is_notebook_path
from labs.nbgrader.telling import to_json, to_table
from labs.states import GradingOutcome

# nbgrader's Execute.timeout.
_CELL_SECONDS: Final = 30


class Command(BaseCommand):
    help = (
        "Grade every submission of an assignment of an nbgrader course folder, in the box, without the database. "
        "What is in a submission becomes an outcome and never ends the run. Exit status 0: every submission has its "
        "result; 1: the assignment or this machine cannot grade, or some submission has none, and a sentence says why."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("course_dir", type=Path, help="a folder with source/ and submitted/")
        parser.add_argument("assignment", help="the name of a folder in source/")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
        jobs = os.cpu_count() or 1
        parser.add_argument(
            "--jobs", type=int, default=jobs, help="submissions graded at once (default: cores)"
        )
        parser.add_argument(
            "--due", type=_parse_time, help="when it was due (ISO 8601, UTC unless it says otherwise)"
        )
        parser.add_argument(
            "--late", choices=("none", "zero"), help="nbgrader's penalty for what came in later"
        )
        detail = [each.value for each in FeedbackDetail]
        parser.add_argument(
            "--feedback", choices=detail, default="points", help="what is made beside the points"
        )
        parser.add_argument(
            "--cell-seconds", type=float, help=f"for one cell (default: nbgrader's {_CELL_SECONDS})"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        # nbgrader tells of every damaged notebook with a traceback.
        logging.getLogger("traitlets").setLevel(logging.CRITICAL)
        course = _open_course(options["course_dir"], options["assignment"])
        environment = BoxEnvironment(settings.LAB_PYTHON)
        source = _read_source(course, options["assignment"])
        learners = _find_learners(course, options["assignment"])
        release = _release(course, options["assignment"], source, environment)
        if course.settings.ignored:
            names = ", ".join(course.settings.ignored)
            self.stderr.write(
                _("Not honoured in this course's nbgrader_config: %(names)s.") % {"names": names}
            )
        if not release.grade_cells:
            self.stderr.write(_("This is a practice lab: no cell has points, so there is nothing to grade."))
        grading = _Grading(course, release, environment, _choose_limits(course, options), options["due"])
        policy = GradingPolicy(FeedbackDetail(options["feedback"]), _choose_penalty(course, options["late"]))
        graded = grading.grade_all(learners, policy, max(1, options["jobs"]))
        results = {name: result for name, result in graded.items() if isinstance(result, GradingResult)}
        failed = {name: str(error) for name, error in graded.items() if isinstance(error, Exception)}
        if options["json"]:
            told = to_json(options["assignment"], results, failed, is_practice=not release.grade_cells)
            self.stdout.write(json.dumps(told, indent=2, allow_nan=False))
        else:
            self.stdout.writelines(to_table(results))
        if failed:
            reasons = "; ".join(f"{name}: {error}" for name, error in failed.items())
            raise CommandError(_("These submissions could not be graded: %(reasons)s") % {"reasons": reasons})


def _parse_time(text: str) -> datetime:
    from nbgrader.utils import parse_utc

    try:
        told: datetime = parse_utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise ArgumentTypeError(f"no time of ISO 8601: {text}") from error
    return told


def _open_course(folder: Path, assignment: str) -> CourseFolder:
    if not folder.is_dir():
        raise CommandError(_("There is no folder %(folder)s.") % {"folder": folder})
    course = CourseFolder.open(folder)
    known = course.list_assignments()
    if assignment not in known:
        place = course.source_folder / assignment
        told = _("The course has no assignment %(name)s: there is no folder %(folder)s.") % {
            "name": assignment,
            "folder": place,
        }
        if known:
            told += " " + _("It has these: %(names)s.") % {"names": ", ".join(known)}
        raise CommandError(told)
    return course


def _read_source(course: CourseFolder, assignment: str) -> dict[str, bytes]:
    try:
        source = course.read_source(assignment)
    except OSError as error:
        raise CommandError(str(error)) from error
    if not any(is_notebook_path(path) for path in source):
        folder = course.source_folder / assignment
        raise CommandError(_("There is no notebook in %(folder)s.") % {"folder": folder})
    return source


def _release(
    course: CourseFolder, assignment: str, source: dict[str, bytes], environment: BoxEnvironment
) -> ReleasedLab:
    try:
        find_bubblewrap()
        config = course.settings.make_release_config(course.root.resolve())
        release = make_release(source, name=assignment, environment=environment, settings=config)
    except BoxUnavailableError as error:
        raise CommandError(str(error)) from error
    except InvalidNotebookError as error:
        found = [_describe(problem) for problem in check_source(source) if not problem.is_hint]
        raise CommandError("\n".join(found) or str(error)) from error
    except TraitError as error:
        raise CommandError(_("In nbgrader_config: %(error)s") % {"error": error}) from error
    # Files that learners may hand in changed.
    theirs = (course.settings.find("Autograde", "exclude_overwriting", dict) or {}).get(assignment, [])
    return replace(release, source={path: text for path, text in source.items() if path not in theirs})


def _describe(problem: SourceProblem) -> str:
    line = "" if problem.line is None else f":{problem.line}"
    return f"{problem.notebook}{line}: {problem.message}"


def _find_learners(course: CourseFolder, assignment: str) -> dict[str, Path]:
    learners = course.find_learners(assignment)
    if not learners:
        folder = course.submitted_folder / "…" / assignment
        raise CommandError(
            _("Nobody has handed in %(name)s: there is no folder %(folder)s.")
            % {"name": assignment, "folder": folder}
        )
    return learners


def _choose_limits(course: CourseFolder, options: Mapping[str, Any]) -> BoxLimits:
    """What is asked for here, else what the course says of nbgrader's time-out, else nbgrader's own."""
    said = [
        course.settings.find(section, "timeout", (int, float))
        for section in ("Execute", "ExecutePreprocessor")
    ]
    chosen = options["cell_seconds"] or next(
        (seconds for seconds in said if seconds and seconds > 0), _CELL_SECONDS
    )
    return BoxLimits(cell_seconds=chosen, total_seconds=max(BoxLimits().total_seconds, 2 * chosen))


def _choose_penalty(course: CourseFolder, asked: str | None) -> str:
    said = course.settings.find("LateSubmissionPlugin", "penalty_method", str)
    return asked or (said if said in ("none", "zero") else "none")


@dataclass(frozen=True)
class _Grading:
    course: CourseFolder
    release: ReleasedLab
    environment: BoxEnvironment
    limits: BoxLimits
    due_at: datetime | None

    def grade_all(
        self, learners: Mapping[str, Path], policy: GradingPolicy, jobs: int
    ) -> dict[str, GradingResult | Exception]:
        """One failure costs one submission: what cannot be graded comes back as the exception that it raised."""

        def grade(folder: Path) -> GradingResult | Exception:
            try:
                return self._grade(folder, policy)
            except Exception as error:
                return error

        with ThreadPoolExecutor(max_workers=jobs) as pool:
            return dict(zip(learners, pool.map(grade, learners.values()), strict=True))

    def _grade(self, folder: Path, policy: GradingPolicy) -> GradingResult:
        if not self.release.grade_cells:
            scored = GradingOutcome.SCORED
            taken = tuple(NotebookResult(name, scored, "", None, (), ()) for name in self.release.notebooks)
            return GradingResult(scored, taken)
        submitted = self.course.read_submission(folder, limit=self.limits.disk_bytes)
        return autograde(
            self.release,
            submitted,
            limits=self.limits,
            environment=self.environment,
            policy=policy,
            late_seconds=self._find_lateness(folder),
        )

    def _find_lateness(self, folder: Path) -> float:
        handed_in_at = read_timestamp(folder) if self.due_at else None
        if handed_in_at is None or self.due_at is None:
            return 0
        return max(0.0, (handed_in_at - self.due_at).total_seconds())
