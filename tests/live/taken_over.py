"""A session whose learner put a program of their own in place of their Jupyter server (hostile_program.py)."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from labs.models import LabSession
from tests.live import hostile_program
from tests.live.sessions import home_of, run_in_kernel
from tests.live.stack import Stack
from tests.live.waiting import wait_until

FOLDER = ".hostile"
START = """
import os, subprocess, sys
here = os.path.expanduser("~/{folder}")
with open(f"{{here}}/log", "w") as log:
    subprocess.Popen(
        [sys.executable, f"{{here}}/hostile_program.py", str(os.getppid()), "{kind}"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )
"""


@dataclass(frozen=True)
class TakenOver:
    """What stands in the learner's home: how the program answers, and what it was asked."""

    folder: Path

    def answer(self, kind: str, **words: str) -> None:
        unfinished = self.folder / "answer.new"
        unfinished.write_text(json.dumps({"kind": kind, **words}))
        unfinished.rename(self.folder / "answer")

    def serve(self, name: str, text: str) -> None:
        """Have a page at that name, wherever below the server's address."""
        (self.folder / "pages" / name).write_text(text)

    @property
    def seen(self) -> str:
        """All that it was asked, with all headers."""
        file = self.folder / "seen"
        return file.read_bytes().decode(errors="replace") if file.exists() else ""

    @property
    def tokens(self) -> list[str]:
        """The tokens that others showed to it, in the order in which they came."""
        return list(
            dict.fromkeys(re.findall(r"^Authorization: token (\S+)", self.seen, re.MULTILINE | re.IGNORECASE))
        )


def take_over(stack: Stack, session: LabSession, kind: str = "answer") -> TakenOver:
    """From a kernel of the session, which is where a learner can run what they like."""
    folder = home_of(stack, session) / FOLDER
    owner = folder.parent.stat()
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier session
    (folder / "pages").mkdir(parents=True)
    shutil.chown(folder, owner.st_uid, owner.st_gid)
    shutil.copy(hostile_program.__file__, folder)
    taken = TakenOver(folder)
    taken.answer("page")
    run_in_kernel(session, START.format(folder=FOLDER, kind=kind))
    wait_until((folder / "ready").exists, "the learner's program answers in place of their server")
    return taken
