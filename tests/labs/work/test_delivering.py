"""What a server is given when it starts: nothing is lost, wherever the work stands and wherever a worker dies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.blobs import hash_files, read_files, store_blob, store_files
from labs.exceptions import ServerAnswerError
from labs.jupyterhub import FileModel, Listing
from labs.models import LabRelease, LabSession, Snapshot, Workspace
from labs.services.sessions import request_stop
from labs.states import SessionStatus
from labs.work.delivering import DELIVERY_TRIES, deliver_files
from labs.work.new_files import Decision, note_decision
from labs.work.workspaces import MAX_BYTES, save_if_changed
from tests.factories import labs as make
from tests.fakes.connections import answering, unreachable
from tests.fakes.hub import FakeContents, FakeServer, SilentContents

pytestmark = pytest.mark.django_db


@pytest.fixture
def spawning() -> LabSession:
    session = make.LabSessionFactory.create(status=SessionStatus.SPAWNING, asked_at=timezone.now())
    session.release.learner_files = store_files({"lab.ipynb": b"blank", "data.csv": b"a;b"})
    session.release.save()
    return session


def test_the_files_of_the_release_make_a_session_ready(spawning: LabSession) -> None:
    fake, folder = FakeContents(), spawning.workspace.folder
    deliver_files(spawning.pk, connect=answering(fake))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.READY
    assert fake.files == {f"{folder}/lab.ipynb": b"blank", f"{folder}/data.csv": b"a;b"}


def test_what_stands_in_the_workspace_is_never_written_over(spawning: LabSession) -> None:
    path = f"{spawning.workspace.folder}/lab.ipynb"
    fake = FakeContents({path: b"half done"})
    deliver_files(spawning.pk, connect=answering(fake))
    assert fake.files[path] == b"half done"


def test_an_empty_workspace_gets_the_newest_snapshot(spawning: LabSession) -> None:
    make.SnapshotFactory.create(
        workspace__owner=spawning.learner,
        workspace__lab=spawning.lab,
        created_at=timezone.now() - timedelta(hours=1),
        files={"lab.ipynb": store_blob(b"older")},
    )
    make.SnapshotFactory.create(
        workspace__owner=spawning.learner,
        workspace__lab=spawning.lab,
        files={"lab.ipynb": store_blob(b"saved")},
    )
    fake, folder = FakeContents(), spawning.workspace.folder
    deliver_files(spawning.pk, connect=answering(fake))
    assert fake.files == {f"{folder}/lab.ipynb": b"saved", f"{folder}/data.csv": b"a;b"}


def test_what_the_learner_made_of_a_folder_comes_before_the_release(spawning: LabSession) -> None:
    LabRelease.objects.update(learner_files=store_files({"data/sales.csv": b"a;b"}))
    make.SnapshotFactory.create(
        workspace__owner=spawning.learner, workspace__lab=spawning.lab, files=store_files({"data": b"mine"})
    )
    fake = FakeContents()
    deliver_files(spawning.pk, connect=answering(fake))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.READY
    assert fake.files == {f"{spawning.workspace.folder}/data": b"mine"}


def test_a_silent_server_is_tried_a_few_times_then_given_up(spawning: LabSession) -> None:
    for _ in range(DELIVERY_TRIES - 1):
        deliver_files(spawning.pk, connect=answering(SilentContents()))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.SPAWNING

    deliver_files(spawning.pk, connect=answering(SilentContents()))
    spawning.refresh_from_db()
    assert (spawning.status, spawning.reason) == (SessionStatus.FAILED, "files_not_delivered")


def test_files_that_we_have_lost_keep_nobody_waiting_for_ever(spawning: LabSession) -> None:
    LabRelease.objects.update(learner_files={"lab.ipynb": "0" * 64})
    for _ in range(DELIVERY_TRIES):
        deliver_files(spawning.pk, connect=answering(FakeContents()))
    spawning.refresh_from_db()
    assert (spawning.status, spawning.reason) == (SessionStatus.FAILED, "files_not_delivered")


def test_a_file_in_the_place_of_a_folder_locks_nobody_out(spawning: LabSession) -> None:
    LabRelease.objects.update(learner_files=store_files({"data/sales.csv": b"a;b", "lab.ipynb": b"blank"}))
    folder = spawning.workspace.folder
    fake = FakeContents({f"{folder}/data": b"mine"})
    deliver_files(spawning.pk, connect=answering(fake))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.READY
    assert fake.files == {f"{folder}/data": b"mine", f"{folder}/lab.ipynb": b"blank"}


def test_a_factory_that_does_not_answer_costs_no_try(spawning: LabSession) -> None:
    for _ in range(DELIVERY_TRIES + 1):
        deliver_files(spawning.pk, connect=unreachable)
    spawning.refresh_from_db()
    assert (spawning.status, spawning.delivery_tries) == (SessionStatus.SPAWNING, 0)


# --- What wins: what was asked for, the disk, or the newest snapshot ----------------------------------

HOUR = timedelta(hours=1)


@dataclass
class Place:
    """A workspace with a session that is about to get its files, at one of two hubs."""

    session: LabSession

    @property
    def workspace(self) -> Workspace:
        return Workspace.objects.get(pk=self.session.workspace_id)

    def save(self, files: dict[str, bytes], *, hub: str, ago: timedelta) -> Snapshot:
        """A snapshot that an earlier session left, at this session's hub ("here") or at another one ("there")."""
        other = make.HubFactory.create() if hub == "there" else self.session.hub
        earlier = make.LabSessionFactory.create(
            enrolment=self.session.enrolment, release=self.session.release, hub=other, status="stopped"
        )
        return self.add(files, session=earlier, created_at=timezone.now() - ago)

    def want(self, files: dict[str, bytes], cause: Snapshot.Cause = Snapshot.Cause.RESTORE) -> Snapshot:
        wanted = self.add(files, cause=cause)
        Workspace.objects.update(wanted=wanted)
        return wanted

    def add(self, files: dict[str, bytes], **fields: Any) -> Snapshot:
        digests = store_files(files)
        return make.SnapshotFactory.create(
            workspace=self.workspace, files=digests, content_hash=hash_files(digests), **fields
        )

    def on_disk(self, files: dict[str, bytes]) -> dict[str, bytes]:
        return {f"{self.workspace.folder}/{path}": content for path, content in files.items()}

    def deliver(self, disk: FakeContents) -> dict[str, bytes]:
        """The lab's folder after a delivery that made the session ready."""
        deliver_files(self.session.pk, connect=answering(disk))
        self.session.refresh_from_db()
        assert self.session.status == SessionStatus.READY
        return self.folder_of(disk)

    def folder_of(self, disk: FakeContents) -> dict[str, bytes]:
        return {
            path.removeprefix(f"{self.workspace.folder}/"): content for path, content in disk.files.items()
        }

    def events(self) -> list[str]:
        return [event.reason for event in self.session.events.all()]

    def found(self) -> list[dict[str, bytes]]:
        found = self.workspace.snapshots.filter(cause=Snapshot.Cause.FOUND)
        return [read_files(snapshot.files) for snapshot in found]


