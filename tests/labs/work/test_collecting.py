"""Collecting a submission: stored first, never doubled, never silently older than what was pressed for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import UnitProgress
from labs.blobs import read_files, store_blob
from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.models import GradingRun, Hub, HubOutage, LabRelease, LabSession, LabUnit, Snapshot, Submission
from labs.states import ACTIVE_GRADING_STATUSES, GradingStatus, SessionStatus, SubmissionStatus
from labs.work.collecting import claim_forgotten_submissions, collect_submission
from labs.work.old_checks import KEPT, KEPT_FOR
from labs.work.workspaces import MAX_FILES
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.fakes.hub import FakeContents, SilentContents
from tests.labs.released import write_cell, write_notebook

pytestmark = pytest.mark.django_db


def workspace(fake: FakeContents) -> Callable[[LabSession], Any]:
    @contextmanager
    def connect(_session: LabSession) -> Iterator[FakeContents]:
        yield fake

    return connect


def pressed(session: LabSession, **fields: Any) -> Submission:
    values = {
        "enrolment": session.enrolment,
        "release": session.release,
        "status": SubmissionStatus.COLLECTING,
        "attempt": None,
        "files": {},
        "content_hash": "",
        **fields,
    }
    submission: Submission = make.SubmissionFactory.create(**values)
    return submission


def collect(session: LabSession, content: bytes, **fields: Any) -> Submission:
    """A press for what stands on the disk, as it is once it was collected."""
    submission = pressed(session, **fields)
    collect_submission(submission.pk, connect=workspace(disk_of(session, content)))
    submission.refresh_from_db()
    return submission


CHECK = Submission.Purpose.CHECK


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


def test_a_folder_without_a_notebook_of_the_lab_is_said_and_uses_no_attempt(session: LabSession) -> None:
    other = write_notebook(write_cell("other"))
    disk = FakeContents({f"{session.workspace.folder}/my-lab.ipynb": other})
    submission = pressed(session)
    collect_submission(submission.pk, connect=workspace(disk))
    submission.refresh_from_db()
    assert (submission.reason, submission.attempt) == ("notebook_missing", None)


def test_a_renamed_notebook_is_graded_as_far_as_it_is_known_by_its_cells(session: LabSession) -> None:
    renamed = write_notebook(write_cell("mean"))
    disk = FakeContents({f"{session.workspace.folder}/my-lab.ipynb": renamed})
    submission = pressed(session)
    assert collect_submission(submission.pk, connect=workspace(disk)) is not None


def test_a_forgotten_submission_is_claimed_by_one_sweep(session: LabSession) -> None:
    submission = pressed(session, sent_at=timezone.now() - timedelta(minutes=1))
    factory = submission.enrolment.cohort.factory.slug
    assert claim_forgotten_submissions() == [(submission.pk, factory)]
    assert claim_forgotten_submissions() == []


@pytest.mark.parametrize(
    ("down_for", "back_for", "to"),
    [
        (timedelta(minutes=50), None, SubmissionStatus.COLLECTING),
        (timedelta(minutes=50), timedelta(seconds=10), SubmissionStatus.COLLECTING),
        (timedelta(minutes=50), timedelta(minutes=2), SubmissionStatus.FAILED),
        (None, None, SubmissionStatus.FAILED),
    ],
)
def test_what_was_pressed_for_waits_for_a_factory_that_is_known_to_be_down(
    session: LabSession, down_for: timedelta | None, back_for: timedelta | None, to: SubmissionStatus
) -> None:
    now = timezone.now()
    if down_for and back_for:
        HubOutage.objects.create(
            hub=session.hub, began_at=now - down_for, ended_at=now - back_for, reason="hub_unavailable"
        )
    elif down_for:
        Hub.objects.filter(pk=session.hub_id).update(down_since=now - down_for)

    @contextmanager
    def fail(_session: LabSession) -> Iterator[Any]:
        raise HubUnavailableError
        yield

    submission = pressed(session, pressed_at=timezone.now() - timedelta(hours=1))
    collect_submission(submission.pk, connect=fail)
    submission.refresh_from_db()
    assert submission.status == to


# --- Checks of a learner's own work ---------------------------------------------------------------


def test_a_check_is_collected_and_run_and_is_no_attempt(session: LabSession) -> None:
    check = collect(session, b"mine", purpose=CHECK)
    assert (check.status, check.attempt, check.source) == (SubmissionStatus.COLLECTED, None, "server")
    assert GradingRun.objects.get().submission == check
    assert Snapshot.objects.get().cause == Snapshot.Cause.TIMER


def test_what_was_checked_can_be_submitted_as_the_first_attempt(session: LabSession) -> None:
    collect(session, b"mine", purpose=CHECK)
    assert collect(session, b"mine").attempt == 1


def test_a_check_of_what_was_checked_before_runs_nothing(session: LabSession) -> None:
    collect(session, b"mine")
    first = collect(session, b"mine", purpose=CHECK)
    assert first.status == SubmissionStatus.COLLECTED
    GradingRun.objects.update(status=GradingStatus.FINISHED)
    again = collect(session, b"mine", purpose=CHECK)
    assert (again.status, again.reason) == (SubmissionStatus.UNCHANGED, "same_check")
    assert GradingRun.objects.filter(submission__purpose=CHECK).count() == 1


def test_checks_that_repeat_one_another_do_not_pile_up(session: LabSession) -> None:
    collect(session, b"mine", purpose=CHECK)
    GradingRun.objects.update(status=GradingStatus.FINISHED)
    long_ago = timezone.now() - 2 * KEPT_FOR
    for number in range(KEPT + 3):
        collect(session, b"mine", purpose=CHECK, pressed_at=long_ago + timedelta(minutes=number))
    unchanged = Submission.objects.filter(status=SubmissionStatus.UNCHANGED)
    assert 0 < unchanged.count() <= KEPT


def test_a_check_that_we_could_not_run_stands_for_no_other(session: LabSession) -> None:
    collect(session, b"mine", purpose=CHECK)
    GradingRun.objects.update(status=GradingStatus.FAILED)
    assert collect(session, b"mine", purpose=CHECK).status == SubmissionStatus.COLLECTED


@pytest.mark.parametrize("purpose", Submission.Purpose)
@pytest.mark.parametrize("status", ACTIVE_GRADING_STATUSES)
def test_the_same_work_keeps_its_place_in_the_queue(
    session: LabSession, purpose: Submission.Purpose, status: GradingStatus
) -> None:
    collect(session, b"mine", purpose=purpose)
    GradingRun.objects.update(status=status)
    again = collect(session, b"mine", purpose=purpose)
    assert (again.status, again.reason) == (SubmissionStatus.UNCHANGED, "same_waits")
    assert GradingRun.objects.get().status == status


@pytest.mark.parametrize("purpose", Submission.Purpose)
def test_newer_work_takes_over_the_place_in_the_queue(
    session: LabSession, purpose: Submission.Purpose
) -> None:
    first = collect(session, b"first", purpose=purpose).runs.get()
    second = collect(session, b"second", purpose=purpose).runs.get()
    first.refresh_from_db()
    assert (first.status, second.status) == (GradingStatus.REPLACED, GradingStatus.QUEUED)
    assert second.in_line_since == first.in_line_since


def test_what_was_replaced_can_be_handed_in_again(session: LabSession) -> None:
    for content in (b"first", b"second", b"first"):
        newest = collect(session, content)
    assert (newest.status, newest.attempt) == (SubmissionStatus.COLLECTED, 3)


def test_work_that_was_graded_again_by_the_newer_release_is_the_same(session: LabSession) -> None:
    first = collect(session, b"mine")
    GradingRun.objects.update(status=GradingStatus.FINISHED)
    newer = make.LabReleaseFactory.create(lab=session.lab)
    make.GradingRunFactory.create(submission=first, release=newer)
    assert collect(session, b"mine", release=newer).reason == "same_as_before"


def test_a_check_does_not_wait_for_a_factory_that_is_down(session: LabSession) -> None:
    def fail(_session: LabSession) -> Any:
        raise HubUnavailableError(reason="hub_down")

    Hub.objects.filter(pk=session.hub_id).update(down_since=timezone.now() - timedelta(hours=2))
    check = pressed(session, purpose=CHECK, pressed_at=timezone.now() - timedelta(hours=1))
    collect_submission(check.pk, connect=fail)
    check.refresh_from_db()
    assert (check.status, check.reason) == (SubmissionStatus.FAILED, "not_collected")


# --- Another release, practice labs, limits -------------------------------------------------------


def test_the_same_work_is_graded_anew_by_another_release(session: LabSession) -> None:
    collect(session, b"mine")
    newer = make.LabReleaseFactory.create(lab=session.lab)
    assert collect(session, b"mine", release=newer).attempt == 2


@pytest.fixture
def lab_unit(session: LabSession) -> LabUnit:
    """The lab as the learner's cohort has it."""
    assert session.enrolment is not None
    unit = make_courses.UnitFactory.create(module__release=session.enrolment.cohort.release, kind="lab")
    lab_unit: LabUnit = LabUnit.objects.create(unit=unit, release=session.release)
    return lab_unit


