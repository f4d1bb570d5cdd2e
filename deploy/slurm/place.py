"""Where one pretend Slurm keeps its things: ports, a folder that is kept, one that everybody may enter."""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from deploy.jupyterhub.processes import ProcessMark
from deploy.ports import is_free
from deploy.slurm.plan import NODES_MAX, Cluster, clusters

PORTS: Final = 3 + 2 * (NODES_MAX + 1)
# Not TMPDIR, which may be one person's own: learners' jobs and commands read what stands here.
TMP: Final = Path("/tmp")  # noqa: S108
RUN_PREFIX: Final = "paja-slurm-"


class ClusterError(Exception):
    """The pretend Slurm cannot run; the message says what to do."""


@dataclass(frozen=True)
class ClusterPlace:
    """One pretend Slurm of two clusters.

    `data` keeps the accounting, the controllers' state and logs; `run` has what is made at each start: settings,
    sockets, spools, homes. `suffix` ends the names of its Unix accounts. With `owner` it is over when that process is.
    """

    data: Path
    base_port: int
    nodes: int = 2
    people: int = 8
    suffix: str = ""
    owner: ProcessMark | None = None

    def __post_init__(self) -> None:
        if not 1024 <= self.base_port <= 65_535 - PORTS:
            raise ClusterError(f"Port {self.base_port}: say one from 1024 to {65_535 - PORTS}.")
        if not 1 <= self.nodes <= NODES_MAX:
            raise ClusterError(f"{self.nodes} nodes: say 1 to {NODES_MAX} a cluster.")
        if not 1 <= self.people <= 999:
            raise ClusterError(f"{self.people} accounts: say 1 to 999 a cluster.")
        if not re.fullmatch(r"[a-z0-9]{0,8}", self.suffix):
            raise ClusterError(f"The suffix {self.suffix!r} is not up to 8 of a-z and 0-9.")

    @property
    def run(self) -> Path:
        return run_folder(self.data)

    @property
    def private(self) -> Path:
        """Sockets that are root's alone; their paths end at 107 bytes."""
        return self.run / "private"

    @property
    def homes(self) -> Path:
        return self.run / "homes"

    @property
    def logs(self) -> Path:
        return self.data / "log"

    @property
    def marks(self) -> Path:
        return self.private / "processes"

    @property
    def munge_socket(self) -> Path:
        return self.run / "munge" / "socket"

    @property
    def database_socket(self) -> Path:
        return self.private / "db.sock"

    @property
    def slurmdbd_conf(self) -> Path:
        return self.private / "slurmdbd.conf"

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        return clusters(self.nodes)

    def conf(self, cluster: str) -> Path:
        """SLURM_CONF of a cluster."""
        return self.run / cluster / "slurm.conf"

    def factory_file(self, cluster: str) -> Path:
        return self.run / cluster / "factory.toml"

    @property
    def accounting_port(self) -> int:
        return self.base_port

    def controller_port(self, cluster: str) -> int:
        return self.base_port + 1 + self._position(cluster)

    def node_ports(self, cluster: Cluster) -> dict[str, int]:
        first = self.base_port + 3 + self._position(cluster.name) * (NODES_MAX + 1)
        return {node: first + number for number, node in enumerate(cluster.nodes)}

    def unix_name(self, name: str) -> str:
        return f"{name}{self.suffix}"

    @property
    def ports(self) -> range:
        return range(self.base_port, self.base_port + PORTS)

    def save(self) -> None:
        """Leave word for `stop`, `status`, and whoever looks for clusters that are over."""
        values = asdict(self) | {"data": str(self.data)}
        unfinished = self.private / "place.new"
        unfinished.write_text(json.dumps(values))
        unfinished.replace(self.private / "place.json")

    @classmethod
    def find(cls, data: Path) -> Self | None:
        """The cluster that was started on this data folder; None where none is."""
        return cls.of_run(run_folder(data))

    @classmethod
    def of_run(cls, run: Path) -> Self | None:
        try:
            values = json.loads((run / "private" / "place.json").read_text())
        except (OSError, ValueError):
            return None
        owner = values.pop("owner")
        place = cls(
            **values | {"data": Path(values["data"]), "owner": ProcessMark(**owner) if owner else None}
        )
        return place if place.run == run else None

    def _position(self, cluster: str) -> int:
        return [each.name for each in self.clusters].index(cluster)


def run_folder(data: Path) -> Path:
    return TMP / f"{RUN_PREFIX}{hashlib.sha256(str(data.absolute()).encode()).hexdigest()[:10]}"


def ensure_run_folder(run: Path) -> None:
    """The folder that everybody may enter, ours alone to write in; anybody can make one of that name before us."""
    run.mkdir(mode=0o755, exist_ok=True)
    found = run.lstat()
    if run.is_symlink() or found.st_uid != os.geteuid():
        raise ClusterError(f"{run} belongs to somebody else. Remove it.")
    run.chmod(0o755)


def find_busy_ports(place: ClusterPlace) -> list[int]:
    return [port for port in place.ports if not is_free(port)]