@pytest.fixture
def place(spawning: LabSession) -> Place:
    return Place(spawning)


RELEASED = {"lab.ipynb": b"blank", "data.csv": b"a;b"}


def test_work_after_the_last_snapshot_at_this_hub_wins_and_is_kept(place: Place) -> None:
    place.save({"lab.ipynb": b"saved", "plot.png": b"png"}, hub="here", ago=HOUR)
    after = place.deliver(FakeContents(place.on_disk({"lab.ipynb": b"later"})))
    assert after == {"lab.ipynb": b"later", "plot.png": b"png", "data.csv": b"a;b"}
    assert place.found() == [{"lab.ipynb": b"later"}]
    current = place.workspace.current_snapshot
    assert current is not None
    assert current.cause == Snapshot.Cause.FOUND
    assert "work_found" in place.events()


def test_newer_work_from_the_other_factory_replaces_the_disk_whose_own_is_kept(place: Place) -> None:
    place.save({"lab.ipynb": b"first"}, hub="here", ago=2 * HOUR)
    newest = place.save({"lab.ipynb": b"second", "mine.py": b"1"}, hub="there", ago=HOUR)
    disk = FakeContents(place.on_disk({"lab.ipynb": b"first, and a bit", "extra.txt": b"more"}))
    after = place.deliver(disk)
    assert after == {"lab.ipynb": b"second", "mine.py": b"1", "extra.txt": b"more", "data.csv": b"a;b"}
    assert place.found() == [{"lab.ipynb": b"first, and a bit", "extra.txt": b"more"}]
    assert place.workspace.current_snapshot == newest


