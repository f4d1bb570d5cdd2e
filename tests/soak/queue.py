"""A thousand submissions of three courses at once, while grading workers, fork servers and Redis are killed.

Every learner presses again while they wait, some with newer work. In the end every attempt that counts has its mark,
once and right. Django is set up when this is imported.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.utils import timezone

from courses.models import User
from labs.models import GradingPause, GradingRun, Submission
from labs.services.grading_pauses import pause_grading, resume_grading
from labs.states import ACTIVE_GRADING_STATUSES, GradingStatus, SubmissionStatus
from tests.bench.machine import Sampler, tell_peaks
from tests.live.alone import say
from tests.live.fixtures import INSTRUCTOR
from tests.live.grading_processes import FORK_SERVER, WORKER, find_grading_processes
from tests.live.stack import Stack
from tests.soak import queue_checks as checks
from tests.soak.answers import Answers
from tests.soak.faults import FaultLog
from tests.soak.queue_class import COURSES, Class, Door, in_any_order, in_order, make_class
from tests.soak.queue_faults import Killer
from tests.soak.report import SHOWN, fault_lines, tell_answers, tell_counts, tell_faults, tell_spread

LASTING = (WORKER, FORK_SERVER)  # processes whose memory must not grow
PAUSED_COURSE = 1
PAUSED_FROM, PAUSED_FOR = 0.55, 0.1  # of all runs: after half time, so that shares are asked of whole courses
STEP = 1.0
SAY_EVERY = 30
LONGEST_PAUSE = 60.0
PATIENCE = 300.0  # and this much for each submission:
SECONDS_EACH = 3.0


@dataclass
class Story:
    """What happened; `broken` has a sentence for everything that must not be."""

    seconds: float = 0.0
    pause: GradingPause | None = None
    resumed_at: datetime | None = None
    broken: list[str] = field(default_factory=list)

    def require(self, rule: str, faults: Iterator[str] | Sequence[str]) -> None:
        told = list(faults)
        self.broken += [f"BROKEN {rule}: {fault}" for fault in told[:SHOWN]]
        if len(told) > SHOWN:
            self.broken.append(f"BROKEN {rule}: and {len(told) - SHOWN} more")


def soak_queue(stack: Stack, count: int, seed: str, log_file: Path) -> bool:
    """Whether every rule held; the table is said, and details are written to the file."""
    made = make_class(stack, count, seed)
    answers, log, story = Answers(), FaultLog(), Story()
    door = Door(stack, answers)
    sampler = Sampler(lambda: find_grading_processes(stack))
    started_at = time.monotonic()
    with killing(Killer(stack, seed, log), story), sampling(sampler):
        door.hand_in_all(in_order(made, seed))
        say(f"{count} submissions after {time.monotonic() - started_at:.0f} s. Now everybody presses again.")
        door.hand_in_all(in_any_order(made, seed), is_again=True)
        follow(made, story, time.monotonic() + PATIENCE + SECONDS_EACH * count)
    story.seconds = time.monotonic() - started_at
    judge(stack, made, story, log, answers, door, sampler)
    lines = [*tell(made, story, log, answers, door, sampler), *(story.broken or ["Every rule held."])]
    say("\n".join(["", *lines]))
    log_file.write_text("\n".join([*lines, "", *tell_faults(log), "", *tell_answers(answers.faults)]))
    return not story.broken


@contextmanager
def killing(killer: Killer, story: Story) -> Iterator[None]:
    killer.start()
    try:
        yield
    finally:
        killer.stop()
        story.require("a fault of this harness", [killer.crash] if killer.crash else [])


@contextmanager
def sampling(sampler: Sampler) -> Iterator[None]:
    sampler.start()
    try:
        yield
    finally:
        sampler.stop()


def follow(made: Class, story: Story, deadline: float) -> None:
    """Until nothing waits and nothing is graded; one lab is paused for a while on the way."""
    said_at = 0.0
    while time.monotonic() < deadline:
        counts = Counter(GradingRun.objects.values_list("status", flat=True))
        active = sum(counts[status] for status in ACTIVE_GRADING_STATUSES)
        if time.monotonic() - said_at > SAY_EVERY:
            said_at = time.monotonic()
            say(f"{time.strftime('%H:%M:%S')} {tell_counts(counts)}")
        is_paused = story.pause is not None and story.resumed_at is None
        if not active and not is_paused:
            return
        pause_for_a_while(made, story, counts[GradingStatus.FINISHED] / len(made.learners))
        time.sleep(STEP)


def pause_for_a_while(made: Class, story: Story, done: float) -> None:
    """Pause a lab behind half time, and let it go on when a tenth more is done, or after a minute."""
    lab = made.labs[PAUSED_COURSE].release.lab
    person = User.objects.get(email=INSTRUCTOR)
    if story.pause is None and done >= PAUSED_FROM:
        story.pause = pause_grading(lab, note="The soak looks at this.", actor=person)
    elif story.pause is not None and story.resumed_at is None:
        waited = (timezone.now() - story.pause.started_at).total_seconds()
        if done >= PAUSED_FROM + PAUSED_FOR or waited > LONGEST_PAUSE:
            story.resumed_at = timezone.now()
            resume_grading(lab, actor=person)


def judge(
    stack: Stack,
    made: Class,
    story: Story,
    log: FaultLog,
    answers: Answers,
    door: Door,
    sampler: Sampler,
) -> None:
    """Hold what was found against every rule."""
    runs, attempts = checks.load_runs(), checks.load_attempts()
    hit = checks.find_hit(runs, log.faults)
    story.require("not graded", checks.find_unfinished())
    story.require("a mark lost, doubled or wrong", checks.find_wrong_marks(made, attempts, runs, hit))
    story.require("a mark written twice", checks.find_doubled(runs))
    story.require("a learner's unit", checks.find_wrong_units(made, attempts, hit, runs))
    story.require(f"shares not under {checks.SHARE}", checks.find_unfair(checks.count_shares(runs), COURSES))
    if story.pause and story.resumed_at:
        story.require("graded while paused", checks.find_graded_while_paused(story.pause, story.resumed_at))
    else:
        story.broken.append("BROKEN no lab was paused")
    for kind in LASTING:
        story.require(f"memory: {kind}", checks.find_growth(sampler.series.get(kind, [])))
    story.require("left behind", checks.find_left_behind(stack))
    story.require("a page of Paja", tell_answers(answers.faults))
    story.require("a press refused", [f"{count} times {what}" for what, count in door.refused.items()])
    never = [f"{fault.target} at {fault.killed_at:.0f}" for fault in log.faults if not fault.recovered_at]
    story.require("not there again", never)


def tell(
    made: Class, story: Story, log: FaultLog, answers: Answers, door: Door, sampler: Sampler
) -> Iterator[str]:
    runs = checks.load_runs()
    finished = list(GradingRun.objects.filter(status=GradingStatus.FINISHED).select_related("submission"))
    statuses = Counter(run.status for tries in runs.values() for run in tries)
    failed = Counter(
        run.reason for tries in runs.values() for run in tries if run.status == GradingStatus.FAILED
    )
    again = Submission.objects.filter(status=SubmissionStatus.UNCHANGED)
    claimed = {run.submission.enrolment_id: run.claimed_at for run in finished}
    early = sum(
        1 for each in again if (taken := claimed.get(each.enrolment_id)) is None or each.pressed_at < taken
    )
    yield from fault_lines(log)
    yield ""
    yield f"{'learners, presses':<40}{len(made.learners)}, {door.presses}"
    yield f"{'pressed again with the same work':<40}{again.count()}, {early} of them while it waited"
    yield f"{'gradings':<40}{tell_counts(statuses)}"
    yield f"{'failed and done again because':<40}{tell_counts(failed)}"
    yield f"{'tries of finished runs':<40}{tell_counts(Counter(str(run.try_number) for run in finished))}"
    yield f"{'finished, by course, at half time':<40}{checks.count_shares(runs)}"
    rate = f"{story.seconds:.0f} s, {60 * len(finished) / story.seconds:.0f} marks a minute"
    yield f"{'from the first press to the last mark':<40}{rate}"
    yield f"{'waited for a worker':<40}{tell_spread([run.phase_seconds.get('queued', 0.0) for run in finished])}"
    yield f"{'answers of Paja waited for':<40}{tell_spread(list(answers.seconds.get('paja', ())))}"
    for kind in LASTING:
        first, last = checks.find_thirds(sampler.series.get(kind, []))
        yield f"{f'{kind}: MB, first, last third':<40}{first:.0f}, {last:.0f}"
    yield from tell_peaks(sampler.peaks)
    yield ""
