"""What must be true when the faults are over, looked up in the rows, at the hubs, and on the machine."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from labs.blobs import read_blob
from labs.exceptions import LabError
from labs.models import GradingRun, Hub, LabSession, Snapshot, Submission, Workspace
from labs.reasons import SENTENCES
from labs.states import ACTIVE_GRADING_STATUSES, ACTIVE_SESSION_STATUSES, SessionStatus, SubmissionStatus
from labs.work.connections import connect_hub
from tests.live.stack import Stack
from tests.soak.faults import SERVER, Fault
from tests.soak.learners import DIARY, Edit, Learner, parse_diary
from tests.soak.servers import find_servers

SETTLE_SECONDS = 60.0
GRADING_SECONDS = 180.0
SPARE_SECONDS = 10.0  # from when a copy is due until it is stored
PRESSED = {"stop_requested", "restart_requested"}


# --- True states -------------------------------------------------------------------------------------


def wait_settled(stack: Stack, names: list[str], *, since: float) -> tuple[float, list[str]]:
    """Seconds after `since` until everything was true, and what then still was not."""
    while True:
        untrue = find_untrue(stack, names)
        waited = time.time() - since
        if not untrue or waited > SETTLE_SECONDS:
            return waited, untrue
        time.sleep(0.5)


def find_untrue(stack: Stack, names: list[str]) -> list[str]:
    """Where rows, hubs and processes do not say the same, in words."""
    rows = {
        session.server_name: session.status
        for session in LabSession.objects.filter(status__in=ACTIVE_SESSION_STATUSES)
    }
    listed = list_at_hubs()
    if isinstance(listed, str):
        return [listed]
    living = {server.name for server in find_servers(stack.place)}
    ready = {name for name, status in rows.items() if status == SessionStatus.READY}
    untrue = [f"{name}: still {status}" for name, status in rows.items() if name not in ready]
    untrue += [f"{name}: ready, without a server at the hub" for name in ready - listed.keys()]
    untrue += [
        f"{name}: ready, its server at the hub is not" for name in ready & listed.keys() if not listed[name]
    ]
    untrue += [f"{name}: ready, without a process" for name in ready - living]
    untrue += [f"{name}: a server at the hub without a session" for name in listed.keys() - rows.keys()]
    untrue += [f"{name}: a process without a session" for name in living - rows.keys()]
    untrue += [f"{name} does not run" for name in names if not stack.is_running(name)]
    untrue += [f"{hub}: said to be down" for hub in Hub.objects.filter(down_since__isnull=False)]
    collecting = Submission.objects.filter(status=SubmissionStatus.COLLECTING)
    untrue += [f"submission {each.public_id}: still being collected" for each in collecting]
    return untrue


def list_at_hubs() -> dict[str, bool] | str:
    """Whether each server is ready, by its name, or what hindered the question."""
    listed: dict[str, bool] = {}
    for hub in Hub.objects.select_related("factory"):
        try:
            with connect_hub(hub) as client:
                servers = client.list_servers()
        except LabError as error:
            return f"the hub of {hub.factory.slug} does not answer: {error}"
        listed |= {name: model.is_ready for (_user, name), model in servers.items()}
    return listed


def wait_graded() -> list[str]:
    """Runs that have not ended after GRADING_SECONDS."""
    deadline = time.time() + GRADING_SECONDS
    while time.time() < deadline:
        if not GradingRun.objects.filter(status__in=ACTIVE_GRADING_STATUSES).exists():
            return []
        time.sleep(0.5)
    runs = GradingRun.objects.filter(status__in=ACTIVE_GRADING_STATUSES)
    return [f"the grading of submission {run.submission.public_id}: still {run.status}" for run in runs]


# --- Sessions and submissions ------------------------------------------------------------------------


def find_lost_sessions(killed: dict[str, float]) -> list[str]:
    """Sessions that ended though nobody killed their server and nobody pressed a button."""
    lost = []
    for session in LabSession.objects.select_related("hub__factory").exclude(server_name__in=killed):
        where = f"{session.server_name} at {session.hub.factory.slug}"
        ended = f"ended {session.ended_at:%H:%M:%S}" if session.ended_at else ""
        if session.status == SessionStatus.FAILED:
            lost.append(f"{where}: failed ({session.reason}), {ended}, its server was not killed")
        elif session.status == SessionStatus.STOPPED and session.stop_reason not in PRESSED:
            lost.append(f"{where}: stopped ({session.stop_reason or 'no reason'}), {ended}, nobody pressed")
    return lost


def find_speechless_submissions() -> list[str]:
    """Submissions that came to an end that Paja has no sentence for."""
    failed = Submission.objects.filter(status=SubmissionStatus.FAILED)
    return [
        f"submission {each.public_id}: {each.reason!r}" for each in failed if each.reason not in SENTENCES
    ]


# --- Edits -------------------------------------------------------------------------------------------


@dataclass
class EditCount:
    """`young`: gone, but younger than the interval when their server was killed, which is allowed.

    `while_stopping`: on the factory's disk alone, written in the interval before the end of a server that somebody
    had stopped already.
    """

    made: int = 0
    in_snapshots: int = 0
    on_disk_only: int = 0
    while_stopping: int = 0
    young: int = 0
    lost: list[str] = field(default_factory=list)
    unsaved_at_kills: int = 0
    oldest_unsaved: float = 0.0
    not_copied_in_time: list[str] = field(default_factory=list)


def count_edits(
    stack: Stack, learners: list[Learner], faults: list[Fault], snapshot_seconds: float
) -> EditCount:
    """Where every acknowledged edit is now, and what the snapshots held whenever a server was killed."""
    killed = {fault.target: fault for fault in faults if fault.kind == SERVER}
    count = EditCount()
    for learner in learners:
        workspace = Workspace.objects.filter(owner=learner.person.user_id).first()
        snapshots = list(workspace.snapshots.order_by("created_at")) if workspace else []
        kept = parse_diary(read_diary(snapshots[-1])) if snapshots else set()
        disk = read_disk(stack, learner)
        count.made += len(learner.edits)
        for edit in learner.edits:
            fault = killed.get(edit.server)
            if edit.number in kept:
                count.in_snapshots += 1
            elif edit.number in disk:
                count.on_disk_only += 1
            elif fault and not was_due(edit, fault, faults, snapshot_seconds):
                count.young += 1
            elif was_stopping(edit, snapshot_seconds):
                count.while_stopping += 1
            else:
                count.lost.append(tell(learner, edit))
        for fault in killed.values():
            check_kill(count, learner, fault, snapshots, faults, snapshot_seconds)
    return count


def check_kill(
    count: EditCount,
    learner: Learner,
    fault: Fault,
    snapshots: list[Snapshot],
    faults: list[Fault],
    snapshot_seconds: float,
) -> None:
    """As if the factory's disk had gone with the server: what was old enough must stand in a snapshot."""
    edits = [edit for edit in learner.edits if edit.server == fault.target]
    if not edits:
        return
    killed_at = datetime.fromtimestamp(fault.killed_at, UTC)
    before = [snapshot for snapshot in snapshots if snapshot.created_at <= killed_at]
    kept = parse_diary(read_diary(before[-1])) if before else set()
    for edit in edits:
        if edit.number in kept or edit.at > fault.killed_at:
            continue
        count.unsaved_at_kills += 1
        count.oldest_unsaved = max(count.oldest_unsaved, fault.killed_at - edit.at)
        if was_due(edit, fault, faults, snapshot_seconds):
            count.not_copied_in_time.append(tell(learner, edit))


