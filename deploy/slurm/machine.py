"""What the machine must have for a pretend Slurm, and what to do where it has not."""

import os
import shutil
from typing import Final

from deploy.slurm.daemons import PATH
from deploy.slurm.place import ClusterError

PACKAGES: Final = {
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "slurmdbd": "slurmdbd",
    "sbatch": "slurm-client",
    "munged": "munge",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "sudo": "sudo",
    "bwrap": "bubblewrap",
    "unshare": "util-linux",
    "useradd": "passwd",
}


def find_missing_packages() -> list[str]:
    return sorted({package for command, package in PACKAGES.items() if not shutil.which(command, path=PATH)})


def check_machine() -> None:
    """Raises with all that is in the way."""
    faults = []
    if os.geteuid() != 0:
        faults.append(
            "A pretend Slurm runs jobs as Unix accounts that it makes: start it as root (or run it in a container)."
        )
    if missing := find_missing_packages():
        faults.append(
            f"Debian's packages are missing: apt install --no-install-recommends {' '.join(missing)}"
        )
    if faults:
        raise ClusterError("\n".join(faults))
