"""The table at the end, and the verdict: every rule that was broken, in words."""

import statistics
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from django.db.models import Count

from labs.models import GradingRun, LabSession, LabSessionEvent, Snapshot, Submission
from tests.soak.answers import Answer, Answers
from tests.soak.checks import SETTLE_SECONDS, EditCount
from tests.soak.faults import LONGEST, FaultLog
from tests.soak.learners import Learner
from tests.soak.watch import Memory

SHOWN = 12  # of things that are alike


@dataclass
class Outcome:
    """What the run found; `broken` holds a sentence for everything that must not be."""

    first_wave: float = 0.0
    settled: float = 0.0
    edits: EditCount = field(default_factory=EditCount)
    memory_begin: dict[str, Memory] = field(default_factory=dict)
    memory_end: dict[str, Memory] = field(default_factory=dict)
    most_servers: int = 0
    samples: int = 0
    broken: list[str] = field(default_factory=list)

    def require(self, rule: str, faults: list[str]) -> None:
        """Note what breaks a rule."""
        self.broken += [f"{rule}: {fault}" for fault in faults[:SHOWN]]
        if len(faults) > SHOWN:
            self.broken.append(f"{rule}: and {len(faults) - SHOWN} more")


def write_report(outcome: Outcome, log: FaultLog, learners: list[Learner], answers: Answers) -> list[str]:
    """The lines of the table; needs the database."""
    return [
        *fault_lines(log),
        "",
        *session_lines(outcome, learners),
        "",
        *edit_lines(outcome.edits),
        "",
        *answer_lines(answers, learners),
        "",
        *memory_lines(outcome),
        "",
        *(outcome.broken or ["Every rule held."]),
    ]


def fault_lines(log: FaultLog) -> list[str]:
    kinds = defaultdict(list)
    for fault in log.faults:
        kinds[fault.kind].append(fault)
    lines = [f"{'killed with -9':<28}{'count':>7}{'right again: median':>22}{'longest':>10}"]
    for kind, faults in sorted(kinds.items()):
        seconds = [fault.recovered_at - fault.killed_at for fault in faults if fault.recovered_at]
        median = f"{statistics.median(seconds):.1f} s" if seconds else "never"
        longest = f"{max(seconds):.1f} s" if len(seconds) == len(faults) else f"over {LONGEST:.0f} s"
        lines.append(f"{kind:<28}{len(faults):>7}{median:>22}{longest:>10}")
    lines.append(
        f"{'together':<28}{len(log.faults):>7}   (and {log.skipped} not done: that was down already)"
    )
    return lines


def session_lines(outcome: Outcome, learners: list[Learner]) -> list[str]:
    statuses = Counter(LabSession.objects.values_list("status", flat=True))
    reasons = Counter(LabSession.objects.filter(status="failed").values_list("reason", flat=True))
    starts = [
        (session.ready_at - session.requested_at).total_seconds()
        for session in LabSession.objects.all()
        if session.ready_at
    ]
    presses = Counter(action for learner in learners for _at, action, _path in learner.presses)
    submissions = Counter(Submission.objects.values_list("status", flat=True))
    runs = Counter(GradingRun.objects.values_list("status", flat=True))
    notes = LabSessionEvent.objects.filter(reason__in=["sent_again", "not_saved"])
    noted = dict(notes.order_by().values_list("reason").annotate(Count("pk")))
    return [
        f"{'learners, most servers at once':<40}{len(learners)}, {outcome.most_servers} in {outcome.samples} samples",
        f"{'pressed':<40}{tell_counts(presses)}",
        f"{'sessions':<40}{sum(statuses.values())}: {tell_counts(statuses)}",
        f"{'failed because':<40}{tell_counts(reasons)}",
        f"{'press to ready':<40}{tell_spread(starts)}",
        f"{'first starts, all at once: all ready':<40}after {outcome.first_wave:.0f} s",
        f"{'tasks sent again, stops without a copy':<40}{noted.get('sent_again', 0)}, {noted.get('not_saved', 0)}",
        f"{'submissions':<40}{sum(submissions.values())}: {tell_counts(submissions)}",
        f"{'gradings':<40}{tell_counts(runs)}",
        f"{'states true after the last fault':<40}{outcome.settled:.1f} s (at most {SETTLE_SECONDS:.0f} s)",
    ]


def edit_lines(edits: EditCount) -> list[str]:
    causes = Counter(Snapshot.objects.values_list("cause", flat=True))
    oldest, due = f"{edits.oldest_unsaved:.0f} s", len(edits.not_copied_in_time)
    unsaved = f"{edits.unsaved_at_kills}, the oldest of {oldest}; {due} of them were due"
    return [
        f"{'edits made':<40}{edits.made}",
        f"{'in the newest snapshot':<40}{edits.in_snapshots}",
        f"{'on the server only':<40}{edits.on_disk_only}",
        f"{'gone with a server, younger than that':<40}{edits.young}",
        f"{'written while their server was stopping':<40}{edits.while_stopping}",
        f"{'lost':<40}{len(edits.lost)}",
        f"{'not yet copied when a server was killed':<40}{unsaved}",
        f"{'snapshots':<40}{sum(causes.values())}: {tell_counts(causes)}",
    ]


def answer_lines(answers: Answers, learners: list[Learner]) -> list[str]:
    lines = []
    for site, words in (("paja", "answers of Paja's pages"), ("factory", "of hubs and learners' servers")):
        counts = {status: count for (place, status), count in answers.counts.items() if place == site}
        lines.append(f"{words:<40}{sum(counts.values())}: {tell_counts(counts)}")
        lines.append(f"{'   waited for':<40}{tell_spread(list(answers.seconds.get(site, ())))}")
        lines.append(f"{'   the longest':<40}{answers.longest.get(site, 'none')}")
    unanswered = sum(learner.unanswered for learner in learners)
    lines.append(f"{'saves that got no answer, tried again':<40}{unanswered}")
    lines.append(f"{'WebSockets cut and opened again':<40}{sum(learner.cuts for learner in learners)}")
    return lines


def memory_lines(outcome: Outcome) -> list[str]:
    lines = [f"{'resident memory, MB (processes)':<40}{'begin':>16}{'end':>16}"]
    for name, begin in outcome.memory_begin.items():
        end = outcome.memory_end.get(name, Memory(0, 0))
        cells = [f"{memory.megabytes:.0f} ({memory.processes})" for memory in (begin, end)]
        lines.append(f"{name:<40}{cells[0]:>16}{cells[1]:>16}")
    return lines


def tell_counts(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {name or 'without a reason'}" for name, count in ordered) or "none"


def tell_spread(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    return (
        f"median {statistics.median(ordered):.2f} s, 95 of 100 within {ordered[len(ordered) * 95 // 100]:.2f} s, "
        f"longest {ordered[-1]:.2f} s"
    )


def tell_answers(answers: list[Answer]) -> list[str]:
    return [str(answer) for answer in answers]


def tell_faults(log: FaultLog) -> list[str]:
    """Every kill with its times, to look into what went wrong."""
    lines = []
    for fault in log.faults:
        clock = time.strftime("%H:%M:%S", time.localtime(fault.killed_at))
        after = f"{fault.recovered_at - fault.killed_at:.1f} s" if fault.recovered_at else "never"
        lines.append(f"{clock} {fault.target} at {fault.factory or 'both'}: right again after {after}")
    return lines
