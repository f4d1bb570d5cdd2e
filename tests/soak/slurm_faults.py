"""What happens to the factories meanwhile: GPUs that are somebody else's, hubs killed, a controller that is away."""

import time

from labs.models import LabSession
from labs.states import ACTIVE_SESSION_STATUSES
from tests.live.alone import say
from tests.live.stack import Stack
from tests.live.waiting import wait_until
from tests.servers.slurm import RealCluster
from tests.soak import slurm_checks as checks
from tests.soak.slurm_class import SITES
from tests.soak.slurm_report import Story

SILENCE_SECONDS = 120.0
SILENT = "kajaani"
IDLE_SECONDS = 120.0


def hold_gpus(slurm: RealCluster, each: int) -> dict[str, list[str]]:
    """One job of so many GPUs at each factory; ids by factory."""
    return {site.factory: slurm.hold_gpus(site.factory, site.partition, each, each=each) for site in SITES}


def kill_hubs(stack: Stack, slurm: RealCluster, story: Story, when: str) -> None:
    states = sorted({state for _name, state in checks.list_jobs(slurm)})
    for hub in stack.place.hubs:
        stack.kill(f"hub-{hub.factory}")
    waited, untrue = checks.wait_true(slurm)
    story.kills.append(f"{when} ({', '.join(states)}): all states true {waited:.0f} s after the restart")
    say(f"Both hubs killed with {story.kills[-1]}.")
    story.require(f"after the hubs were killed with {when}", [*untrue, *checks.find_failed()])


def silence_slurm(slurm: RealCluster, story: Story) -> None:
    """One controller is away; afterwards every session is as it was."""
    before = read_statuses()
    slurm.stop_controller(SILENT)
    time.sleep(SILENCE_SECONDS)
    during = read_statuses()
    slurm.start_controller(SILENT)
    waited, untrue = checks.wait_true(slurm)
    counts = {status: list(before.values()).count(status) for status in sorted(set(before.values()))}
    story.silence = f"{counts}: the same after {SILENCE_SECONDS:.0f} s, all states true {waited:.0f} s later"
    say(f"The controller of {SILENT} was away: {story.silence}")
    moved = [
        f"{name}: {before[name]} -> {during.get(name)}" for name in before if during.get(name) != before[name]
    ]
    story.require("while Slurm was silent", [*moved, *untrue, *checks.find_failed()])


def read_statuses() -> dict[str, str]:
    rows = LabSession.objects.filter(status__in=ACTIVE_SESSION_STATUSES)
    return dict(rows.values_list("server_name", "status"))


def let_go(slurm: RealCluster, others: dict[str, list[str]]) -> None:
    for factory, jobs in others.items():
        slurm.cancel_as_admin(factory, *jobs)


def renew_controller(slurm: RealCluster) -> None:
    """A Slurm 22.05 that found jobs when it was started may count a GPU of theirs as taken for ever."""
    wait_until(lambda: not checks.list_jobs(slurm), "no jobs of ours", seconds=IDLE_SECONDS)
    slurm.stop_controller(SILENT)
    slurm.start_controller(SILENT)
    wait_until(lambda: slurm.is_all_idle(slurm.plan(SILENT)), "idle nodes", seconds=IDLE_SECONDS)
