"""The table of a soak on Slurm, and every rule that was broken, in words."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

import psutil

from labs.models import LabSession
from tests.soak.answers import CUT, Answers
from tests.soak.report import SHOWN, tell_counts, tell_spread
from tests.soak.slurm_checks import LEDGER_SLACK, Ledger, tell_differences
from tests.soak.slurm_questions import Minute, is_read
from tests.soak.slurm_tabs import Press

PLACE_SECONDS = 1.0
KINDS = 4  # of questions in one round
SERVER = "learner_server.py"


@dataclass(frozen=True)
class Phases:
    """Where the time of one start went, in seconds."""

    passed_on: float
    server_ready: float
    files_in_place: float
    shown: float


@dataclass
class Story:
    """What happened; `broken` has a sentence for everything that must not be. Times are seconds."""

    one: Minute | None = None
    pressing: Minute | None = None
    many: Minute | None = None
    in_storm: list[float] = field(default_factory=list)
    direct: list[float] = field(default_factory=list)
    phases: list[Phases] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)
    silence: str = ""
    memory: str = ""
    ready_at_end: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    ledger: Ledger | None = None
    broken: list[str] = field(default_factory=list)

    def require(self, rule: str, faults: Sequence[str]) -> None:
        self.broken += [f"BROKEN {rule}: {fault}" for fault in faults[:SHOWN]]
        if len(faults) > SHOWN:
            self.broken.append(f"BROKEN {rule}: and {len(faults) - SHOWN} more")

    def note_answers(self, answers: Answers) -> None:
        for (site, status), count in answers.counts.items():
            self.counts.setdefault(site, Counter())[status] += count
        refused = answers.refused.most_common()
        bad = [f"{count} times {what}" for what, count in refused if not what.startswith(CUT)]
        self.require("an answer of 4xx, 5xx or none", bad)


def measure_servers(available_before: int) -> str:
    """What learners' servers hold, by their own resident memory and by what the machine has less."""
    sizes = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(word.endswith(SERVER) for word in process.cmdline()[:6]):
                sizes.append(process.memory_info().rss / 1024**2)
    less = (available_before - psutil.virtual_memory().available) / 1024**2
    median = statistics.median(sizes) if sizes else 0
    return (
        f"{len(sizes)}, {median:.0f} MB resident each, {less:.0f} MB less available than before the presses"
    )


def find_phases(presses: Mapping[int, Press]) -> list[Phases]:
    """Of every learner, by row, whose press came to a lab that is ready."""
    phases = []
    for user_id, press in presses.items():
        session = LabSession.objects.filter(learner=user_id).latest("requested_at")
        times = (session.asked_at, session.delivery_claimed_at, session.ready_at)
        if press.ready_seen_at and all(times):
            marks = [press.pressed_at, *(at.timestamp() for at in times if at), press.ready_seen_at]
            phases.append(Phases(*(after - before for before, after in pairwise(marks))))
    return phases


def tell(story: Story, learners: int, pace_seconds: float) -> list[str]:
    """The lines of the table."""
    judge_places(story)
    judge_questions(story)
    return [
        f"{learners} learners, Slurm asked every {pace_seconds:.0f} s",
        *place_lines(story),
        *time_lines(story),
        *question_lines(story),
        *[f"{'hubs killed with -9':<40}{kill}" for kill in story.kills],
        f"{'controller of one cluster away':<40}{story.silence}",
        f"{'learners` servers':<40}{story.memory}".replace("`", "'"),
        *[f"{f'answers of {site}':<40}{tell_counts(counts)}" for site, counts in story.counts.items()],
        *ledger_lines(story),
        "",
        *(story.broken or ["Every rule held."]),
    ]


def judge_places(story: Story) -> None:
    late = [press for press in story.presses if find_place_seconds(press) > PLACE_SECONDS]
    told = [f"{find_place_seconds(press):.2f} s" for press in late]
    story.require(f"a place later than {PLACE_SECONDS:.0f} s", told)


def find_place_seconds(press: Press) -> float:
    return press.place_seen_at - press.pressed_at if press.place_seen_at else float("inf")


def judge_questions(story: Story) -> None:
    """A minute holds one round more or less, as it falls."""
    if story.one is None or story.many is None:
        return
    for factory, asked in story.one.asked.items():
        both = (
            (asked, story.many.asked[factory]),
            (story.one.read_requests[factory], story.many.read_requests[factory]),
        )
        off = [f"{factory}: {one} for one, {many} for all" for one, many in both if abs(one - many) > KINDS]
        story.require("questions to Slurm", off)


def place_lines(story: Story) -> list[str]:
    seconds = [find_place_seconds(press) for press in story.presses]
    firsts = [press.first_place for press in story.presses]
    told = sum(place is not None for place in firsts)
    return [
        f"{'press to the page with a place':<40}{tell_spread(seconds)}",
        f"{'   a place, or already its turn':<40}{told}, {len(firsts) - told}",
        f"{'waiting when all others were ready':<40}{len(story.waiting)}, shown at places {story.waiting}",
        f"{'ready at the end':<40}{story.ready_at_end}",
    ]


def time_lines(story: Story) -> list[str]:
    lines = [f"{'to ready, s':<40}{'count':>7}{'median':>9}{'95th':>9}{'worst':>9}"]
    rows = (("press to the page that shows it", story.in_storm), ("asked of the hub directly", story.direct))
    figures = []
    for name, seconds in rows:
        if seconds:
            figures.append((statistics.median(seconds), seconds[len(seconds) * 95 // 100], seconds[-1]))
            cells = "".join(f"{figure:>9.1f}" for figure in figures[-1])
            lines.append(f"{name:<40}{len(seconds):>7}{cells}")
    if len(figures) == len(rows):
        ratios = "".join(f"{ours / theirs:>9.2f}" for ours, theirs in zip(*figures, strict=True))
        lines.append(f"{'ratio':<40}{'':>7}{ratios}")
    names = {
        "passed_on": "asked of the hub",
        "server_ready": "in Slurm, until its server is seen ready",
        "files_in_place": "files in place",
        "shown": "shown",
    }
    for name, words in names.items():
        lines.append(f"{f'   {words}':<48}{tell_spread([getattr(each, name) for each in story.phases])}")
    return lines


def question_lines(story: Story) -> list[str]:
    minutes = {
        "one learner": story.one,
        "all press": story.pressing,
        "all ready or waiting": story.many,
    }
    lines = []
    for name, minute in minutes.items():
        if minute is None:
            continue
        for factory, asked in minute.asked.items():
            requests = minute.requests[factory]
            reads = ", ".join(
                f"{kind} {count}" for kind, count in sorted(requests.items()) if count and is_read(kind)
            )
            what = f"asked in a minute, {name}"
            lines.append(
                f"{what:<48}{factory}: {asked} by the hub; sdiag {minute.read_requests[factory]}: {reads}"
            )
    return lines


def ledger_lines(story: Story) -> list[str]:
    ledger = story.ledger
    if ledger is None:
        return []
    missing = f"{len(ledger.without_row)}, {len(ledger.without_job)}, {len(ledger.doubled)}"
    return [
        f"{'jobs by sacct, rows of the ledger':<40}{ledger.jobs}, {ledger.rows}",
        f"{'   without a row, without a job, doubled':<40}{missing}",
        f"{'   started':<40}{tell_differences(ledger.started)}",
        f"{'   ended':<40}{tell_differences(ledger.ended)}",
        f"{f'   more than {LEDGER_SLACK:.0f} s apart':<40}{len(ledger.off)}",
        f"{'   a session ended after its job':<40}{tell_differences(ledger.session_ends)}",
    ]
