"""A class that presses *Start* at once at two factories whose sessions are Slurm jobs.

Then hubs are killed and Slurm is silent. An eighth of the GPUs is somebody else's for a while, so that some learners
wait for long. Django is set up when this is imported.
"""

import atexit
import os
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from deploy.slurm.factory_files import write_factory_file
from labs.models import AccountKind, FactoryAccount, LabSession, Partition
from labs.states import ACTIVE_SESSION_STATUSES
from tests.live.alone import say
from tests.live.stack import Stack
from tests.live.waiting import wait_until
from tests.servers.slurm import RealCluster, slurm_of
from tests.soak import slurm_checks as checks
from tests.soak.answers import Answers
from tests.soak.report import tell_spread
from tests.soak.slurm_class import SITES, Member, make_class
from tests.soak.slurm_direct import plan_starts, start_all
from tests.soak.slurm_faults import hold_gpus, kill_hubs, let_go, renew_controller, silence_slurm
from tests.soak.slurm_questions import Minute, count_minute
from tests.soak.slurm_report import Story, find_phases, measure_servers, place_lines, tell
from tests.soak.slurm_tabs import Tab

PRESS_SECONDS = 60.0
READY_SECONDS = 900.0
PREFERRED = "-10"  # as of nice: some ten times the common share, which is 1024
NODES_GROUP = Path("/sys/fs/cgroup/cpu/paja-soak-nodes")
NODES_SHARES = "2048"
SAY_EVERY = 30.0
OPENED_AT_ONCE = 4


@dataclass(frozen=True)
class Plan:
    """`pace_seconds`: how often the hubs ask Slurm. `nodes`: of each cluster, with eight GPUs each."""

    learners: int
    nodes: int
    pace_seconds: float
    seed: str

    @property
    def waiting(self) -> int:
        """How many find no GPU while others hold an eighth."""
        return max(0, self.learners - 7 * self.nodes * len(SITES))


def soak_slurm(stack: Stack, plan: Plan, log_file: Path) -> bool:
    """Whether every rule held; the table is said and written to the file."""
    since = datetime.now(UTC)
    slurm, story = slurm_of(stack.place.data), Story()
    set_pace(stack, slurm, plan.pace_seconds)
    prefer_paja(stack, slurm)
    wait_known(slurm, plan)
    members = make_class(stack, slurm, plan.learners + 1)
    answers = Answers()
    offsets = make_offsets(plan)
    with open_tabs(stack, members, answers) as (*tabs, first):
        story.one = ask_for_one(stack, slurm, first)
        others = hold_gpus(slurm, plan.nodes)
        press_all(stack, slurm, tabs, offsets, plan, story)
        kill_hubs(stack, slurm, story, "jobs pending and running")
        silence_slurm(slurm, story)
        let_go(slurm, others)
        wait_begun(slurm, plan)
        kill_hubs(stack, slurm, story, "the last jobs just begun")
        wait_ready(tabs, plan.learners)
        story.ready_at_end = sum(tab.is_ready for tab in tabs)
        story.require("not ready at the end", [tab.member.email for tab in tabs if not tab.is_ready])
        story.require("a lab that cannot be opened", open_labs(tabs))
        story.require("after all", checks.find_untrue(slurm))
        stop_all(tabs)
        story.require("crashed tab", [tab.crash for tab in tabs if tab.crash])
    story.note_answers(answers)
    ask_directly(stack, slurm, members[:-1], offsets, plan, story)
    story.ledger = checks.wait_ledger(slurm, since)
    story.require("the ledger", story.ledger.faults)
    lines = tell(story, plan.learners, plan.pace_seconds)
    say("\n".join(["", *lines]))
    kinds = sorted(answers.kinds.items(), key=lambda item: -sum(item[1]))
    details = [f"{len(seconds):>7} {what}: {tell_spread(seconds)}" for what, seconds in kinds]
    log_file.write_text("\n".join([*lines, "", *details, ""]))
    return not story.broken