def test_a_disk_that_is_all_known_makes_no_snapshot(place: Place) -> None:
    place.save({"lab.ipynb": b"first"}, hub="here", ago=2 * HOUR)
    place.save({"lab.ipynb": b"second"}, hub="there", ago=HOUR)
    after = place.deliver(FakeContents(place.on_disk({"lab.ipynb": b"first", "data.csv": b"a;b"})))
    assert after == {"lab.ipynb": b"second", "data.csv": b"a;b"}
    assert place.found() == []


def test_work_that_no_session_here_has_saved_is_kept_before_it_is_replaced(place: Place) -> None:
    place.save({"lab.ipynb": b"from there"}, hub="there", ago=HOUR)
    after = place.deliver(FakeContents(place.on_disk({"lab.ipynb": b"a stranger"})))
    assert after["lab.ipynb"] == b"from there"
    assert place.found() == [{"lab.ipynb": b"a stranger"}]


def test_a_restore_replaces_all_and_what_stood_there_is_kept(place: Place) -> None:
    place.save({"lab.ipynb": b"new", "wrong.py": b"x"}, hub="here", ago=HOUR)
    wanted = place.want({"lab.ipynb": b"old"})
    place.save({"lab.ipynb": b"new", "wrong.py": b"x"}, hub="here", ago=timedelta())  # by the stop before
    disk = FakeContents(place.on_disk({"lab.ipynb": b"newer", "wrong.py": b"x", "data.csv": b"changed"}))
    after = place.deliver(disk)
    assert after == {"lab.ipynb": b"old", "data.csv": b"a;b"}
    assert place.found() == [{"lab.ipynb": b"newer", "wrong.py": b"x", "data.csv": b"changed"}]
    assert place.workspace.wanted is None
    current = place.workspace.current_snapshot
    assert current == wanted
    assert current.session == place.session


def test_after_a_restore_the_disk_wins_at_the_next_start_here(place: Place) -> None:
    place.save({"lab.ipynb": b"new"}, hub="here", ago=HOUR)
    place.want({"lab.ipynb": b"old"})
    disk = FakeContents(place.on_disk({"lab.ipynb": b"new"}))
    place.deliver(disk)
    disk.files.update(place.on_disk({"lab.ipynb": b"old, and on"}))
    LabSession.objects.filter(pk=place.session.pk).update(status=SessionStatus.FAILED)
    again = make.LabSessionFactory.create(
        enrolment=place.session.enrolment,
        release=place.session.release,
        hub=place.session.hub,
        status=SessionStatus.SPAWNING,
    )
    assert Place(again).deliver(disk)["lab.ipynb"] == b"old, and on"


def test_a_version_asked_for_during_the_delivery_is_delivered_too(place: Place) -> None:
    place.want({"lab.ipynb": b"first choice"})

    class Slow(FakeContents):
        def replace_file(self, path: str, content: bytes) -> None:
            super().replace_file(path, content)
            if content == b"first choice":
                place.want({"lab.ipynb": b"second choice"})

    disk = Slow(place.on_disk({"lab.ipynb": b"blank"}))
    deliver_files(place.session.pk, connect=answering(disk))
    place.session.refresh_from_db()
    assert (place.session.status, place.session.delivery_claimed_at) == (SessionStatus.SPAWNING, None)
    assert place.deliver(disk)["lab.ipynb"] == b"second choice"


def test_a_session_stopped_meanwhile_delivers_nothing_that_was_wanted(place: Place) -> None:
    wanted = place.want({"lab.ipynb": b"old"})

    class Stopped(FakeContents):
        def replace_file(self, path: str, content: bytes) -> None:
            super().replace_file(path, content)
            request_stop(LabSession.objects.get(), actor=place.session.learner)

    deliver_files(place.session.pk, connect=answering(Stopped()))
    assert place.workspace.wanted == wanted


def test_a_worker_whose_lease_ran_out_writes_over_nothing_that_may_be_open(place: Place) -> None:
    place.want({"a.ipynb": b"old", "lab.ipynb": b"old"})
    disk = FakeContents(place.on_disk({"lab.ipynb": b"blank", "notes.md": b"mine"}))

    class Late(FakeContents):
        """The same disk. Another worker is done, and the learner goes on working, before anything is written."""

        def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
            listed = super().list_files(folder, max_files=max_files, max_depth=max_depth)
            if listed.files and place.workspace.wanted:
                place.deliver(disk)
                disk.files[f"{folder}/lab.ipynb"] = b"gone on"
            return listed

    late = Late()
    late.files = disk.files
    deliver_files(place.session.pk, connect=answering(late))
    assert place.folder_of(disk) == {"a.ipynb": b"old", "lab.ipynb": b"gone on", "data.csv": b"a;b"}