def test_a_practice_lab_is_done_when_it_is_handed_in(session: LabSession) -> None:
    LabRelease.objects.update(grade_cells=[])
    handed_in = collect(session, b"mine")
    assert (handed_in.status, handed_in.attempt) == (SubmissionStatus.COLLECTED, 1)
    assert not GradingRun.objects.exists()
    progress = UnitProgress.objects.get(enrolment=session.enrolment, unit_slug=session.lab.slug)
    assert progress.completed_at is not None
    assert progress.score is None
    assert collect(session, b"mine").status == SubmissionStatus.UNCHANGED


def test_an_attempt_too_many_is_kept_out_when_it_is_collected(session: LabSession, lab_unit: LabUnit) -> None:
    """Two presses at once can both have found one attempt left."""
    lab_unit.release.grading = {"attempts": 1}
    lab_unit.release.save()
    collect(session, b"first")
    GradingRun.objects.update(status=GradingStatus.RUNNING)
    second = collect(session, b"second")
    assert (second.status, second.reason) == (SubmissionStatus.FAILED, "no_attempts_left")
    assert second.attempt is None
    assert collect(session, b"first").status == SubmissionStatus.UNCHANGED
    assert collect(session, b"second", purpose=CHECK).status == SubmissionStatus.COLLECTED


