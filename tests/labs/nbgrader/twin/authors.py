"""Tests as authors of nbgrader courses write them, each with work that honestly passes it: `snippets/*.txt`.

A case is a head (`======== name`, with `[weak]` where nothing in it can be altered but contradicted, and the library
that it wants), the learner's work, a line of dashes, and the test. `use` takes work from a file of its own.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "snippets"


@dataclass(frozen=True)
class AuthorTest:
    name: str
    honest: str
    test: str
    is_strong: bool


def load(name: str) -> list[AuthorTest]:
    text = (FOLDER / f"{name}.txt").read_text().removesuffix("\n")
    return [_read(case) for case in re.split(r"^={8} ", text, flags=re.MULTILINE)[1:]]


def _read(case: str) -> AuthorTest:
    head, _, body = case.partition("\n")
    honest, _, test = body.partition("--------")
    used = re.match(r"use (.*)\n", honest)
    for name in used.group(1).split() if used else ():
        honest += (FOLDER / f"{name}.txt").read_text()
    honest = honest[used.end() :] if used else honest
    return AuthorTest(head.partition(" [")[0], honest, test.strip("\n"), is_strong="[weak]" not in head)
