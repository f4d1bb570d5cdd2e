"""Where one running Paja keeps its things: ports, data folder, short folder for sockets."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.jupyterhub.processes import ProcessMark
from deploy.ports import is_free
from deploy.slurm.place import ClusterError, ClusterPlace

ROOT = Path(__file__).resolve().parents[2]


class PlaceError(Exception):
    """Paja cannot run here; the message says what to set or to stop."""


@dataclass(frozen=True)
class HubPlace:
    """The three ports of one factory's hub; the first Unix account of its learners, when Paja runs as root."""

    factory: str
    port: int
    first_uid: int

    @property
    def proxy_api_port(self) -> int:
        return self.port + 1

    @property
    def hub_port(self) -> int:
        return self.port + 2

    @property
    def origin(self) -> str:
        return f"http://{self.factory}.localhost:{self.port}"


@dataclass(frozen=True)
class Place:
    """One running Paja: `PAJA_PORT` and `PAJA_DATA` tell several apart on one machine.

    With `slurm` its sessions are jobs of a pretend Slurm (`PAJA_SLURM`), else local processes.
    """

    port: int
    data: Path
    slurm: ClusterPlace | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        text = environ.get("PAJA_PORT", "8000")
        if not text.isdecimal() or not 1024 <= int(text) <= 65_000:
            raise PlaceError(f"PAJA_PORT={text}: say a number from 1024 to 65000.")
        is_slurm = bool(environ.get("PAJA_SLURM"))
        data = Path(environ.get("PAJA_DATA") or ROOT / ("data-slurm" if is_slurm else "data")).absolute()
        return cls(
            port=int(text), data=data, slurm=read_slurm(environ, int(text), data) if is_slurm else None
        )

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def hubs(self) -> tuple[HubPlace, ...]:
        # The ranges of accounts are apart: two learners of two factories are two people.
        return (
            HubPlace("kajaani", self.port + 10, first_uid=40_000),
            HubPlace("athens", self.port + 20, first_uid=50_000),
        )

    @property
    def runtime(self) -> Path:
        """For sockets, whose paths end at 107 bytes: the data folder may lie deep."""
        digest = hashlib.sha256(str(self.data).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir(), f"paja-{digest}")

    @property
    def logs(self) -> Path:
        return self.data / "log"

    @property
    def status_file(self) -> Path:
        return self.data / "status.json"

    def hub_data(self, hub: HubPlace) -> Path:
        return self.data / "hubs" / hub.factory

    def make_folders(self) -> None:
        """Make what is missing; nobody else may look into data and sockets."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.data / "media", self.data / "redis", self.logs, *map(self.hub_data, self.hubs)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        if self.runtime.is_symlink() or self.runtime.stat().st_uid != os.getuid():
            raise PlaceError(f"{self.runtime} belongs to somebody else. Remove it, or set TMPDIR.")
        self.runtime.chmod(0o700)

    def check_ports(self) -> None:
        """Name every port that another program has, all at once."""
        wanted = {self.port: "the pages"}
        for hub in self.hubs:
            wanted[hub.port] = f"the proxy of {hub.factory}"
            wanted[hub.proxy_api_port] = f"the proxy's own door in {hub.factory}"
            wanted[hub.hub_port] = f"the hub of {hub.factory}"
        busy = [f"  {port} ({purpose})" for port, purpose in wanted.items() if not is_free(port)]
        if busy:
            raise PlaceError(
                "These ports are taken by another program:\n"
                + "\n".join(busy)
                + "\nStop it, or choose other ports: PAJA_PORT=9000 make run takes 9000 to 9022."
            )


def read_slurm(environ: Mapping[str, str], port: int, data: Path) -> ClusterPlace:
    """The pretend Slurm of this run, which is over when this process is."""
    numbers = {}
    for name, default in (("PORT", port + 30), ("NODES", 2), ("PEOPLE", 8)):
        text = environ.get(f"PAJA_SLURM_{name}", str(default))
        if not text.isdecimal():
            raise PlaceError(f"PAJA_SLURM_{name}={text}: say a number.")
        numbers[name] = int(text)
    try:
        return ClusterPlace(
            data=data / "slurm",
            base_port=numbers["PORT"],
            nodes=numbers["NODES"],
            people=numbers["PEOPLE"],
            suffix=environ.get("PAJA_SLURM_SUFFIX", ""),
            owner=ProcessMark.of(os.getpid()),
        )
    except ClusterError as error:
        raise PlaceError(f"PAJA_SLURM_…: {error}") from error
