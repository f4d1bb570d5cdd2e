"""Work on a real server: copied by itself, found again where a server died, replaced only when that was asked for."""

from collections.abc import Callable

import pytest
from django.urls import reverse

from courses.models import Enrolment
from labs.blobs import read_blob
from labs.models import LabSession, LabUnit, Snapshot
from labs.states import SessionStatus
from tests.live import small_course
from tests.live.people import Visitor
from tests.live.sessions import home_of, session_of, start_lab, wait_ready, write_file
from tests.live.stack import Stack
from tests.live.waiting import wait_until
from tests.soak.servers import find_servers

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack")]

FOLDER = f"{small_course.SLUG}/{small_course.LAB}"


def newest(session: LabSession) -> Snapshot:
    snapshot = session.workspace.snapshots.first()
    assert snapshot
    return snapshot


def holds(session: LabSession, path: str, text: str) -> Callable[[], Snapshot | None]:
    """A look whether the newest snapshot has a file with this content."""

    def look() -> Snapshot | None:
        snapshot = session.workspace.snapshots.first()
        if snapshot is None or path not in snapshot.files:
            return None
        return snapshot if read_blob(snapshot.files[path]) == text.encode() else None

    return look


def kill_server(stack: Stack, session: LabSession) -> None:
    """The server's process ends, as when its node is lost; Paja finds out by itself."""
    (server,) = [each for each in find_servers(stack.place) if each.name == session.server_name]
    server.process.kill()
    wait_until(
        lambda: LabSession.objects.get(pk=session.pk).status == SessionStatus.FAILED, "the session has failed"
    )


def test_work_is_copied_by_itself_and_only_when_it_changed(
    visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    session = start_lab(visitor, learner, small_lab)
    write_file(session, f"{FOLDER}/notes.txt", "first")
    snapshot = wait_until(holds(session, "notes.txt", "first"), "the first version is copied")
    assert (snapshot.cause, snapshot.session) == (Snapshot.Cause.TIMER, session)

    def find_next_visit() -> bool:
        return LabSession.objects.filter(pk=session.pk, visited_at__gt=snapshot.created_at).exists()

    wait_until(find_next_visit, "the next visit")
    write_file(session, f"{FOLDER}/more.txt", "second")
    wait_until(holds(session, "more.txt", "second"), "the second version is copied")
    versions = session.workspace.snapshots.filter(cause=Snapshot.Cause.TIMER)
    contents = list(versions.values_list("content_hash", flat=True))
    assert len(contents) == len(set(contents)), "a version that is the same as another"


def test_work_after_the_last_copy_is_found_on_the_disk_of_a_server_that_died(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    session = start_lab(visitor, learner, small_lab)
    write_file(session, f"{FOLDER}/notes.txt", "copied")
    wait_until(holds(session, "notes.txt", "copied"), "the work is copied")
    kill_server(stack, session)
    file = home_of(stack, session) / FOLDER / "notes.txt"
    file.write_text("written in the last second")

    again = start_lab(visitor, learner, small_lab)
    assert again.pk != session.pk
    assert file.read_text() == "written in the last second"
    found = again.workspace.snapshots.get(cause=Snapshot.Cause.FOUND)
    assert read_blob(found.files["notes.txt"]) == b"written in the last second"
    assert "work_found" in [event.reason for event in again.events.all()]


def test_a_restore_replaces_the_files_of_a_lab_that_runs(
    stack: Stack, visitor: Visitor, learner: Enrolment, small_lab: LabUnit
) -> None:
    session = start_lab(visitor, learner, small_lab)
    folder = home_of(stack, session) / FOLDER
    write_file(session, f"{FOLDER}/notes.txt", "good")
    good = wait_until(holds(session, "notes.txt", "good"), "the good version is copied")
    write_file(session, f"{FOLDER}/notes.txt", "spoilt")
    write_file(session, f"{FOLDER}/junk.txt", "junk")

    page = [learner.cohort.public_id, small_lab.unit.slug]
    visitor.press(reverse("labs:history-restore", args=[*page, good.public_id]))
    wait_until(lambda: session_of(learner).pk != session.pk, "the lab begins anew")
    again = wait_ready(learner)
    assert (folder / "notes.txt").read_text() == "good"
    assert not (folder / "junk.txt").exists()
    stopped = again.workspace.snapshots.filter(session=session, cause=Snapshot.Cause.STOP).get()
    assert read_blob(stopped.files["junk.txt"]) == b"junk"
    assert (newest(again).cause, newest(again).session) == (Snapshot.Cause.RESTORE, again)
    assert "Undo" in visitor.read(reverse("labs:history", args=page))