@pytest.mark.parametrize("connect", [unreachable, answering(SilentContents())])
def test_a_delivery_that_fails_after_a_press_on_stop_puts_no_stop_off(
    spawning: LabSession, connect: Callable[[LabSession], Any]
) -> None:
    @contextmanager
    def stopped(session: LabSession) -> Iterator[Any]:
        request_stop(LabSession.objects.get(), actor=session.learner)
        LabSession.objects.update(sent_at=spawning.requested_at)
        with connect(session) as contents:
            yield contents

    deliver_files(spawning.pk, connect=stopped)
    spawning.refresh_from_db()
    assert (spawning.status, spawning.sent_at) == (SessionStatus.STOPPING, spawning.requested_at)


class Heavy(FakeServer):
    """More than can be copied lies on the disk."""

    def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
        listed = super().list_files(folder, max_files=max_files, max_depth=max_depth)
        heavy = FileModel(path=f"{folder}/model.bin", size=MAX_BYTES, modified_at=None, is_folder=False)
        return replace(listed, files=[*listed.files, heavy])


def test_nothing_is_replaced_on_a_disk_that_cannot_be_copied(place: Place) -> None:
    place.want({"lab.ipynb": b"old", "notes.md": b"mine"})
    after = place.deliver(Heavy(place.on_disk({"lab.ipynb": b"precious", "junk": b"x"})))
    assert after == {"lab.ipynb": b"precious", "junk": b"x", "notes.md": b"mine", "data.csv": b"a;b"}
    assert "disk_not_copied" in place.events()
    assert place.workspace.unsaved_reason == "unsaved_too_large"
    assert place.workspace.wanted is None


def test_a_file_that_cannot_be_read_hinders_no_start_and_is_never_written_over(place: Place) -> None:
    class Unreadable(FakeContents):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            raise ServerAnswerError("answered 403")

    place.save({"lab.ipynb": b"from there"}, hub="there", ago=HOUR)
    disk = Unreadable(place.on_disk({"lab.ipynb": b"mine"}))
    for _ in range(DELIVERY_TRIES - 1):
        deliver_files(place.session.pk, connect=answering(disk))
    assert place.folder_of(disk) == {"lab.ipynb": b"mine"}
    assert place.deliver(disk) == {"lab.ipynb": b"mine", "data.csv": b"a;b"}


def test_a_folder_in_the_place_of_a_file_stays_and_is_said(place: Place) -> None:
    place.want({"data": b"a file", "lab.ipynb": b"old"})
    after = place.deliver(FakeContents(place.on_disk({"data/.keep": b""})))
    assert after["lab.ipynb"] == b"old"
    deeper = FakeContents(place.on_disk({"data/mine.csv": b"1"}))

    class Folders(FakeContents):
        """As on a disk, a folder stays when its last file is gone."""

        def find_file(self, path: str) -> FileModel | None:
            if path.endswith("/data"):
                return FileModel(path=path, size=0, modified_at=None, is_folder=True)
            return super().find_file(path)

    LabSession.objects.update(status=SessionStatus.SPAWNING)
    place.want({"data": b"a file", "lab.ipynb": b"older"})
    after = place.deliver(Folders(deeper.files))
    assert after["lab.ipynb"] == b"older"
    assert "file_left_out" in place.events()


def test_an_author_gets_the_source(spawning: LabSession) -> None:
    LabRelease.objects.update(source_files=store_files({"source/lab.ipynb": b"with solutions"}))
    Workspace.objects.update(purpose=Workspace.Purpose.AUTHOR)
    assert Place(spawning).deliver(FakeContents()) == {"source/lab.ipynb": b"with solutions"}


def test_a_session_that_is_ready_knows_when_its_time_is_over(place: Place) -> None:
    place.deliver(FakeContents())
    ready_at, ends_at = place.session.ready_at, place.session.ends_at
    assert ready_at is not None
    assert ends_at is not None
    assert ends_at - ready_at == timedelta(minutes=place.session.minutes)
    assert place.session.active_at == ready_at


