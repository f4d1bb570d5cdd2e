"""Jobs in Slurm, servers at the hubs and sessions in the rows held against each other; our ledger against sacct."""

import statistics
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from labs.models import LabSession, SlurmJob
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus
from tests.servers.slurm import RealCluster
from tests.soak.checks import list_at_hubs
from tests.soak.slurm_class import SITES

PREFIX = "paja-"
SETTLE_SECONDS = 120.0
LEDGER_SECONDS = 90.0
LEDGER_SLACK = 5.0


# --- True states -------------------------------------------------------------------------------------


def list_jobs(slurm: RealCluster) -> list[tuple[str, str]]:
    """Server and state of every live job of ours; Slurm is asked, not Paja."""
    found = []
    for site in SITES:
        for line in slurm.ask(site.factory, "squeue", "--noheader", "--format=%j|%T").splitlines():
            name, _, state = line.partition("|")
            if name.startswith(PREFIX) and state != "COMPLETING":
                found.append((name.removeprefix(PREFIX), state))
    return found


def find_untrue(slurm: RealCluster) -> list[str]:
    """Where jobs, servers and rows do not say the same, in words: orphaned, doubled, lost."""
    jobs = list_jobs(slurm)
    listed = list_at_hubs()
    if isinstance(listed, str):
        return [listed]
    rows = dict(
        LabSession.objects.filter(status__in=ACTIVE_SESSION_STATUSES).values_list("server_name", "status")
    )
    states = dict(jobs)
    counts = Counter(name for name, _state in jobs)
    ready = {name for name, status in rows.items() if status == SessionStatus.READY}
    untrue = [f"{name}: {count} live jobs" for name, count in counts.items() if count > 1]
    untrue += [f"{name}: a job without a session" for name in counts.keys() - rows.keys()]
    untrue += [f"{name}: a job without a server at its hub" for name in counts.keys() - listed.keys()]
    untrue += [f"{name}: a session that is {rows[name]}, without a job" for name in rows.keys() - counts]
    untrue += [f"{name}: a server at the hub without a session" for name in listed.keys() - rows.keys()]
    untrue += [f"{name}: ready, its server is not" for name in ready if not listed.get(name)]
    untrue += [
        f"{name}: ready, its job is {states[name]}"
        for name in ready & states.keys()
        if states[name] != "RUNNING"
    ]
    return untrue


def wait_true(slurm: RealCluster) -> tuple[float, list[str]]:
    """Seconds until all of it was true, and what then still was not."""
    since = time.monotonic()
    while True:
        untrue = find_untrue(slurm)
        waited = time.monotonic() - since
        if not untrue or waited > SETTLE_SECONDS:
            return waited, untrue
        time.sleep(1)


def find_failed() -> list[str]:
    """Sessions that failed, which none may."""
    failed = LabSession.objects.filter(status=SessionStatus.FAILED)
    return [f"{session.server_name}: failed ({session.reason})" for session in failed]


# --- The ledger --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """A job as sacct has it."""

    factory: str
    job_id: str
    server: str
    started_at: datetime | None
    ended_at: datetime | None


@dataclass
class Ledger:
    """How our rows and the accounting agree; differences in seconds."""

    jobs: int
    rows: int
    without_row: list[str]
    without_job: list[str]
    doubled: list[str]
    started: list[float]
    ended: list[float]
    off: list[str]
    session_ends: list[float]

    @property
    def faults(self) -> list[str]:
        return [*self.without_row, *self.without_job, *self.doubled, *self.off]


def read_accounting(slurm: RealCluster, since: datetime) -> list[Counted]:
    words = ["sacct", "-a", "-X", "-n", "-P", f"--starttime={since.astimezone():%Y-%m-%dT%H:%M:%S}"]
    found = []
    for site in SITES:
        said = slurm.ask(site.factory, *words, "--format=JobIDRaw,JobName,Start,End")
        for line in said.splitlines():
            job_id, name, start, end = line.split("|")
            if name.startswith(PREFIX):
                times = parse_time(start), parse_time(end)
                found.append(Counted(site.factory, job_id, name.removeprefix(PREFIX), *times))
    return found


def parse_time(text: str) -> datetime | None:
    """Slurm says a time of this machine's zone, or a word."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").astimezone(UTC)
    except ValueError:
        return None


def wait_ledger(slurm: RealCluster, since: datetime) -> Ledger:
    """The comparison, once every row says that its job has ended, or LEDGER_SECONDS are over."""
    deadline = time.monotonic() + LEDGER_SECONDS
    ledger = compare_ledger(read_accounting(slurm, since))
    while ledger.faults and time.monotonic() < deadline:
        time.sleep(2)
        ledger = compare_ledger(read_accounting(slurm, since))
    return ledger


def compare_ledger(counted: Iterable[Counted]) -> Ledger:
    told = {(job.factory, job.job_id, job.server): job for job in counted}
    rows = {
        (row.hub.factory.slug, row.job_id, row.server_name): row
        for row in SlurmJob.objects.select_related("hub__factory", "session")
    }
    each_server = Counter(server for _factory, _job_id, server in told)
    ledger = Ledger(
        jobs=len(told),
        rows=len(rows),
        without_row=[f"job {' '.join(key)} without a row" for key in told.keys() - rows.keys()],
        without_job=[f"row {' '.join(key)} without a job" for key in rows.keys() - told.keys()],
        doubled=[f"{server}: {count} jobs" for server, count in each_server.items() if count > 1],
        started=[],
        ended=[],
        off=[],
        session_ends=[],
    )
    for key in told.keys() & rows.keys():
        compare_times(ledger, told[key], rows[key])
    return ledger


def compare_times(ledger: Ledger, job: Counted, row: SlurmJob) -> None:
    pairs = ((job.started_at, row.started_at, ledger.started), (job.ended_at, row.ended_at, ledger.ended))
    for theirs, ours, differences in pairs:
        if theirs and ours:
            differences.append(abs((theirs - ours).total_seconds()))
            if differences[-1] > LEDGER_SLACK:
                ledger.off.append(f"job {job.job_id} of {job.factory}: {theirs} by sacct, {ours} by us")
        elif theirs and (differences is ledger.ended or row.ended_at != theirs):
            ledger.off.append(f"job {job.job_id} of {job.factory}: {theirs} by sacct, no time by us")
        elif ours:
            ledger.off.append(f"job {job.job_id} of {job.factory}: no time by sacct, {ours} by us")
    if row.session and row.session.ended_at and row.ended_at:
        ledger.session_ends.append((row.session.ended_at - row.ended_at).total_seconds())


def tell_differences(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    return f"{len(seconds)}: median {statistics.median(seconds):.1f} s, largest {max(seconds, key=abs):.1f} s"
