"""What a hub must not forget of its jobs when it is restarted: whose each is, whether we ended it, how it ended.

One small file in the hub's folder. Slurm knows the rest, and tells it again.
"""

import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from deploy.jupyterhub.slurm.job_views import Ending, Submission
from deploy.jupyterhub.slurm.jobs import EndedJob, QueuedJob

KEPT: Final = timedelta(days=7)  # of what has ended; Paja reads it within seconds, or when it is back
CLOCKS_APART: Final = timedelta(minutes=10)  # that the hub's clock and Slurm's may be, at most
TABLES: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS told (at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS moments (name TEXT PRIMARY KEY, at TEXT NOT NULL);
"""


@dataclass(frozen=True, kw_only=True)
class KnownJob:
    """A job of this hub's, from its submission on."""

    job_id: str
    name: str
    submission: Submission
    submitted_at: datetime
    is_stopped: bool = False
    ending: Ending | None = None

    @property
    def is_open(self) -> bool:
        """Whether more is to be learnt of it: it lives, or nobody has said how it ended."""
        return self.ending is None or self.ending.state == "UNKNOWN"

    def is_same(self, job: QueuedJob | EndedJob) -> bool:
        """Whether the job of that id is ours: of our account, and of our name, unless its owner has changed that.

        A site that counts its jobs anew gives our ids to later ones.
        """
        if self.submission.unix_account not in {"", job.user}:
            return False
        is_as_old = job.submitted_at is not None and job.submitted_at <= self.submitted_at + CLOCKS_APART
        return job.name == self.name or is_as_old

    @classmethod
    def read(cls, body: dict[str, Any]) -> Self:
        ending = body.pop("ending")
        return cls(
            **_with_times(body, "submitted_at") | {"submission": Submission(**body["submission"])},
            ending=Ending(**_with_times(ending, "started_at", "ended_at", "learnt_at")) if ending else None,
        )


@dataclass(frozen=True)
class Told:
    """Something that Paja is told for a while: a refusal, or what came of trying an account out."""

    kind: str
    body: dict[str, str]
    at: datetime


class JobStore:
    """The file and what is in it. Every write is there for good when its method returns, short of a power cut."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._file.executescript(TABLES)

    def close(self) -> None:
        self._file.close()

    def load(self) -> list[KnownJob]:
        """Every job, in the order of their submissions."""
        rows = self._file.execute("SELECT body FROM jobs").fetchall()
        jobs = [KnownJob.read(json.loads(body)) for (body,) in rows]
        return sorted(jobs, key=lambda job: job.submitted_at)

    def save(self, job: KnownJob) -> None:
        row = (job.job_id, json.dumps(asdict(job), default=datetime.isoformat))
        self._file.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?)", row)

    def forget(self, *job_ids: str) -> None:
        self._file.executemany("DELETE FROM jobs WHERE job_id = ?", [(job_id,) for job_id in job_ids])

    def tell(self, told: Told) -> None:
        row = (told.at.isoformat(), told.kind, json.dumps(told.body))
        self._file.execute("INSERT INTO told VALUES (?, ?, ?)", row)

    def load_told(self) -> list[Told]:
        rows = self._file.execute("SELECT kind, body, at FROM told ORDER BY at").fetchall()
        return [Told(kind, json.loads(body), datetime.fromisoformat(at)) for kind, body, at in rows]

    def forget_told(self, before: datetime) -> None:
        self._file.execute("DELETE FROM told WHERE at < ?", (before.astimezone(UTC).isoformat(),))

    def find_moment(self, name: str) -> datetime | None:
        row = self._file.execute("SELECT at FROM moments WHERE name = ?", (name,)).fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    def save_moment(self, name: str, at: datetime) -> None:
        self._file.execute("INSERT OR REPLACE INTO moments VALUES (?, ?)", (name, at.isoformat()))


def _with_times(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**body, **{name: datetime.fromisoformat(body[name]) for name in names if body[name]}}