def test_an_attempt_that_waits_is_none_yet(session: LabSession, lab_unit: LabUnit) -> None:
    """Newer work replaces it, so a limit cannot keep anybody from mending what they have just handed in."""
    lab_unit.release.grading = {"attempts": 1, "pace_minutes": 60}
    lab_unit.release.save()
    collect(session, b"first")
    assert collect(session, b"second").status == SubmissionStatus.COLLECTED


def test_where_an_attempt_is_refused_what_waits_keeps_its_place(
    session: LabSession, lab_unit: LabUnit
) -> None:
    """The lab's rules were changed while it waited."""
    collect(session, b"first")
    GradingRun.objects.update(status=GradingStatus.FINISHED)
    waiting = collect(session, b"second").runs.get()
    lab_unit.release.grading = {"attempts": 1}
    lab_unit.release.save()
    assert collect(session, b"third").reason == "no_attempts_left"
    waiting.refresh_from_db()
    assert waiting.status == GradingStatus.QUEUED


def test_the_pace_counts_from_press_to_press(session: LabSession, lab_unit: LabUnit) -> None:
    lab_unit.release.grading = {"pace_minutes": 10}
    lab_unit.release.save()
    first = collect(session, b"first")
    GradingRun.objects.update(status=GradingStatus.RUNNING)
    too_soon = first.pressed_at + timedelta(minutes=9)
    assert collect(session, b"second", pressed_at=too_soon).reason == "too_soon"
    later = first.pressed_at + timedelta(minutes=10)
    assert collect(session, b"second", pressed_at=later).attempt == 2
