"""What must be true when a thousand submissions have been graded, looked up in the rows and on the machine."""

import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from courses.models import UnitProgress
from labs.models import CellGrade, GradingPause, GradingRun, GradingRunEvent, Submission
from labs.states import ACTIVE_GRADING_STATUSES, GradingStatus, SubmissionStatus
from labs.work.grading_retries import MAX_TRIES
from tests.live.grading_processes import BOX, find_grading_processes
from tests.live.stack import Stack
from tests.live.waiting import wait_until
from tests.soak.faults import Fault
from tests.soak.queue_class import LAB, NOTEBOOK, POINTS, Class
from tests.soak.queue_faults import GRADERS

SHARE = 1.5
GROWTH, SLACK_MB = 1.25, 30.0
CLAIM_SECONDS = 2.0
Runs = dict[int, list[GradingRun]]
"""By the number of their submission's row, the oldest first."""


def load_runs() -> Runs:
    runs: Runs = defaultdict(list)
    for run in GradingRun.objects.order_by("pk"):
        runs[run.submission_id].append(run)
    return runs


def load_attempts() -> list[Submission]:
    """All that was handed in and is not the same as before, the oldest first."""
    return list(Submission.objects.filter(status=SubmissionStatus.COLLECTED).order_by("pk"))


def find_wrong_marks(made: Class, attempts: Sequence[Submission], runs: Runs, hit: set[int]) -> Iterator[str]:
    """Attempts that count and have not exactly one mark, or a wrong one; replaced ones that have one."""
    for attempt in attempts:
        of_attempt = runs[attempt.pk]
        finished = [run for run in of_attempt if run.status == GradingStatus.FINISHED]
        points = made.points[attempt.files[NOTEBOOK]]
        if is_replaced(of_attempt):
            if finished or not has_newer(attempt, attempts):
                yield f"{attempt.public_id}: replaced, with {len(finished)} marks"
        elif len(finished) != 1 and attempt.pk not in hit:
            yield f"{attempt.public_id}: {len(finished)} marks: {[(run.status, run.reason) for run in of_attempt]}"
        elif any((run.score, run.max_score) != (points, sum(POINTS.values())) for run in finished):
            yield f"{attempt.public_id}: {[run.score for run in finished]} points instead of {points}"


def is_replaced(runs: Sequence[GradingRun]) -> bool:
    return any(run.status == GradingStatus.REPLACED for run in runs)


def has_newer(attempt: Submission, attempts: Sequence[Submission]) -> bool:
    return any(each.enrolment_id == attempt.enrolment_id and each.pk > attempt.pk for each in attempts)


def find_doubled(runs: Runs) -> Iterator[str]:
    """Marks that were written down more than once, or in part."""
    finished = [run.pk for each in runs.values() for run in each if run.status == GradingStatus.FINISHED]
    events = GradingRunEvent.objects.filter(after=GradingStatus.FINISHED).count()
    cells = CellGrade.objects.count()
    if events != len(finished) or cells != len(finished) * len(POINTS):
        yield f"{len(finished)} finished runs, {events} events of that, {cells} cells with points"


def find_wrong_units(made: Class, attempts: Sequence[Submission], hit: set[int], runs: Runs) -> Iterator[str]:
    """Learners whose unit does not show their best mark."""
    best: dict[int, int] = {}
    for attempt in attempts:
        if attempt.pk not in hit and not is_replaced(runs[attempt.pk]):
            points = made.points[attempt.files[NOTEBOOK]]
            best[attempt.enrolment_id] = max(points, best.get(attempt.enrolment_id, 0))
    shown = dict(UnitProgress.objects.filter(unit_slug=LAB).values_list("enrolment", "score"))
    for learner in made.learners:
        wanted = best.get(learner.enrolment_id)
        if wanted is not None and shown.get(learner.enrolment_id) != wanted:
            yield f"learner {learner.enrolment_id}: {shown.get(learner.enrolment_id)} instead of {wanted}"


def find_hit(runs: Runs, faults: Sequence[Fault]) -> set[int]:
    """Submissions of which all tries were met by kills: what then failed did so for a reason."""
    kills = [fault.killed_at for fault in faults if fault.kind in GRADERS]
    hit = set()
    for submission, tries in runs.items():
        failed = [run for run in tries if run.status == GradingStatus.FAILED]
        if len(failed) >= MAX_TRIES and all(any(was_held(run, kill) for kill in kills) for run in failed):
            hit.add(submission)
    return hit


def was_held(run: GradingRun, moment: float) -> bool:
    if run.claimed_at is None or run.finished_at is None:
        return False
    return run.claimed_at.timestamp() <= moment <= run.finished_at.timestamp()


def count_shares(runs: Runs) -> list[int]:
    """Finished runs of each course, of the first half of all."""
    finished = GradingRun.objects.filter(status=GradingStatus.FINISHED).order_by("finished_at")
    courses = list(finished.values_list("submission__lab__course", flat=True))
    return sorted(Counter(courses[: len(courses) // 2]).values())


def find_unfair(shares: Sequence[int], courses: int) -> Iterator[str]:
    if len(shares) < courses or shares[-1] >= SHARE * shares[0]:
        yield f"finished runs of each course at half time: {shares}"


def find_graded_while_paused(pause: GradingPause, until: datetime) -> Iterator[str]:
    """Runs of the paused lab that a worker took; one that was being taken at that moment may go on."""
    since = pause.started_at + timedelta(seconds=CLAIM_SECONDS)
    taken = GradingRun.objects.filter(submission__lab=pause.lab, claimed_at__range=(since, until))
    yield from (f"{run.submission.public_id}: taken at {run.claimed_at:%H:%M:%S}" for run in taken)


def find_growth(series: Sequence[tuple[float, int]]) -> Iterator[str]:
    """The memory of a kind in the last third of the time against the first."""
    first, last = find_thirds(series)
    if not first:
        yield "nobody looked at it"
    if last > first * GROWTH + SLACK_MB:
        yield f"{first:.0f} MB in the first third of the time, {last:.0f} MB in the last"


def find_thirds(series: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Medians of the looks at which as many processes were there as at most others; 0 without any."""
    usual = Counter(count for _size, count in series).most_common(1)
    whole = [size for size, count in series if count == usual[0][0]]
    third = max(1, len(whole) // 3)
    return (statistics.median(whole[:third]), statistics.median(whole[-third:])) if whole else (0.0, 0.0)


def find_left_behind(stack: Stack) -> Iterator[str]:
    """Boxes that live though nothing is graded, and folders of runs."""
    try:
        wait_until(lambda: not list_boxes(stack), "no box is left", seconds=20)
    except AssertionError as error:
        yield str(error)
    own = stack.place.runtime.name
    folders = [
        path.name for path in Path(tempfile.gettempdir()).iterdir() if path.name != own and is_full(path)
    ]
    if folders:
        yield f"left in the folder for temporary files: {folders[:12]}"


def is_full(path: Path) -> bool:
    """A Celery that is killed leaves an empty folder, which it has for the locks of its pool."""
    return path.is_file() or any(path.iterdir())


def list_boxes(stack: Stack) -> list[int]:
    return [process.pid for kind, process in find_grading_processes(stack) if kind == BOX]


def find_unfinished() -> Iterator[str]:
    left = Counter(
        GradingRun.objects.filter(status__in=ACTIVE_GRADING_STATUSES).values_list("status", flat=True)
    )
    if left:
        yield f"still {dict(left)}"
