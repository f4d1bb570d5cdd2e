"""Which Unix account a learner has on a developer's machine: one of their own when the hub runs as root."""

import os
import threading
from pathlib import Path

ACCOUNTS = 10_000  # per factory; above every account of a distribution, below 65,536 as containers map
_giving = threading.Lock()  # two who start at once must not get the same account


def ensure_home(homes: Path, name: str, *, first_uid: int) -> Path:
    """The learner's home, made when it is not there. Its owner is their account, and the only record."""
    home = homes / name
    homes.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    # Asked each time, not only for a new home: one left between the two steps would belong to root.
    with _giving:
        if os.geteuid() == 0 and not first_uid <= home.stat().st_uid < first_uid + ACCOUNTS:
            uid = next_uid(homes, first_uid)
            os.chown(home, uid, uid)
    return home


def next_uid(homes: Path, first_uid: int) -> int:
    """The account after the last one given."""
    last = first_uid + ACCOUNTS - 1
    given = [home.stat().st_uid for home in homes.iterdir()]
    uid = max((number for number in given if first_uid <= number <= last), default=first_uid - 1) + 1
    if uid > last:
        raise RuntimeError(f"all {ACCOUNTS} accounts of {homes} are given away")
    return uid
