"""A real Slurm of two clusters for `live` tests, and what happens to a Slurm: lost nodes, a full partition, an outage.

Mark tests that use the fixture `slurm` also `xdist_group("slurm")`: it is started once in a process.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.jupyterhub.processes import ProcessMark
from deploy.ports import is_free
from deploy.slurm.accounting import ask
from deploy.slurm.dev_cluster import DevCluster
from deploy.slurm.factory_files import write_factory_file
from deploy.slurm.machine import find_missing_packages
from deploy.slurm.node_view import NodeView
from deploy.slurm.place import PORTS, ClusterPlace
from deploy.slurm.plan import ELSEWHERE, OTHERS, Cluster
from deploy.slurm.unix_accounts import sudo
from tests.servers import require, wait_for

SLEEP = "#!/bin/sh\nexec sleep 86400\n"
BACK_SECONDS = 60


@dataclass
class RealCluster:
    """A running Slurm. `cluster` in a method is `kajaani` or `athens`."""

    dev: DevCluster

    @property
    def place(self) -> ClusterPlace:
        return self.dev.place

    def plan(self, cluster: str) -> Cluster:
        return next(each for each in self.place.clusters if each.name == cluster)

    # --- Where things are --------------------------------------------------------------------------

    def conf(self, cluster: str) -> Path:
        """SLURM_CONF."""
        return self.place.conf(cluster)

    def learners(self, cluster: str) -> list[str]:
        """Unix accounts that sessions may run as: own ones at kajaani, the pool at athens."""
        return [self.place.unix_name(name) for name in self.plan(cluster).learners(self.place.people)]

    def robot(self, cluster: str) -> str:
        return self.place.unix_name(self.plan(cluster).unix.robot)

    def grader(self, cluster: str) -> str:
        return self.place.unix_name(self.plan(cluster).unix.grader)

    def home(self, unix_account: str) -> Path:
        return self.place.homes / unix_account

    def write_factory_file(self, cluster: str, hub_api_url: str, *, pace_seconds: float = 0.5) -> Path:
        """The file for PAJA_HUB_FACTORY_FILE."""
        return write_factory_file(self.place, self.plan(cluster), hub_api_url, pace_seconds=pace_seconds)

    # --- Asking and telling Slurm ------------------------------------------------------------------

    def ask(self, cluster: str, *argv: str) -> str:
        """What one of Slurm's commands says to root; fails where it fails."""
        done = ask(self.place, cluster, *argv)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def submit(self, cluster: str, unix_account: str, script: str, *options: str) -> str:
        """A job of that account, without its output where `options` do not say otherwise; its id."""
        words = ["sbatch", "--parsable", f"--chdir={self.home(unix_account)}", "--output=/dev/null", *options]
        done = sudo(unix_account, words, {"SLURM_CONF": str(self.conf(cluster))}, script)
        assert done.returncode == 0, done.stderr
        return done.stdout.split(";", maxsplit=1)[0].strip()

    def state(self, cluster: str, job_id: str) -> str:
        """The job's state, from the queue or else from the accounting; empty while neither knows it."""
        done = ask(self.place, cluster, "squeue", "--noheader", "--format=%T", f"--jobs={job_id}")
        found = done.stdout.strip()
        if not found:
            said = self.ask(cluster, "sacct", "-n", "-X", "-a", "-P", "--format=State", f"--jobs={job_id}")
            found = said.partition(" ")[0].strip()
        return found

    def wait_for_state(self, cluster: str, job_id: str, *states: str, seconds: float = 30) -> str:
        what = f"job {job_id} of {cluster} is {' or '.join(states)}"
        return wait_for(
            lambda: found if (found := self.state(cluster, job_id)) in states else "",
            seconds=seconds,
            what=what,
        )

    def list_jobs(self, cluster: str) -> list[str]:
        return self.ask(cluster, "squeue", "--noheader", "--format=%A").split()

    def clear(self) -> None:
        """Cancel everybody's jobs and wait until all nodes are idle again: for the end of a test."""
        for cluster in self.place.clusters:
            if jobs := self.list_jobs(cluster.name):
                self.ask(cluster.name, "scancel", *jobs)
        for cluster in self.place.clusters:
            self._wait(lambda: not self.list_jobs(cluster.name), f"no jobs at {cluster.name}")  # noqa: B023
            self._wait(lambda: self.is_all_idle(cluster), f"idle nodes at {cluster.name}")  # noqa: B023

    def is_all_idle(self, cluster: Cluster) -> bool:
        states = self.dev.node_states(cluster)
        return len(states) == len(cluster.nodes) and set(states.values()) == {"idle"}

    # --- What happens to it ------------------------------------------------------------------------

    def stop_controller(self, cluster: str) -> None:
        """Jobs go on; nobody answers questions."""
        self.dev.daemons.end([cluster], seconds=20)

    def start_controller(self, cluster: str) -> None:
        self.dev.start_controller(self.plan(cluster))
        self._wait(lambda: bool(self.dev.node_states(self.plan(cluster))), f"{cluster} answers")

    def lose_node(self, cluster: str, node: str) -> None:
        """A node such as `kajaani-g1` and all that runs there is gone; Slurm notices within half a minute."""
        assert node in self.plan(cluster).nodes
        self.dev.daemons.end([node], seconds=10, number=signal.SIGKILL)

    def bring_node_back(self, cluster: str, node: str) -> None:
        self.dev.start_node(self.plan(cluster), node)
        self._wait(lambda: self.dev.is_idle(self.plan(cluster)), f"{node} is back")

    def hold_gpus(
        self, cluster: str, partition: str, count: int, *, each: int = 1, minutes: int = 180
    ) -> list[str]:
        """Jobs of somebody else's that have `count` GPUs, `each` in one job. They run when this returns."""
        kind = next(each for each in self.plan(cluster).kinds if each.gpus)
        share = [f"--gres=gpu:{kind.gres}:{each}", f"--cpus-per-task={kind.cores // kind.gpus * each}"]
        options = [f"--partition={partition}", f"--account={OTHERS}", "--job-name=md"]
        options += [*share, f"--time={minutes}", f"--mem={kind.memory_gb // kind.gpus * each}G"]
        stranger = self.place.unix_name(ELSEWHERE)
        jobs = [self.submit(cluster, stranger, SLEEP, *options) for _ in range(count // each)]
        for job in jobs:
            self.wait_for_state(cluster, job, "RUNNING")
        return jobs

    def cancel_as_admin(self, cluster: str, *job_ids: str) -> None:
        self.ask(cluster, "scancel", *job_ids)

    def end_walltime(self, cluster: str, job_id: str) -> None:
        """The running job's time is over at once; Slurm looks for such jobs every 30 s."""
        self.ask(cluster, "scontrol", "update", f"JobId={job_id}", "EndTime=now+1")

    def reserve(self, cluster: str, name: str, nodes: Sequence[str], account: str, *, minutes: int) -> None:
        """Nodes for one Slurm account, from now on."""
        words = [f"ReservationName={name}", f"Nodes={','.join(nodes)}", f"Accounts={account}"]
        self.ask(cluster, "scontrol", "create", "reservation", *words, "StartTime=now", f"Duration={minutes}")

    def _wait(self, look: Callable[[], bool], what: str) -> None:
        wait_for(look, seconds=BACK_SECONDS, what=what)


@contextmanager
def run_slurm(*, nodes: int = 2, people: int = 8, view: NodeView | None = None) -> Iterator[RealCluster]:
    """A Slurm of one's own until the end of the block, which leaves neither process nor account."""
    require_slurm()
    folder = Path(tempfile.mkdtemp(prefix="paja-sl-"))
    place = ClusterPlace(
        data=folder,
        base_port=find_slurm_port(),
        nodes=nodes,
        people=people,
        suffix=f"t{os.getpid()}"[:8],
        owner=ProcessMark.of(os.getpid()),
    )
    cluster = DevCluster(place, view)
    try:
        cluster.start()
        try:
            yield RealCluster(cluster)
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


def slurm_settings(*, nodes: int = 2, people: int = 8) -> dict[str, str]:
    """For `Stack.start(settings=…)`: that Paja's sessions are jobs of a Slurm of its own."""
    require_slurm()
    return {
        "PAJA_SLURM": "1",
        "PAJA_SLURM_PORT": str(find_slurm_port()),
        "PAJA_SLURM_NODES": str(nodes),
        "PAJA_SLURM_PEOPLE": str(people),
        "PAJA_SLURM_SUFFIX": f"s{os.getpid()}"[:8],
    }


def slurm_of(data: Path) -> RealCluster:
    """The Slurm of a Paja that runs on this data folder: `slurm_of(stack.place.data)`."""
    place = ClusterPlace.find(data / "slurm")
    assert place is not None, f"no Slurm runs for {data}"
    return RealCluster(DevCluster(place, NodeView(hidden=(data,))))


@pytest.fixture(scope="session")
def slurm() -> Iterator[RealCluster]:
    """One for all tests of this process that ask for it. Leave it as found: `slurm.clear()`."""
    with run_slurm() as running:
        yield running


def require_slurm() -> None:
    require(os.geteuid() == 0, "A test with a real Slurm makes Unix accounts: run it as root.")
    missing = find_missing_packages()
    require(not missing, f"A test needs a real Slurm: apt install {' '.join(missing)}")


def find_slurm_port() -> int:
    """Below the ports that tests give to Paja."""
    for base in range(2_000 + os.getpid() % 150 * 2 * (PORTS + 3), 9_900, PORTS + 3):
        if all(is_free(base + offset) for offset in range(PORTS)):
            return base
    raise RuntimeError("no free ports")
