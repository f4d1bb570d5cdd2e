"""Reading a workspace that its learner controls: what is kept of it, and when it says it was saved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import cast

import pytest
from django.utils.timezone import now

from labs.blobs import store_blob
from labs.exceptions import ServerAnswerError
from labs.jupyterhub import ContentsClient, FileModel, Listing
from labs.models import LabSession, Snapshot
from labs.reasons import sentence_for
from labs.states import SessionStatus
from labs.work.workspaces import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_FILES,
    READ_SECONDS,
    UNSAVED,
    find_saved_at,
    list_workspace,
    read_listed_files,
    read_workspace,
    save_if_changed,
    save_snapshot,
)
from tests.factories import labs as make
from tests.fakes.hub import STARTED_AT, FakeContents

MODEL = FileModel(path="lab.ipynb", size=1, modified_at=STARTED_AT, is_folder=False)


def reached(fake: FakeContents) -> ContentsClient:
    return cast("ContentsClient", fake)


def saved_at(*moments: datetime | None) -> datetime | None:
    return find_saved_at([replace(MODEL, modified_at=moment) for moment in moments])


def test_the_newest_file_says_when_the_work_was_saved() -> None:
    assert saved_at(STARTED_AT - timedelta(hours=1), STARTED_AT, None) == STARTED_AT


def test_work_is_not_saved_in_the_future() -> None:
    found = saved_at(datetime(9999, 12, 31, tzinfo=UTC))
    assert found is not None
    assert found <= now()


@pytest.mark.parametrize(
    "moment",
    [None, datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))],
)
def test_a_time_that_no_page_could_show_is_none(moment: datetime | None) -> None:
    assert saved_at(moment) is None


@pytest.fixture
def session(db: None) -> LabSession:
    return make.LabSessionFactory.create(status=SessionStatus.READY)


def test_a_file_that_goes_away_meanwhile_is_left_out(session: LabSession) -> None:
    class Moving(FakeContents):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            if path.endswith(".tmp"):
                raise ServerAnswerError(path, reason="file_missing")
            return super().read_file(path, max_bytes=max_bytes)

    folder = session.workspace.folder
    disk = Moving({f"{folder}/a.tmp": b"", f"{folder}/lab.ipynb": b"mine"})
    assert read_workspace(session, reached(disk)).files == {"lab.ipynb": b"mine"}


def test_a_file_that_cannot_be_read_is_not_left_out(session: LabSession) -> None:
    class Broken(FakeContents):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            raise ServerAnswerError(path)

    with pytest.raises(ServerAnswerError):
        read_workspace(session, reached(Broken({f"{session.workspace.folder}/lab.ipynb": b"mine"})))


def test_a_workspace_has_a_limit(session: LabSession) -> None:
    class Heavy(FakeContents):
        def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
            return Listing([replace(MODEL, path=f"{folder}/lab.ipynb", size=MAX_BYTES + 1)])

    with pytest.raises(ServerAnswerError) as refused:
        read_workspace(session, reached(Heavy()))
    assert refused.value.reason == "workspace_too_large"


def test_a_snapshot_of_unchanged_work_says_that_it_was_looked_at(session: LabSession) -> None:
    disk = reached(FakeContents({f"{session.workspace.folder}/lab.ipynb": b"mine"}))
    first = save_snapshot(session, disk, Snapshot.Cause.SUBMIT)
    second = save_snapshot(session, disk, Snapshot.Cause.STOP)
    assert first is not None
    assert second is not None
    assert first.pk != second.pk
    assert first.content_hash == second.content_hash


def test_an_empty_folder_is_no_snapshot(session: LabSession) -> None:
    assert save_snapshot(session, reached(FakeContents()), Snapshot.Cause.STOP) is None


# --- Copies at a pace ---------------------------------------------------------------------------------


class Disk(FakeContents):
    """A disk whose files have times, and that counts how often it is read."""

    def __init__(self, session: LabSession, files: dict[str, bytes]) -> None:
        self.folder = session.workspace.folder
        super().__init__({f"{self.folder}/{path}": content for path, content in files.items()})
        self.times: dict[str, datetime] = {}
        self.reads = 0

    def find_file(self, path: str) -> FileModel | None:
        found = super().find_file(path)
        return replace(found, modified_at=self.times[path]) if found and path in self.times else found

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        self.reads += 1
        return super().read_file(path, max_bytes=max_bytes)

    def write(self, path: str, content: bytes, *, minutes: int) -> None:
        self.files[f"{self.folder}/{path}"] = content
        self.times[f"{self.folder}/{path}"] = STARTED_AT + timedelta(minutes=minutes)


def copy(session: LabSession, disk: FakeContents) -> Snapshot | None:
    """As the next visit does it, with the row as it is."""
    session.refresh_from_db()
    return save_if_changed(session, reached(disk))


def unsaved(session: LabSession) -> str:
    session.workspace.refresh_from_db()
    assert bool(session.workspace.unsaved_reason) == bool(session.workspace.unsaved_since)
    return session.workspace.unsaved_reason


def test_nothing_is_read_until_a_name_a_size_or_a_time_changes(session: LabSession) -> None:
    disk = Disk(session, {"lab.ipynb": b"1"})
    assert copy(session, disk) is not None
    assert disk.reads == 1
    assert copy(session, disk) is None
    assert disk.reads == 1
    disk.write("lab.ipynb", b"2", minutes=1)
    snapshot = copy(session, disk)
    assert snapshot is not None
    assert snapshot.files == {"lab.ipynb": store_blob(b"2")}
    assert snapshot.saved_at == STARTED_AT + timedelta(minutes=1)
    session.refresh_from_db()
    assert session.work_saved_at == snapshot.saved_at


def test_the_same_content_makes_no_new_snapshot(session: LabSession) -> None:
    disk = Disk(session, {"lab.ipynb": b"1"})
    copy(session, disk)
    disk.write("lab.ipynb", b"1", minutes=1)
    assert copy(session, disk) is None
    assert Snapshot.objects.count() == 1
    reads = disk.reads
    copy(session, disk)
    assert disk.reads == reads
    session.refresh_from_db()
    assert session.work_saved_at == STARTED_AT + timedelta(minutes=1)


def test_a_slow_visit_is_no_newer_than_the_stop_that_passed_it(session: LabSession) -> None:
    class Slow(Disk):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            stopped = Disk(session, {"lab.ipynb": b"2"})
            save_snapshot(session, reached(stopped), Snapshot.Cause.STOP)
            return super().read_file(path, max_bytes=max_bytes)

    assert copy(session, Slow(session, {"lab.ipynb": b"1"})) is None
    assert Snapshot.objects.get().files == {"lab.ipynb": store_blob(b"2")}


def test_a_write_after_the_list_was_made_is_copied_the_next_time(session: LabSession) -> None:
    class Busy(Disk):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            content = super().read_file(path, max_bytes=max_bytes)
            if self.reads == 1:
                self.write("data.csv", b"2", minutes=1)
            return content

    disk = Busy(session, {"data.csv": b"1"})
    copy(session, disk)
    snapshot = copy(session, disk)
    assert snapshot is not None
    assert snapshot.files == {"data.csv": store_blob(b"2")}


def test_a_notebook_written_while_it_is_read_is_read_once_more(session: LabSession) -> None:
    class Busy(Disk):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            content = super().read_file(path, max_bytes=max_bytes)
            self.write("lab.ipynb", b"whole", minutes=self.reads)
            return content

    disk = Busy(session, {"lab.ipynb": b"ha"})
    snapshot = copy(session, disk)
    assert snapshot is not None
    assert snapshot.files == {"lab.ipynb": store_blob(b"whole")}
    assert disk.reads == 2


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({f"{number}.txt": b"" for number in range(MAX_FILES + 1)}, "unsaved_too_many_files"),
        ({"/".join(["deep"] * MAX_DEPTH) + "/file": b""}, "unsaved_too_deep"),
    ],
)
def test_what_cannot_be_copied_is_said_until_it_can(
    session: LabSession, files: dict[str, bytes], reason: str
) -> None:
    good = {"lab.ipynb": b"1"}
    assert copy(session, Disk(session, good)) is not None
    assert copy(session, Disk(session, {**good, **files})) is None
    assert unsaved(session) == reason
    since = session.workspace.unsaved_since
    copy(session, Disk(session, {**good, **files}))
    assert unsaved(session) == reason
    assert session.workspace.unsaved_since == since

    copy(session, Disk(session, good))  # as it was: nothing to copy, and nothing in the way
    assert unsaved(session) == ""


def test_too_much_is_found_out_before_anything_is_read(session: LabSession) -> None:
    class Heavy(Disk):
        def find_file(self, path: str) -> FileModel | None:
            found = super().find_file(path)
            return replace(found, size=MAX_BYTES // 2 + 1) if found else None

    disk = Heavy(session, {"a.bin": b"", "b.bin": b""})
    assert copy(session, disk) is None
    assert (unsaved(session), disk.reads) == ("unsaved_too_large", 0)


def test_a_submission_of_too_much_says_so_too(session: LabSession) -> None:
    disk = Disk(session, {f"{number}.txt": b"" for number in range(MAX_FILES + 1)})
    with pytest.raises(ServerAnswerError):
        save_snapshot(session, reached(disk), Snapshot.Cause.SUBMIT)
    assert unsaved(session) == "unsaved_too_many_files"


def test_a_name_that_cannot_be_kept_costs_the_other_files_nothing(session: LabSession) -> None:
    disk = Disk(session, {"lab.ipynb": b"1", "bad\nname": b"2"})
    snapshot = copy(session, disk)
    assert snapshot is not None
    assert list(snapshot.files) == ["lab.ipynb"]
    assert unsaved(session) == "unsaved_name"
    assert copy(session, disk) is None
    assert unsaved(session) == "unsaved_name"


def test_of_a_file_that_cannot_be_read_the_last_version_stays(session: LabSession) -> None:
    class Unreadable(Disk):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            if path.endswith("locked.csv"):
                raise ServerAnswerError("answered 403")
            return super().read_file(path, max_bytes=max_bytes)

    copy(session, Disk(session, {"lab.ipynb": b"1", "locked.csv": b"before"}))
    disk = Unreadable(session, {"lab.ipynb": b"22", "locked.csv": b"after"})
    snapshot = copy(session, disk)
    assert snapshot is not None
    assert snapshot.files == {"lab.ipynb": store_blob(b"22"), "locked.csv": store_blob(b"before")}
    assert unsaved(session) == "unsaved_unreadable"

    snapshot = copy(session, Disk(session, {"lab.ipynb": b"22", "locked.csv": b"after"}))
    assert snapshot is not None
    assert unsaved(session) == ""


def test_a_stop_keeps_what_can_be_read_and_a_submission_is_whole(session: LabSession) -> None:
    class Unreadable(Disk):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            if path.endswith("locked.csv"):
                raise ServerAnswerError("answered 403")
            return super().read_file(path, max_bytes=max_bytes)

    disk = Unreadable(session, {"lab.ipynb": b"1", "locked.csv": b"2"})
    with pytest.raises(ServerAnswerError):
        save_snapshot(session, reached(disk), Snapshot.Cause.SUBMIT)
    stopped = save_snapshot(session, reached(disk), Snapshot.Cause.STOP)
    assert stopped is not None
    assert list(stopped.files) == ["lab.ipynb"]


def test_a_server_that_dies_while_it_is_read_makes_no_snapshot(session: LabSession) -> None:
    class Dying(Disk):
        def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
            if self.reads:
                raise ServerAnswerError("ReadError")
            return super().list_files(folder, max_files=max_files, max_depth=max_depth)

        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            if self.reads:
                raise ServerAnswerError("ReadError")
            return super().read_file(path, max_bytes=max_bytes)

    with pytest.raises(ServerAnswerError):
        copy(session, Dying(session, {"a.csv": b"1", "b.csv": b"2"}))
    assert not Snapshot.objects.exists()
    assert unsaved(session) == ""


def test_a_slow_server_is_not_read_for_ever(session: LabSession) -> None:
    disk = Disk(session, {"a.csv": b"1", "b.csv": b"2"})
    clock = iter([0.0, 1.0, READ_SECONDS + 1])
    listing = list_workspace(session, reached(disk))
    with pytest.raises(ServerAnswerError) as refused:
        read_listed_files(session, reached(disk), listing, clock=clock.__next__)
    assert refused.value.reason == "answer_too_slow"
    assert disk.reads == 1


def test_the_sentences_say_what_is_allowed() -> None:
    assert f"{MAX_BYTES // 1024**2} MB" in sentence_for("unsaved_too_large")
    assert f"{MAX_FILES} files" in sentence_for("unsaved_too_many_files")
    assert f"{MAX_DEPTH} deep" in sentence_for("unsaved_too_deep")
    assert all(sentence_for(reason) != sentence_for("unexpected") for reason in UNSAVED.values())