# --- Before the class --------------------------------------------------------------------------------


def set_pace(stack: Stack, slurm: RealCluster, seconds: float) -> None:
    """As a site's factory file says it; `make run-slurm` asks more often. Each hub reads its file when it starts."""
    for hub in stack.place.hubs:
        url = f"http://127.0.0.1:{hub.hub_port}/hub/api"
        write_factory_file(slurm.place, slurm.plan(hub.factory), url, pace_seconds=seconds)
        stack.kill(f"hub-{hub.factory}")


def prefer_paja(stack: Stack, slurm: RealCluster) -> None:
    """Nodes are other machines than those of pages, hubs and browsers, which here share their cores with them.

    Linux shares a machine out by sessions, and each learner's job is one: all of Paja would get as much as it. So the
    nodes have one share together, and Paja and the browsers a larger one each.
    """
    with suppress(OSError):  # a kernel that does not, or another kind of control groups
        for pid in (os.getpid(), stack.process("web").pid):
            Path(f"/proc/{pid}/autogroup").write_text(PREFERRED)
        NODES_GROUP.mkdir(exist_ok=True)
        atexit.register(remove_group)  # when the last node has ended
        (NODES_GROUP / "cpu.shares").write_text(NODES_SHARES)
        for site in SITES:
            for node in slurm.plan(site.factory).nodes:
                for pid in find_processes(slurm, node):
                    (NODES_GROUP / "cgroup.procs").write_text(str(pid))


def remove_group() -> None:
    with suppress(OSError):
        NODES_GROUP.rmdir()


def find_processes(slurm: RealCluster, node: str) -> list[int]:
    mark = slurm.dev.daemons.find(node)
    assert mark is not None, f"{node} does not run"
    return [mark.pid, *(child.pid for child in psutil.Process(mark.pid).children(recursive=True))]


def wait_known(slurm: RealCluster, plan: Plan) -> None:
    """Until the hubs have told their partitions and the accounts of their pool."""
    started = datetime.now(UTC)

    def is_known() -> bool:
        read = Partition.objects.filter(read_at__gt=started, name__in=[site.partition for site in SITES])
        lent = FactoryAccount.objects.filter(kind=AccountKind.POOL, is_offered=True)
        return read.count() == len(SITES) and lent.count() >= plan.learners // len(SITES)

    wait_until(is_known, "the hubs have told what their factories offer", seconds=120)


def make_offsets(plan: Plan) -> list[float]:
    chance = random.Random(plan.seed)
    return [chance.uniform(0, PRESS_SECONDS) for _number in range(plan.learners)]


@contextmanager
def open_tabs(stack: Stack, members: Sequence[Member], answers: Answers) -> Iterator[list[Tab]]:
    """Everybody looks at the lab's page; the tabs are closed at the end of the block."""
    tabs = [Tab(member, stack.place, answers) for member in members]
    for tab in tabs:
        tab.start()
    try:
        yield tabs
    finally:
        for tab in tabs:
            tab.is_over.set()
        for tab in tabs:
            tab.join(timeout=60)


# --- What happens ------------------------------------------------------------------------------------


def ask_for_one(stack: Stack, slurm: RealCluster, tab: Tab) -> Minute:
    """The questions of a minute in which one learner presses, waits and works."""
    tab.at = time.monotonic() + 5
    minute = count_minute(stack, slurm)
    wait_until(lambda: tab.is_ready, "the first learner's lab is ready", seconds=READY_SECONDS)
    tab.stop_lab()
    wait_stopped()
    tab.is_over.set()
    return minute