def was_due(edit: Edit, fault: Fault, faults: list[Fault], snapshot_seconds: float) -> bool:
    """Whether the edit had an interval, and some time to be copied, in which its factory was whole."""
    wanted = snapshot_seconds + SPARE_SECONDS
    free_since = edit.at
    for began, ended in sorted(outages(fault.factory, faults)):
        if began >= fault.killed_at:
            break
        if began - free_since >= wanted:
            return True
        free_since = max(free_since, ended)
    return fault.killed_at - free_since >= wanted


def was_stopping(edit: Edit, snapshot_seconds: float) -> bool:
    session = LabSession.objects.filter(server_name=edit.server, status=SessionStatus.STOPPED).first()
    if session is None or session.stop_requested_at is None or session.ended_at is None:
        return False
    pressed_at, ended_at = session.stop_requested_at.timestamp(), session.ended_at.timestamp()
    return pressed_at < edit.at and ended_at - edit.at < snapshot_seconds + SPARE_SECONDS


def outages(factory: str, faults: Iterable[Fault]) -> list[tuple[float, float]]:
    """When something that copies of work at a factory need was not whole: all but graders and learners' servers."""
    return [
        (fault.killed_at, fault.recovered_at or time.time())
        for fault in faults
        if fault.kind != SERVER and "grading" not in fault.kind and fault.factory in {"", factory}
    ]


def read_diary(snapshot: Snapshot) -> str:
    digest = snapshot.files.get(DIARY)
    return read_blob(digest).decode() if digest else ""


def read_disk(stack: Stack, learner: Learner) -> set[int]:
    """What the diary holds on the disk of the learner's server; nothing where no session is ready."""
    person = learner.person
    session = LabSession.objects.filter(learner=person.user_id, status=SessionStatus.READY).first()
    hub = next(hub for hub in stack.place.hubs if hub.factory == person.factory)
    path = stack.place.hub_data(hub) / "homes" / person.hub_name / person.folder / DIARY
    return parse_diary(path.read_text()) if session and path.exists() else set()


def tell(learner: Learner, edit: Edit) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(edit.at))
    return f"{learner.person.email}: edit {edit.number} of {clock} on {edit.server}"
