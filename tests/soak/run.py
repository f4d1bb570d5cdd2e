"""One soak from the class's start to the verdict. Django is set up when this is imported."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from courses.models import CourseRelease, Factory
from labs.models import LabSession, LabUnit, Workspace
from tests.factories.courses import CohortFactory
from tests.live import small_course
from tests.live.alone import say
from tests.live.people import make_learner
from tests.live.stack import Stack
from tests.soak import checks, faults, report
from tests.soak.answers import Answers
from tests.soak.learners import Learner, Person, Stage
from tests.soak.watch import Watch, measure_memory

FIRST_WAVE_SECONDS = 600.0
ACT_SECONDS = 120.0
KERNEL_EVERY = 8  # each so-manieth learner has a kernel


@dataclass(frozen=True)
class Plan:
    seconds: float
    sessions: int
    seed: str
    snapshot_seconds: int


def soak(stack: Stack, plan: Plan, log_file: Path) -> bool:
    """Whether every rule held; the table is said, and details are written to the file."""
    victims = faults.find_victims(stack)
    planned = faults.plan_faults(plan.seed, plan.seconds, victims)
    people = make_people(stack, plan.sessions)
    stage = Stage(stack.place, Answers(), act_seconds=min(ACT_SECONDS, plan.seconds / 3))
    outcome, log = report.Outcome(), faults.FaultLog()
    learners = [
        Learner(number, person, stage, plan.seed, has_kernel=number % KERNEL_EVERY == 0)
        for number, person in enumerate(people)
    ]
    watch, maker = Watch(stack), faults.FaultMaker(stack, log)
    with living(learners, stage, watch):
        outcome.first_wave = wait_first_wave(learners)
        say(
            f"All {plan.sessions} labs are ready after {outcome.first_wave:.0f} s. {len(planned)} faults follow."
        )
        outcome.memory_begin = measure_memory(stack, [*victims, *faults.SPARED])
        maker.make(planned, plan.seconds)
        stage.is_acting.clear()
        since = time.time()
        maker.finish()
        outcome.settled, untrue = checks.wait_settled(stack, victims, since=since)
        outcome.memory_end = measure_memory(stack, [*victims, *faults.SPARED])
        outcome.require(f"untrue {checks.SETTLE_SECONDS:.0f} s after the last fault", untrue)
        outcome.require("not graded", checks.wait_graded())
    outcome.most_servers, outcome.samples = watch.most, watch.samples
    outcome.edits = checks.count_edits(stack, learners, log.faults, plan.snapshot_seconds)
    judge(outcome, log, learners, stage.answers, watch)
    lines = report.write_report(outcome, log, learners, stage.answers)
    say("\n".join(["", *lines]))
    refused = [f"{count} times {what}" for what, count in stage.answers.refused.most_common()]
    details = [
        *lines,
        "",
        *report.tell_faults(log),
        "",
        *report.tell_answers(stage.answers.faults),
        "",
        *refused,
    ]
    log_file.write_text("\n".join([*details, *[learner.crash for learner in learners]]))
    return not outcome.broken


def make_people(stack: Stack, count: int) -> list[Person]:
    """A cohort of the small course at each factory, and learners in turn."""
    folder = small_course.write_package(stack.place.data.parent / "package")
    about = folder / f"modules/10-basics/10-{small_course.LAB}/lab.toml"
    about.write_text(about.read_text().replace("minutes = 5", "minutes = 240"))  # nobody's time runs out
    said = stack.manage("import_course", str(folder))
    if said.returncode != 0:
        raise RuntimeError(said.stdout + said.stderr)
    release = CourseRelease.objects.get(course__slug=small_course.SLUG)
    lab = LabUnit.objects.select_related("unit", "release__lab__course").get(unit__release=release)
    cohorts = [
        CohortFactory.create(release=release, factory=Factory.objects.get(slug=hub.factory))
        for hub in stack.place.hubs
    ]
    people = []
    for number in range(count):
        cohort = cohorts[number % len(cohorts)]
        learner = make_learner(cohort).learner
        people.append(
            Person(
                user_id=learner.pk,
                email=learner.email,
                hub_name=learner.hub_name,
                factory=cohort.factory.slug,
                unit_path=f"/learn/{cohort.public_id}/{lab.unit.slug}/",
                folder=Workspace(lab=lab.release.lab).folder,
                notebook=small_course.NOTEBOOK,
            )
        )
    return people


@contextmanager
def living(learners: list[Learner], stage: Stage, watch: Watch) -> Iterator[None]:
    """The learners are there, and somebody watches, until the end of the block."""
    stage.is_acting.set()
    for thread in (*learners, watch):
        thread.start()
    try:
        yield
    finally:
        stage.is_over.set()
        watch.stop()
        for learner in learners:
            learner.join(timeout=60)


def wait_first_wave(learners: list[Learner]) -> float:
    """Seconds from the first press until everybody's lab was ready."""
    started = time.monotonic()
    while True:
        ready = LabSession.objects.filter(ready_at__isnull=False).values_list("learner_id", flat=True)
        missing = {learner.person.user_id for learner in learners} - set(ready)
        if not missing:
            break
        crashed = next((learner.crash for learner in learners if learner.crash), "")
        if crashed or time.monotonic() - started > FIRST_WAVE_SECONDS:
            raise RuntimeError(f"{len(missing)} labs did not start. {crashed}")
        time.sleep(0.5)
    rows = list(LabSession.objects.values_list("requested_at", "ready_at"))
    last = max(ready for _requested, ready in rows if ready)
    return (last - min(requested for requested, _ready in rows)).total_seconds()


def judge(
    outcome: report.Outcome,
    log: faults.FaultLog,
    learners: list[Learner],
    answers: Answers,
    watch: Watch,
) -> None:
    """Hold what was found against every rule."""
    never = [fault for fault in log.faults if fault.recovered_at is None]
    outcome.require("not right again", [f"{each.target}, killed {each.killed_at:.0f}" for each in never])
    outcome.require("two servers of one workspace", watch.doubled)
    outcome.require("a session lost", checks.find_lost_sessions(log.killed_servers))
    outcome.require("a submission without a sentence", checks.find_speechless_submissions())
    outcome.require("an edit lost", outcome.edits.lost)
    outcome.require("an edit not copied in time", outcome.edits.not_copied_in_time)
    outcome.require("a page of Paja", report.tell_answers(answers.faults))
    outcome.require("a learner of this harness", [learner.crash for learner in learners if learner.crash])
