"""What stands below Slurm: munge, MariaDB, and the accounting daemon on both."""

import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

from deploy.slurm.daemons import PATH, Daemons, wait_until
from deploy.slurm.place import ClusterPlace

MUNGE, DATABASE, ACCOUNTING = "munged", "mariadbd", "slurmdbd"
START_SECONDS: Final = 120


def start_base(place: ClusterPlace, daemons: Daemons) -> None:
    """Return when the accounting can be asked."""
    daemons.start(MUNGE, munged_argv(place))
    make_database(place.data / "db")
    daemons.start(DATABASE, mariadbd_argv(place))
    wait_until(lambda: has_database(place), START_SECONDS, "a database that answers")
    wait_until(lambda: answers(place.munge_socket), START_SECONDS, "munge's socket")
    environment = {"SLURM_CONF": str(place.slurmdbd_conf), "MYSQL_UNIX_PORT": str(place.database_socket)}
    daemons.start(ACCOUNTING, ["slurmdbd", "-D"], environment)
    wait_until(lambda: answers(place.accounting_port), START_SECONDS, "an accounting daemon that answers")


def munged_argv(place: ClusterPlace) -> list[str]:
    private, folder = place.private, place.munge_socket.parent
    return [
        "munged",
        "--foreground",
        "--force",  # as root: its key and seed are in a folder of root's
        *("--num-threads", "4"),
        *("--socket", str(place.munge_socket)),
        *("--key-file", str(private / "munge.key")),
        *("--pid-file", str(folder / "pid")),
        *("--log-file", str(place.logs / "munge.own.log")),
        *("--seed-file", str(private / "munge.seed")),
    ]


def mariadbd_argv(place: ClusterPlace) -> list[str]:
    return [
        "mariadbd",
        "--no-defaults",
        "--user=root",
        "--skip-networking",
        f"--datadir={place.data / 'db'}",
        f"--socket={place.database_socket}",
        f"--pid-file={place.private / 'mariadbd.pid'}",
        "--innodb-buffer-pool-size=32M",
        "--innodb-lock-wait-timeout=900",  # as slurmdbd asks for
        # Safe when it is killed; after a power cut a development accounting may begin anew.
        *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--sync-frm=0"),
    ]


def make_database(folder: Path) -> None:
    """Under another name first: one cut short would be believed for ever."""
    if folder.exists():
        return
    unfinished = folder.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["--no-defaults", f"--datadir={unfinished}", "--user=root", "--skip-test-db"]
    options.append("--auth-root-authentication-method=socket")
    subprocess.run(
        ["mariadb-install-db", *options],
        env={"PATH": PATH},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    unfinished.rename(folder)


def has_database(place: ClusterPlace) -> bool:
    """Whether it answers; Slurm's own database is there then."""
    order = "create database if not exists slurm_acct_db"
    done = subprocess.run(
        ["mariadb", "--no-defaults", "--socket", str(place.database_socket), "--execute", order],
        env={"PATH": PATH},
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def answers(address: Path | int) -> bool:
    family = socket.AF_INET if isinstance(address, int) else socket.AF_UNIX
    with socket.socket(family) as connection:
        connection.settimeout(2)
        try:
            connection.connect(("127.0.0.1", address) if isinstance(address, int) else str(address))
        except OSError:
            return False
    return True
