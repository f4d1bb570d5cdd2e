"""Reading a workspace that its learner controls: what is kept of it, and when it says it was saved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import cast

import pytest
from django.utils.timezone import now

from labs.exceptions import ServerAnswerError
from labs.jupyterhub import ContentsClient, FileModel, Listing
from labs.models import LabSession, Snapshot
from labs.states import SessionStatus
from labs.work.workspaces import MAX_BYTES, find_saved_at, read_workspace, save_snapshot
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
