"""A PostgreSQL of one's own: a cluster in a folder that is thrown away, reached by its socket only."""

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.servers import require

INSTALL = "PostgreSQL is not installed: the Debian package is `postgresql`."


def find_pg_ctl() -> Path | None:
    """Debian keeps the server's programs out of the PATH, by version."""
    found = shutil.which("pg_ctl")
    candidates = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return candidates[-1] if candidates else None


@contextmanager
def running_postgres() -> Iterator[str]:
    """The address of an empty database. PostgreSQL refuses to run as root, so there it runs as its own user."""
    pg_ctl = find_pg_ctl()
    require(pg_ctl is not None, INSTALL)
    folder = Path(tempfile.mkdtemp(prefix="paja-pg-"))
    is_root = os.geteuid() == 0
    user = "postgres" if is_root else getpass.getuser()
    if is_root:
        shutil.chown(folder, user)

    def run(*arguments: str) -> None:
        argv = [str(pg_ctl), "-D", str(folder / "data"), *arguments]
        if is_root:
            argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *argv]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    try:
        run("initdb", "-o", "--auth=trust --no-sync --encoding=UTF8")
        run(
            "start", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses='' -c fsync=off"
        )
        try:
            yield f"postgresql://{user}@{quote(str(folder), safe='')}/postgres"
        finally:
            run("stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)
