"""Collecting a submission: stored first, never doubled, never silently older than what was pressed for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.blobs import read_files, store_blob
from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.models import GradingRun, LabSession, Snapshot, Submission
from labs.states import GradingStatus, SessionStatus, SubmissionStatus
from labs.work.collecting import claim_forgotten_submissions, collect_submission
from labs.work.workspaces import MAX_FILES
from tests.factories import labs as make
from tests.fakes.hub import FakeContents, SilentContents

pytestmark = pytest.mark.django_db


def workspace(fake: FakeContents) -> Callable[[LabSession], Any]:
    @contextmanager
    def connect(_session: LabSession) -> Iterator[FakeContents]:
        yield fake

    return connect


def pressed(session: LabSession, **fields: Any) -> Submission:
    return make.SubmissionFactory.create(
        enrolment=session.enrolment,
        release=session.release,
        status=SubmissionStatus.COLLECTING,
        attempt=None,
        files={},
        content_hash="",
        **fields,
    )


@pytest.fixture
def session() -> LabSession:
    return make.LabSessionFactory.create(status=SessionStatus.READY)


def disk_of(session: LabSession, content: bytes) -> FakeContents:
    return FakeContents({f"{session.workspace.folder}/lab.ipynb": content})


def test_what_stands_on_the_disk_is_stored_and_queued(session: LabSession) -> None:
    submission = pressed(session)
    run_id = collect_submission(submission.pk, connect=workspace(disk_of(session, b"mine")))
    submission.refresh_from_db()
    assert (submission.status, submission.attempt, submission.source) == ("collected", 1, "server")
    assert read_files(submission.files) == {"lab.ipynb": b"mine"}
    assert GradingRun.objects.get().pk == run_id


def test_collecting_twice_makes_one_attempt_and_one_run(session: LabSession) -> None:
    submission, disk = pressed(session), disk_of(session, b"mine")
    collect_submission(submission.pk, connect=workspace(disk))
    assert collect_submission(submission.pk, connect=workspace(disk)) is None
    assert GradingRun.objects.count() == 1


def test_the_same_work_again_is_no_new_attempt(session: LabSession) -> None:
    disk = disk_of(session, b"mine")
    collect_submission(pressed(session).pk, connect=workspace(disk))
    again = pressed(session)
    assert collect_submission(again.pk, connect=workspace(disk)) is None
    again.refresh_from_db()
    assert (again.status, again.attempt) == (SubmissionStatus.UNCHANGED, None)


def test_the_same_work_is_graded_anew_where_we_failed_to_grade_it(session: LabSession) -> None:
    disk = disk_of(session, b"mine")
    collect_submission(pressed(session).pk, connect=workspace(disk))
    GradingRun.objects.update(status=GradingStatus.FAILED)
    again = pressed(session)
    assert collect_submission(again.pk, connect=workspace(disk)) is not None
    again.refresh_from_db()
    assert (again.status, again.attempt) == (SubmissionStatus.COLLECTED, 2)


def test_changed_work_is_the_next_attempt(session: LabSession) -> None:
    collect_submission(pressed(session).pk, connect=workspace(disk_of(session, b"first")))
    second = pressed(session)
    collect_submission(second.pk, connect=workspace(disk_of(session, b"second")))
    second.refresh_from_db()
    assert second.attempt == 2


def test_without_a_session_the_newest_snapshot_is_taken(session: LabSession) -> None:
    LabSession.objects.update(status=SessionStatus.STOPPED)
    make.SnapshotFactory.create(
        workspace__owner=session.learner,
        workspace__lab=session.lab,
        files={"lab.ipynb": store_blob(b"saved")},
    )
    submission = pressed(session)
    collect_submission(submission.pk)
    submission.refresh_from_db()
    assert submission.source == "snapshot"
    assert read_files(submission.files) == {"lab.ipynb": b"saved"}


def test_a_session_that_is_stopping_saves_first(session: LabSession) -> None:
    LabSession.objects.update(status=SessionStatus.STOPPING)
    submission = pressed(session)
    assert collect_submission(submission.pk, connect=workspace(disk_of(session, b"mine"))) is None
    submission.refresh_from_db()
    assert submission.status == SubmissionStatus.COLLECTING
    assert [pk for pk, _factory in claim_forgotten_submissions()] == [submission.pk]


def end(session: LabSession) -> None:
    now = timezone.now()
    LabSession.objects.update(
        status=SessionStatus.FAILED, ready_at=now - timedelta(hours=1), ended_at=now + timedelta(seconds=1)
    )


def test_older_work_is_not_handed_in_for_a_server_that_ended_after_the_press(session: LabSession) -> None:
    older = {"lab.ipynb": store_blob(b"older")}
    before = timezone.now() - timedelta(minutes=1)
    for of_session in (None, session):
        make.SnapshotFactory.create(
            workspace__owner=session.learner,
            workspace__lab=session.lab,
            session=of_session,
            cause=Snapshot.Cause.SUBMIT,
            files=older,
            created_at=before,
        )
    submission = pressed(session)
    end(session)
    assert collect_submission(submission.pk) is None
    submission.refresh_from_db()
    assert (submission.status, submission.reason) == (SubmissionStatus.FAILED, "server_ended")


def test_what_a_stop_saved_is_handed_in(session: LabSession) -> None:
    submission = pressed(session)
    make.SnapshotFactory.create(
        workspace__owner=session.learner,
        workspace__lab=session.lab,
        session=session,
        files={"lab.ipynb": store_blob(b"mine")},
    )
    end(session)
    assert collect_submission(submission.pk) is not None
    submission.refresh_from_db()
    assert (submission.source, read_files(submission.files)) == ("snapshot", {"lab.ipynb": b"mine"})


def test_a_silent_server_is_asked_again_and_then_the_learner_is_told(session: LabSession) -> None:
    submission = pressed(session)
    collect_submission(submission.pk, connect=workspace(SilentContents()))
    submission.refresh_from_db()
    assert submission.status == SubmissionStatus.COLLECTING

    Submission.objects.update(pressed_at=timezone.now() - timedelta(minutes=2))
    collect_submission(submission.pk, connect=workspace(SilentContents()))
    submission.refresh_from_db()
    assert (submission.status, submission.reason) == (SubmissionStatus.FAILED, "not_collected")


def test_a_fault_of_ours_keeps_nobody_waiting_for_ever(session: LabSession) -> None:
    def broken(_session: LabSession) -> Any:
        raise OSError("no space left")

    submission = pressed(session, pressed_at=timezone.now() - timedelta(minutes=2))
    collect_submission(submission.pk, connect=broken)
    submission.refresh_from_db()
    assert (submission.status, submission.reason) == (SubmissionStatus.FAILED, "not_collected")


def test_a_name_that_cannot_be_stored_is_said_at_once(session: LabSession) -> None:
    class OddlyNamed(FakeContents):
        def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Any:
            raise ServerAnswerError("a file called 'a\\nb'", reason="unsafe_name")

    submission = pressed(session)
    collect_submission(submission.pk, connect=workspace(OddlyNamed()))
    submission.refresh_from_db()
    assert (submission.status, submission.reason) == (SubmissionStatus.FAILED, "file_name_refused")


def test_too_many_files_are_refused_at_once(session: LabSession) -> None:
    folder = session.workspace.folder
    disk = FakeContents({f"{folder}/{number}.txt": b"" for number in range(MAX_FILES + 1)})
    submission = pressed(session)
    collect_submission(submission.pk, connect=workspace(disk))
    submission.refresh_from_db()
    assert (submission.status, submission.reason) == (SubmissionStatus.FAILED, "workspace_too_large")


def test_a_renamed_notebook_is_said_and_uses_no_attempt(session: LabSession) -> None:
    disk = FakeContents({f"{session.workspace.folder}/my-lab.ipynb": b"mine"})
    submission = pressed(session)
    collect_submission(submission.pk, connect=workspace(disk))
    submission.refresh_from_db()
    assert (submission.reason, submission.attempt) == ("notebook_missing", None)


def test_a_forgotten_submission_is_claimed_by_one_sweep(session: LabSession) -> None:
    submission = pressed(session, sent_at=timezone.now() - timedelta(minutes=1))
    factory = submission.enrolment.cohort.factory.slug
    assert claim_forgotten_submissions() == [(submission.pk, factory)]
    assert claim_forgotten_submissions() == []


@pytest.mark.parametrize(
    ("reason", "to"), [("hub_down", SubmissionStatus.COLLECTING), ("", SubmissionStatus.FAILED)]
)
def test_what_was_pressed_for_waits_for_a_factory_that_is_known_to_be_down(
    session: LabSession, reason: str, to: SubmissionStatus
) -> None:
    @contextmanager
    def fail(_session: LabSession) -> Iterator[Any]:
        raise HubUnavailableError(reason=reason)
        yield

    submission = pressed(session, pressed_at=timezone.now() - timedelta(hours=1))
    collect_submission(submission.pk, connect=fail)
    submission.refresh_from_db()
    assert submission.status == to
