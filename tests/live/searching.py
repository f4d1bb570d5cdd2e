"""Everything that a learner can read of a running Paja, for words that they must not find."""

import html
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from tests.live.people import Visitor
from tests.live.sessions import AtWork, home_of, run_in_kernel, server_headers, server_url
from tests.live.stack import Stack

MOST_PAGES: Final = 200
LINK: Final = re.compile(r'(?:href|hx-get|src|action)="([^"#]+)')
LEFT_OUT: Final = ("/static/", "/accounts/")
"""The same for everybody."""

# What a learner's kernel can read in its home and in what it may write; the word is put together there.
LOOK_AROUND: Final = """
import os
for top in (os.path.expanduser("~"), "/tmp", "/var/tmp", "/dev/shm", "/run"):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            try:
                if os.path.isfile(path) and {word!r}[::-1].encode() in open(path, "rb").read():
                    print("found in", path)
            except OSError:
                pass
print("looked")
"""


def read_pages(visitor: Visitor, start: str = "/") -> dict[str, bytes]:
    """Every page, fragment and download that can be come to by links from `start`."""
    found: dict[str, bytes] = {}
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in found or path.startswith(LEFT_OUT):
            continue
        assert len(found) < MOST_PAGES, "the pages have no end"
        answer = visitor.get(path)
        found[path] = unpack(answer)
        linked = LINK.findall(answer.text) if "text/html" in answer.headers.get("Content-Type", "") else []
        for link in [*linked, answer.headers.get("Location", "")]:
            target = urlsplit(urljoin(path, html.unescape(link)))
            if not target.netloc and target.path.startswith("/"):
                waiting.append(target.path + (f"?{target.query}" if target.query else ""))
    return found


def unpack(answer: httpx.Response) -> bytes:
    """An answer's content; of an archive, that of its files."""
    if not zipfile.is_zipfile(io.BytesIO(answer.content)):
        return answer.content
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def read_api(visitor: Visitor) -> dict[str, bytes]:
    """Every list of the API and everything in it, by a key of the learner's."""
    headers = {"Authorization": f"Token {visitor.renew_api_token()}"}
    found: dict[str, bytes] = {}
    for name in ("courses", "cohorts", "enrolments", "sessions", "submissions"):
        answer = visitor.client.get(f"/api/v1/{name}/", headers=headers)
        assert answer.status_code == 200, answer.text
        found[str(answer.url)] = answer.content
        for row in answer.json()["results"]:
            detail = visitor.client.get(f"/api/v1/{name}/{row.get('id') or row['slug']}/", headers=headers)
            assert detail.status_code == 200, detail.text
            found[str(detail.url)] = detail.content
    return found


def read_server(person: AtWork) -> dict[str, bytes]:
    """The pages of the hub and of the learner's server, and its files as JupyterLab reads them."""
    session = person.session
    addresses = [f"{person.origin}/hub/home", f"{person.origin}/hub/token", f"{person.lab_url}lab"]
    found = {address: person.visitor.roam(address).content for address in addresses}
    with server_headers(session) as headers:
        waiting = [""]
        while waiting:
            address = f"{server_url(session)}api/contents/{waiting.pop()}"
            answer = httpx.get(address, headers=headers)
            found[address] = answer.content
            content = answer.json().get("content")
            if answer.json().get("type") == "directory":
                waiting += [each["path"] for each in content]
    return found


def read_folder(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_everything(stack: Stack, person: AtWork) -> Iterator[tuple[str, bytes]]:
    """What a learner can read, by what it is called, and Paja's own logs, which are shown to nobody."""
    yield from read_pages(person.visitor).items()
    yield from read_api(person.visitor).items()
    yield from read_server(person).items()
    yield from read_folder(home_of(stack, person.session)).items()
    yield from read_folder(stack.place.logs).items()


def look_around(person: AtWork, word: str) -> str:
    """What a search in the learner's own kernel says: `looked`, after every file with the word in it."""
    return run_in_kernel(person.session, LOOK_AROUND.format(word=word[::-1]))