def press_all(
    stack: Stack, slurm: RealCluster, tabs: Sequence[Tab], offsets: Sequence[float], plan: Plan, story: Story
) -> None:
    say(f"{len(tabs)} learners press within {PRESS_SECONDS:.0f} s; {plan.waiting} of them will wait.")
    before = psutil.virtual_memory().available
    begin = time.monotonic() + 1
    for tab, offset in zip(tabs, offsets, strict=True):
        tab.at = begin + offset
    story.pressing = count_minute(stack, slurm)
    expected = plan.learners - plan.waiting
    wait_ready(tabs, expected)
    story.in_storm = sorted(
        tab.press.ready_seen_at - tab.press.pressed_at
        for tab in tabs
        if tab.press and tab.press.ready_seen_at
    )
    story.presses = [tab.press for tab in tabs if tab.press]
    story.phases = find_phases({tab.member.user_id: tab.press for tab in tabs if tab.press})
    taken, untrue = checks.wait_true(slurm)
    say(place_lines(story)[0])
    say(f"{expected} labs are ready, all states true after {taken:.0f} s more.")
    story.require("ready or truthfully waiting", untrue)
    story.memory = measure_servers(before)
    story.many = count_minute(stack, slurm)
    story.waiting = sorted(tab.shown_place or 0 for tab in tabs if not tab.is_ready)
    story.require("a place that is not true", find_false_places(tabs))


def find_false_places(tabs: Sequence[Tab]) -> list[str]:
    """Who waits at a factory must be told 1, 2, 3 …, each once."""
    false = []
    for site in SITES:
        shown = sorted(tab.shown_place or 0 for tab in tabs if tab.member.site == site and not tab.is_ready)
        if shown != list(range(1, len(shown) + 1)):
            false.append(f"{site.factory}: {shown}")
    return false


def wait_begun(slurm: RealCluster, plan: Plan) -> None:
    """Until Slurm has begun a job that had waited."""
    ready = plan.learners - plan.waiting

    def has_begun() -> bool:
        return sum(state == "RUNNING" for _name, state in checks.list_jobs(slurm)) > ready

    if plan.waiting:
        wait_until(has_begun, "a job that waited has begun", seconds=READY_SECONDS)


def wait_ready(tabs: Sequence[Tab], count: int) -> None:
    """Until so many tabs show that their lab is ready. A tab that crashed, or a session that ended, ends the soak."""
    deadline, said_at = time.monotonic() + READY_SECONDS, time.monotonic()
    while (ready := sum(tab.is_ready for tab in tabs)) < count:
        crashed = next((tab.crash for tab in tabs if tab.crash), "")
        if crashed or time.monotonic() > deadline:
            raise RuntimeError(f"{ready} of {count} labs are ready. {crashed} {checks.find_failed()[:5]}")
        if time.monotonic() - said_at > SAY_EVERY:
            said_at = time.monotonic()
            say(f"{time.strftime('%H:%M:%S')} {ready} ready")
        time.sleep(0.25)


def open_labs(tabs: Sequence[Tab]) -> list[str]:
    with ThreadPoolExecutor(OPENED_AT_ONCE) as threads:
        opened = list(threads.map(Tab.open_lab, tabs))
    return [tab.member.email for tab, is_open in zip(tabs, opened, strict=True) if not is_open]


def stop_all(tabs: Sequence[Tab]) -> None:
    for tab in tabs:
        tab.stop_lab()
    wait_stopped()


def wait_stopped() -> None:
    active = LabSession.objects.filter(status__in=ACTIVE_SESSION_STATUSES)
    wait_until(lambda: not active.exists(), "all sessions are stopped", seconds=READY_SECONDS)


def ask_directly(
    stack: Stack,
    slurm: RealCluster,
    members: Sequence[Member],
    offsets: Sequence[float],
    plan: Plan,
    story: Story,
) -> None:
    """The same pattern and the same GPUs held, while Paja's sweeps, which know nothing of these servers, rest."""
    with stack.paused("beat"):
        time.sleep(5)  # what was sent before is done
        renew_controller(slurm)
        others = hold_gpus(slurm, plan.nodes)
        starts = plan_starts(members, offsets, time.monotonic() + 5)
        say(f"The same {len(starts)} starts are asked of the hubs.")
        story.direct = start_all(starts, plan.learners - plan.waiting)
        let_go(slurm, others)
    story.require("a start asked of a hub", [start.fault for start in starts if start.fault])
