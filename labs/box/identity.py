"""Whom learners' code runs as, and the little that a box knows of accounts."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labs.exceptions import BoxUnavailableError

# systemd's list of user ids (UIDS-GIDS) leaves everything from here up unused; a container's own map may end
# earlier, hence the second choice.
_UID_RANGES: Final = ((1_879_048_192, 16_777_216), (20_000, 40_000))
_BOX_UID: Final = 1000
SERVER_UID: Final = _BOX_UID


@dataclass(frozen=True)
class Identity:
    """Whom the learner's code runs as: `unix_uid` is set when the worker is root and must become somebody else."""

    uid: int
    unix_uid: int | None = None


def find_identity() -> Identity:
    """Root becomes a user id that nobody else has, another one for each box; a user stays who they are."""
    if os.geteuid() != 0:
        return Identity(uid=_BOX_UID)
    mapped = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    for start, count in _UID_RANGES:
        if any(first <= start and start + count <= first + length for first, _, length in mapped):
            uid = start + secrets.randbelow(count)
            return Identity(uid=uid, unix_uid=uid)
    raise BoxUnavailableError("this root has no user ids to give to a box", reason="no_unix_users")


def make_etc(uid: int, home: str) -> dict[str, bytes]:
    """The few files of /etc without which libraries stumble; the learner is the only account."""
    return {
        "/etc/passwd": f"learner:x:{uid}:{uid}:Learner:{home}:/bin/sh\n".encode(),
        "/etc/group": f"learner:x:{uid}:\n".encode(),
        "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
        "/etc/hosts": b"127.0.0.1 localhost box\n",
    }
