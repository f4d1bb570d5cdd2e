"""The same submissions in a running Paja: handed in, queued, graded by its worker, written down.

Django is set up when this is imported.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile

from courses.models import Cohort, CourseRelease, Factory
from labs.models import CellGrade, GradingRun, LabUnit
from labs.nbgrader.results import is_notebook_path
from labs.services.uploads import submit_upload
from labs.states import ACTIVE_GRADING_STATUSES, GradingStatus
from tests.bench.machine import Marks, Measured, Sampler, count_busy_seconds
from tests.factories.courses import CohortFactory, EnrolmentFactory
from tests.live import small_course
from tests.live.grading_processes import NAME, find_grading_processes
from tests.live.stack import Stack
from tests.live.waiting import wait_until
from tests.parity.cases import Assignment, Files, Submission

WARM_UPS = 4
FACTORY = "kajaani"


def measure_recorded(stack: Stack, assignment: Assignment) -> Measured:
    """From the first claim to the last mark, when all were in the queue before; a few are graded before that."""
    cohort, lab_unit = open_course(stack, assignment.name, assignment.source)
    hand_in_all(cohort, lab_unit, assignment.submissions[:WARM_UPS])
    wait_graded(WARM_UPS)
    with stack.paused(NAME):
        learners = hand_in_all(cohort, lab_unit, assignment.submissions)
    sampler = Sampler(lambda: find_grading_processes(stack))
    before = count_busy_seconds()
    sampler.start()
    wait_graded(WARM_UPS + len(learners))
    busy = count_busy_seconds() - before
    sampler.stop()
    return read_runs(learners, busy, sampler)


def open_course(stack: Stack, name: str, source: Files) -> tuple[Cohort, LabUnit]:
    """A course with a lab of these files, imported as an instructor does, and a cohort of it."""
    folder = small_course.write_package(
        stack.place.data.parent / "package" / name, slug=name, lab=name, sources=source
    )
    said = stack.manage("import_course", str(folder))
    if said.returncode != 0:
        raise RuntimeError(said.stdout + said.stderr)
    release = CourseRelease.objects.get(course__slug=name)
    cohort = CohortFactory.create(release=release, factory=Factory.objects.get(slug=FACTORY))
    return cohort, LabUnit.objects.select_related("unit", "release__lab__course").get(unit__release=release)


def hand_in_all(cohort: Cohort, lab_unit: LabUnit, submissions: Sequence[Submission]) -> dict[int, str]:
    """Each by somebody new: who handed in what, by the number of their submission's row."""
    learners = {}
    for submission in submissions:
        enrolment = EnrolmentFactory.create(cohort=cohort)
        files = [
            SimpleUploadedFile(path, content)
            for path, content in submission.files.items()
            if is_notebook_path(path)
        ]
        made = submit_upload(enrolment, lab_unit, files, press_key=uuid4(), actor=enrolment.learner)
        learners[made.pk] = submission.learner
    return learners


def wait_graded(count: int) -> None:
    runs = GradingRun.objects.filter(status=GradingStatus.FINISHED)
    wait_until(lambda: runs.count() >= count, f"{count} submissions are graded", seconds=60 + 10 * count)
    left = GradingRun.objects.filter(status__in=ACTIVE_GRADING_STATUSES)
    assert not left.exists(), left


def read_runs(learners: dict[int, str], busy: float, sampler: Sampler) -> Measured:
    runs = list(GradingRun.objects.filter(submission__in=learners, status=GradingStatus.FINISHED))
    assert len(runs) == len(learners), f"{len(runs)} runs of {len(learners)} submissions finished"
    claimed, finished = zip(*map(find_times, runs), strict=True)
    measured = Measured((max(finished) - min(claimed)).total_seconds(), busy, peaks=sampler.peaks)
    for run in runs:
        for phase, seconds in find_phases(run).items():
            measured.phases.setdefault(phase, []).append(seconds)
        measured.marks[learners[run.submission_id]] = read_marks(run)
    return measured


def read_marks(run: GradingRun) -> Marks:
    marks: Marks = {}
    for cell in CellGrade.objects.filter(run=run):
        of_notebook = marks.setdefault(cell.notebook, {"cells": {}})["cells"]
        of_notebook[cell.grade_id] = [
            cell.auto_score,
            cell.max_score,
            cell.needs_manual_grade,
            cell.extra_credit or 0.0,
        ]
    return marks


def find_phases(run: GradingRun) -> dict[str, float]:
    """Seconds of each phase; `recorded` is what a worker held the run beside them."""
    claimed_at, finished_at = find_times(run)
    phases: dict[str, float] = dict(run.phase_seconds)
    queued = phases.pop("queued", 0.0)
    held = (finished_at - claimed_at).total_seconds()
    return {"queued": queued, **phases, "recorded": held - sum(phases.values())}


def find_times(run: GradingRun) -> tuple[datetime, datetime]:
    """When a finished run was claimed, and when its mark stood."""
    assert run.claimed_at
    assert run.finished_at
    return run.claimed_at, run.finished_at
