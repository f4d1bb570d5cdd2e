"""A real Slurm on one machine, started and stopped: two clusters with pretend nodes and pretend GPUs.

Everything is followed by process number and start time. What a killed start or a machine that was switched off left
behind is removed by the next start, its Unix accounts included.
"""

import os
import secrets
import shutil
import signal
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from deploy.jupyterhub.processes import ProcessMark
from deploy.slurm import configuration, unix_accounts
from deploy.slurm.accounting import ask, ensure_associations
from deploy.slurm.base import ACCOUNTING, DATABASE, MUNGE, START_SECONDS, start_base
from deploy.slurm.daemons import UMASK, Daemons, end_all_of, wait_until
from deploy.slurm.factory_files import write_factory_file
from deploy.slurm.machine import check_machine
from deploy.slurm.node_view import NodeView
from deploy.slurm.place import (
    RUN_PREFIX,
    TMP,
    ClusterError,
    ClusterPlace,
    ensure_run_folder,
    find_busy_ports,
)
from deploy.slurm.plan import ELSEWHERE, GPUS, Cluster

CANCEL_SECONDS: Final = 8
HUB_API_URL: Final = "http://127.0.0.1:8012/hub/api"
FREE_STATES: Final = {"idle", "mixed", "allocated"}


class DevCluster:
    """One pretend Slurm; another process may have started it."""

    def __init__(self, place: ClusterPlace, view: NodeView | None = None) -> None:
        self.place = place
        self.view = view or NodeView()
        self.daemons = Daemons(place)

    # --- All of it ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Return when every node of both clusters is idle. Raises ClusterError, with nothing left, when not."""
        check_machine()
        with unix_accounts.one_at_a_time():
            end_abandoned()
            self._refuse_what_cannot_be()
            ensure_run_folder(self.place.run)
            before = os.umask(UMASK)
            try:
                self._make_files()
            except BaseException:
                remove(self.place.run)
                raise
            finally:
                os.umask(before)
        try:
            self._start_daemons()
        except BaseException:
            remove_in_turn(self.place.run)
            raise

    def stop(self) -> None:
        """Cancel every job, end every process, delete every account that start made. The accounting is kept."""
        self._cancel_all()
        controllers = [cluster.name for cluster in self.place.clusters]
        nodes = [node for cluster in self.place.clusters for node in cluster.nodes]
        self.daemons.end(nodes, seconds=5, number=signal.SIGKILL)
        for part in (controllers, [ACCOUNTING], [DATABASE], [MUNGE]):
            self.daemons.end(part, seconds=15)
        remove_in_turn(self.place.run)

    @property
    def daemon_names(self) -> list[str]:
        parts = [[cluster.name, *cluster.nodes] for cluster in self.place.clusters]
        return [MUNGE, DATABASE, ACCOUNTING, *(name for part in parts for name in part)]

    # --- Its parts ---------------------------------------------------------------------------------

    def start_controller(self, cluster: Cluster) -> None:
        self.daemons.start(cluster.name, ["slurmctld", "-D", "-i"], self._slurm_environment(cluster))

    def start_node(self, cluster: Cluster, node: str) -> None:
        command = self.view.argv(["slurmd", "-D", "-N", node])
        self.daemons.start(node, command, self._slurm_environment(cluster), namespace=True)

    def node_states(self, cluster: Cluster) -> dict[str, str]:
        """Each node's state as Slurm calls it; empty while the controller does not answer."""
        done = ask(self.place, cluster.name, "sinfo", "--noheader", "--Node", "--format=%N %T")
        return dict(line.split() for line in done.stdout.splitlines()) if done.returncode == 0 else {}

    def is_idle(self, cluster: Cluster) -> bool:
        states = self.node_states(cluster)
        return len(states) == len(cluster.nodes) and set(states.values()) <= FREE_STATES

    def wait_until_idle(self) -> None:
        for cluster in self.place.clusters:
            wait_until(lambda: self.is_idle(cluster), START_SECONDS, f"idle nodes of {cluster.name}")  # noqa: B023

    # --- Steps of the start ------------------------------------------------------------------------

    def _refuse_what_cannot_be(self) -> None:
        if ClusterPlace.find(self.place.data):
            raise ClusterError(f"A pretend Slurm runs on {self.place.data} already. Stop it first.")
        if busy := find_busy_ports(self.place):
            raise ClusterError(f"Ports that another program has: {busy}. Say another first one: --port")
        if closed := self.view.find_closed():
            names = " ".join(str(path) for path in closed)
            raise ClusterError(f"Unix accounts of learners cannot read these: chmod -R a+rX {names}")

    def _make_files(self) -> None:
        place = self.place
        place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (place.private, place.marks, place.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        # Until it runs, it is over when this process is.
        replace(place, owner=ProcessMark.of(os.getpid())).save()
        names = [name for cluster in place.clusters for name in cluster.unix_accounts(place.people)]
        unix_accounts.ensure_accounts(place, [place.unix_name(name) for name in [*names, ELSEWHERE]])
        write_private(place.slurmdbd_conf, configuration.slurmdbd_conf(place))
        write_private(place.private / "munge.key", secrets.token_hex(32))
        make_devices(place.run / "gpus")
        place.munge_socket.parent.mkdir(mode=0o755)
        for cluster in place.clusters:
            folder = place.run / cluster.name
            (folder / "spool").mkdir(mode=0o755, parents=True)
            (place.data / cluster.name).mkdir(mode=0o700, exist_ok=True)
            (folder / "slurm.conf").write_text(configuration.slurm_conf(place, cluster))
            (folder / "gres.conf").write_text(configuration.gres_conf(place, cluster))
            write_factory_file(place, cluster, HUB_API_URL)

    def _start_daemons(self) -> None:
        start_base(self.place, self.daemons)
        ensure_associations(self.place)
        for cluster in self.place.clusters:
            self._start_cluster(cluster)
        self.wait_until_idle()
        self.place.save()

    def _start_cluster(self, cluster: Cluster) -> None:
        self.start_controller(cluster)
        for node in cluster.nodes:
            self.start_node(cluster, node)

    def _slurm_environment(self, cluster: Cluster) -> dict[str, str]:
        return {"SLURM_CONF": str(self.place.conf(cluster.name))}

    def _cancel_all(self) -> None:
        """As the end of a job should read in the accounting; nodes that vanish would leave it running there."""
        for cluster in self.place.clusters:
            if self.daemons.find(cluster.name) is None or not self._jobs(cluster):
                continue
            with suppress(ClusterError):
                ask(self.place, cluster.name, "scancel", "--full", "--signal=KILL", *self._jobs(cluster))
                ask(self.place, cluster.name, "scancel", *self._jobs(cluster))
                wait_until(lambda: not self._jobs(cluster), CANCEL_SECONDS, "the end of all jobs")  # noqa: B023

    def _jobs(self, cluster: Cluster) -> list[str]:
        done = ask(self.place, cluster.name, "squeue", "--noheader", "--format=%A")
        return done.stdout.split()


def end_abandoned() -> None:
    """Remove what is left of every pretend Slurm that is over. Only under the lock: none is being started."""
    for run in TMP.glob(f"{RUN_PREFIX}*"):
        if run.lstat().st_uid == os.geteuid() and stat.S_ISDIR(run.lstat().st_mode) and is_abandoned(run):
            remove(run)


def is_abandoned(run: Path) -> bool:
    place = ClusterPlace.of_run(run)
    if place is None:
        return True
    if place.owner is not None:
        return not place.owner.is_alive()
    return not Daemons(place).list_running()


def remove(run: Path) -> None:
    """Processes first, then accounts, and the folder by which both are found last."""
    end_all_of(run)
    unix_accounts.remove_accounts(run)
    shutil.rmtree(run, ignore_errors=True)


def remove_in_turn(run: Path) -> None:
    with unix_accounts.one_at_a_time():
        remove(run)


def make_devices(folder: Path) -> None:
    """Character devices that are another name of /dev/null; Slurm counts nothing else as a GPU."""
    folder.mkdir(mode=0o755)
    for number in range(GPUS):
        os.mknod(folder / f"gpu{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))


def write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