# --- A worker that dies --------------------------------------------------------------------------------


class Killed(BaseException):
    """The worker's process ends here."""


class Mortal(FakeContents):
    """A disk whose worker is killed at its `last` call, before or after the call has done its work."""

    def __init__(self, files: dict[str, bytes], last: int, *, is_done: bool) -> None:
        super().__init__(files)
        self.calls, self.last, self.is_done = 0, last, is_done

    def _live(self, act: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.calls == self.last and not self.is_done:
            raise Killed
        answer = act()
        if self.calls == self.last:
            raise Killed
        return answer

    def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
        listed = super().list_files
        listing: Listing = self._live(lambda: listed(folder, max_files=max_files, max_depth=max_depth))
        return listing

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        read = super().read_file
        content: bytes = self._live(lambda: read(path, max_bytes=max_bytes))
        return content

    def create_file(self, path: str, content: bytes) -> bool:
        create = super().create_file
        return bool(self._live(lambda: create(path, content)))

    def replace_file(self, path: str, content: bytes) -> None:
        put = super().replace_file
        self._live(lambda: put(path, content))

    def delete_file(self, path: str) -> None:
        delete = super().delete_file
        self._live(lambda: delete(path))


OLD = {"lab.ipynb": b"old", "only-old.py": b"1"}
NEW = {"lab.ipynb": b"new", "only-new.py": b"2", "deleted.py": b"4"}
DISK = {"lab.ipynb": b"unsaved", "only-new.py": b"2", "unsaved.py": b"3"}
OUTCOMES = {
    "wanted": {**OLD, "data.csv": b"a;b"},
    "here": {**DISK, "deleted.py": b"4", "data.csv": b"a;b"},
    "there": {**NEW, "unsaved.py": b"3", "data.csv": b"a;b"},
}


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("case", OUTCOMES)
def test_a_worker_killed_at_any_step_loses_and_doubles_nothing(case: str, *, is_done: bool) -> None:
    last = 0
    while True:
        last += 1
        assert last < 50, "the delivery never came to its end"
        session = make.LabSessionFactory.create(status=SessionStatus.SPAWNING)
        session.release.learner_files = store_files(RELEASED)
        session.release.save()
        place = Place(session)
        place.save(NEW, hub="there" if case == "there" else "here", ago=HOUR)
        if case == "wanted":
            wanted = place.add(OLD, cause=Snapshot.Cause.RESTORE)
            Workspace.objects.filter(pk=session.workspace_id).update(wanted=wanted)
        disk = Mortal(place.on_disk(DISK), last, is_done=is_done)
        try:
            deliver_files(session.pk, connect=answering(disk))
        except Killed:
            after = place.deliver(FakeContents(disk.files))
        else:
            break
        assert after == OUTCOMES[case], f"killed at call {last}"
        assert place.found() == [DISK], f"killed at call {last}"
        assert place.workspace.wanted is None
        save_if_changed(session, FakeServer(place.on_disk(after)))  # type: ignore[arg-type]
        current = place.workspace.current_snapshot
        assert current is not None
        assert read_files(current.files) == OUTCOMES[case]
    assert last > 5


# --- New files of a newer release -----------------------------------------------------------------------


def test_new_files_that_were_asked_for_come_at_the_next_start(place: Place) -> None:
    place.save({"lab.ipynb": b"mine"}, hub="here", ago=HOUR)
    earlier = LabSession.objects.exclude(pk=place.session.pk).get()
    LabSession.objects.filter(pk=earlier.pk).update(ready_at=timezone.now() - HOUR)
    newer = make.LabReleaseFactory.create(
        lab=place.session.lab,
        learner_files=store_files({"lab.ipynb": b"blank 2", "data.csv": b"a;b", "n.py": b""}),
    )
    LabSession.objects.filter(pk=place.session.pk).update(release=newer)
    assert earlier.enrolment is not None
    make.LabUnitFactory.create(unit__release=earlier.enrolment.cohort.release, release=newer)
    note_decision(earlier, Decision.WANTED, newer)
    after = place.deliver(FakeContents(place.on_disk({"lab.ipynb": b"mine", "data.csv": b"a;b"})))
    beside = f"lab (release {newer.number}).ipynb"
    assert after == {"lab.ipynb": b"mine", "data.csv": b"a;b", "n.py": b"", beside: b"blank 2"}
    assert f"new_files_placed.{newer.number}" in place.events()
