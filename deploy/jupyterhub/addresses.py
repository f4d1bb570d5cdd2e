"""Addresses of learners' servers: whose server a path belongs to, and where in Paja its page is."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

USER_NAME = r"p-[0-9a-f]{8}"  # as Paja makes them; opaque, because a factory shows names to everybody
SERVER_NAME = r"s-[0-9a-f]{8}"
JOB_SERVER_NAME = r"[gsv]-[0-9a-f]{8}"  # a grader's, a session's, or one that tries an account out
SERVER_PATH = re.compile(rf"(?:/hub)?/user/(?P<user>{USER_NAME})/(?P<server>{SERVER_NAME})/")
SPAWN_PATH = re.compile(rf"/hub/spawn(?:-pending)?/(?P<user>{USER_NAME})/(?P<server>{SERVER_NAME})")
LONGEST = 2048


@dataclass(frozen=True)
class ServerAddress:
    """A path on one learner's own origin, below one of their servers."""

    user: str
    server: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The address that `text` is, or None for anything that a browser could read as another place.

        Browsers drop tabs and line ends, and take a backslash for a slash: printable ASCII without backslash
        only. No host, no way up.
        """
        is_plain = len(text) <= LONGEST and re.fullmatch(r"[!-\[\]-~]+", text) is not None
        found = re.match(r"/user/([^/]+)/([^/]+)/", text) if is_plain else None
        if found is None or not re.fullmatch(USER_NAME, found[1]) or not re.fullmatch(SERVER_NAME, found[2]):
            return None
        path = urlsplit(text).path
        if "//" in path or any(part in {".", ".."} for part in path.lower().replace("%2e", ".").split("/")):
            return None
        return cls(user=found[1], server=found[2], path=text)


def find_server_name(path: str) -> str:
    """The name of the server that a page of the hub is about; empty when it is about none."""
    found = SERVER_PATH.match(f"{path}/") or SPAWN_PATH.fullmatch(path)
    return found["server"] if found else ""


def back_address(paja: str, path: str) -> str:
    """Where a page of the hub leads back to: the page of the session that it is about, else Paja."""
    server = find_server_name(path)
    return f"{paja}/labs/servers/{server}/" if server else paja
